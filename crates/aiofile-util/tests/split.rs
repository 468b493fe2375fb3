//! Files cut into pieces, against coreutils' split.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::fs;
use std::io::ErrorKind;
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aiofile_util::{SplitBy, SplitOptions, Suffix};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use common::{block_on, context, contexts, file, is_root, names, noise, output, place};

fn bytes(bytes: u64) -> SplitBy {
    SplitBy::Bytes(NonZeroU64::new(bytes).unwrap())
}

fn lines(lines: u64) -> SplitBy {
    SplitBy::Lines(NonZeroU64::new(lines).unwrap())
}

fn pieces(count: u64) -> SplitBy {
    SplitBy::Pieces(NonZeroU64::new(count).unwrap())
}

fn pieces_of_lines(count: u64) -> SplitBy {
    SplitBy::PiecesOfLines(NonZeroU64::new(count).unwrap())
}

fn length(length: usize) -> NonZeroUsize {
    NonZeroUsize::new(length).unwrap()
}

/// Names and contents of all that is there.
fn tree(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: std::ffi::OsString| {
        let contents = fs::read(directory.join(&name)).unwrap();
        (name.into_string().unwrap(), contents)
    };
    names(directory).into_iter().map(read).collect()
}

#[test]
fn pieces_have_the_names_and_contents_of_coreutils() {
    let place = place();
    let mut text = Vec::new();
    for index in 0..2_000_u32 {
        text.extend(format!("line {index} {}\n", "x".repeat(index as usize % 90)).bytes());
    }
    text.extend(b"and no end");
    // How what does not come out even is shared differs between versions.
    text.resize(text.len().next_multiple_of(1000), b'.');
    let source = file(place.path(), "source", &text);
    let cases: [(SplitOptions, &[&str]); 13] = [
        (SplitOptions::new(pieces(1)), &["-n", "1"]),
        (SplitOptions::new(pieces(8)).suffix(Suffix::Numbers), &["-n", "8", "-d"]),
        // Three letters from the start.
        (SplitOptions::new(pieces(1000)), &["-n", "1000"]),
        (SplitOptions::new(pieces_of_lines(5)), &["-n", "l/5"]),
        (SplitOptions::new(pieces_of_lines(1000)), &["-n", "l/1000"]),
        (SplitOptions::new(bytes(10_000)), &["-b", "10000"]),
        (SplitOptions::new(bytes(1 << 30)), &["-b", "1G"]),
        // More than two letters count.
        (SplitOptions::new(bytes(110)), &["-b", "110"]),
        (SplitOptions::new(lines(3)).suffix_length(length(5)), &["-l", "3", "-a", "5"]),
        (SplitOptions::new(lines(25)), &["-l", "25"]),
        (SplitOptions::new(lines(20)).suffix(Suffix::Numbers), &["-l", "20", "-d"]),
        (SplitOptions::new(lines(8)).suffix(Suffix::Hexadecimal), &["-l", "8", "-x"]),
        (
            SplitOptions::new(bytes(9999)).suffix(Suffix::Numbers).suffix_length(length(4)),
            &["-b", "9999", "-d", "-a", "4"],
        ),
    ];
    for (options, arguments) in cases {
        let (ours, theirs) = (place.path().join("ours"), place.path().join("theirs"));
        fs::create_dir(&ours).unwrap();
        fs::create_dir(&theirs).unwrap();
        let pieces = block_on(options.split(&source, ours.join("part."))).unwrap();
        let tree_of_ours = tree(&ours);
        assert!(pieces.iter().map(|p| p.path.clone()).is_sorted());
        assert_eq!(pieces.len(), tree_of_ours.len());
        for (piece, (name, contents)) in pieces.iter().zip(&tree_of_ours) {
            assert_eq!(piece.path, ours.join(name));
            assert_eq!(piece.bytes, contents.len() as u64);
        }
        let joined: Vec<_> = tree_of_ours.iter().flat_map(|(_, contents)| contents).collect();
        assert!(joined.into_iter().eq(&text), "{arguments:?}");
        let arguments: Vec<_> = arguments.iter().copied().chain(["../source", "part."]).collect();
        if output(&theirs, "split", &arguments).is_some() {
            assert!(tree(&theirs) == tree_of_ours, "{arguments:?}: {:?}", names(&ours));
        }
        fs::remove_dir_all(&ours).unwrap();
        fs::remove_dir_all(&theirs).unwrap();
    }
}

#[test]
fn large_pieces_are_cut_on_every_backend() {
    let place = place();
    let contents = noise((21 << 20) + 5, 1);
    let source = file(place.path(), "source", &contents);
    let into = place.path().join("into");
    for context in contexts() {
        fs::create_dir(&into).unwrap();
        let options = SplitOptions::new(bytes(6 << 20)).context(&context);
        let pieces = block_on(options.split(&source, into.join("x"))).unwrap();
        assert_eq!(pieces.len(), 4);
        let joined: Vec<u8> =
            pieces.iter().flat_map(|piece| fs::read(&piece.path).unwrap()).collect();
        assert!(joined == contents);
        fs::remove_dir_all(&into).unwrap();
    }
}

#[test]
fn pieces_of_a_number_take_all_and_are_equal_or_end_with_lines() {
    let place = place();
    let mut text = "short\n\nlonger than that\n".repeat(30);
    text += &"one line ".repeat(40_000);
    text += "\nlast\nwithout an end";
    for length in [0, 1, 2, 7, 24, 25, 700, text.len()] {
        let text = &text[..length];
        let source = file(place.path(), "source", text);
        for count in [1, 2, 3, 7, 30, 71] {
            let shares = |by| {
                let into = place.path().join("into");
                fs::create_dir(&into).unwrap();
                let pieces =
                    block_on(SplitOptions::new(by).split(&source, into.join("x"))).unwrap();
                let read = |piece: &aiofile_util::Piece| fs::read_to_string(&piece.path).unwrap();
                let shares: Vec<_> = pieces.iter().map(read).collect();
                fs::remove_dir_all(&into).unwrap();
                assert_eq!(shares.len() as u64, count);
                assert_eq!(shares.concat(), text);
                shares
            };
            let lengths: Vec<_> = shares(pieces(count)).iter().map(String::len).collect();
            assert!(lengths.iter().max().unwrap() - lengths.iter().min().unwrap() <= 1);
            // Each line is in the piece of its first byte's share, or of one before.
            let (mut end, mut share_end) = (0, 0);
            let by_lines = shares(pieces_of_lines(count));
            for (piece, length) in by_lines.iter().zip(lengths) {
                end += piece.len();
                share_end += length;
                assert!(end >= share_end, "{count} pieces of {}", text.len());
                assert!(end == text.len() || piece.is_empty() || piece.ends_with('\n'));
                let whole = &text[..end];
                let lines_before = whole.strip_suffix('\n').and_then(|rest| rest.rfind('\n'));
                let last_begins = lines_before.map_or(0, |at| at + 1);
                assert!(piece.is_empty() || last_begins < share_end, "a line too many");
            }
        }
    }
}

#[test]
fn a_number_of_pieces_needs_a_length() {
    let place = place();
    let prefix = place.path().join("x");
    for by in [pieces(3), pieces_of_lines(3)] {
        for source in ["/proc/self/status", "/dev/null"] {
            let error = block_on(SplitOptions::new(by).split(source, &prefix)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(error.to_string().contains("no length"), "{error}");
        }
    }
    assert!(names(place.path()).is_empty());
}

#[test]
fn a_pipe_is_cut_and_an_empty_file_has_no_pieces() {
    let place = place();
    let empty = file(place.path(), "empty", "");
    let into = place.path().join("into");
    fs::create_dir(&into).unwrap();
    for by in [bytes(10), lines(10)] {
        assert_eq!(block_on(SplitOptions::new(by).split(&empty, into.join("x"))).unwrap(), []);
    }
    let fifo = place.path().join("fifo");
    mkfifo(&fifo, Mode::from_bits_truncate(0o600)).unwrap();
    let (sent, into_fifo) = (noise(1_000_003, 2), fifo.clone());
    let written = sent.clone();
    let writer = std::thread::spawn(move || fs::write(into_fifo, written).unwrap());
    let pieces = block_on(SplitOptions::new(bytes(100_000)).split(&fifo, into.join("x"))).unwrap();
    writer.join().unwrap();
    assert_eq!(pieces.iter().map(|piece| piece.bytes).max(), Some(100_000));
    let joined: Vec<u8> = pieces.iter().flat_map(|piece| fs::read(&piece.path).unwrap()).collect();
    assert!(joined == sent);
}

#[test]
fn an_error_leaves_nothing_behind() {
    let place = place();
    let source = file(place.path(), "source", "1\n2\n3\n4\n5\n".repeat(100_000));
    let before = names(place.path());
    let prefix = place.path().join("x");
    let too_short = SplitOptions::new(bytes(50_000)).suffix_length(length(1));
    let too_short = too_short.suffix(Suffix::Numbers);
    let said = block_on(too_short.split(&source, &prefix)).unwrap_err().to_string();
    assert!(said.contains("suffixes of length 1") && said.contains("longer"), "{said}");
    let by_lines = SplitOptions::new(lines(1000)).suffix_length(length(1));
    assert!(block_on(by_lines.split(&source, &prefix)).is_err());
    assert!(block_on(SplitOptions::new(lines(1)).split(place.path(), &prefix)).is_err());
    let missing = place.path().join("missing");
    assert!(block_on(SplitOptions::new(bytes(1)).split(&missing, &prefix)).is_err());
    let nowhere = missing.join("x");
    assert!(block_on(SplitOptions::new(bytes(100_000)).split(&source, nowhere)).is_err());
    for by in [bytes(1000), lines(100)] {
        let stopped = SplitOptions::new(by).on_progress(|_| ControlFlow::Break(()));
        let said = block_on(stopped.split(&source, &prefix)).unwrap_err().to_string();
        assert!(said.contains("stopped"), "{said}");
    }
    assert_eq!(names(place.path()), before);
}

#[test]
fn a_piece_that_is_there_stays_unless_it_may_be_replaced() {
    let place = place();
    let source = file(place.path(), "source", "1\n2\n3\n");
    for taken in ["xaa", "xac"] {
        let old = file(place.path(), taken, "old");
        let options = SplitOptions::new(lines(1));
        let error = block_on(options.split(&source, place.path().join("x"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(error.to_string().contains(taken), "{error}");
        assert_eq!(names(place.path()), ["source", taken]);
        assert_eq!(fs::read(&old).unwrap(), b"old");
        block_on(options.overwrite(true).split(&source, place.path().join("x"))).unwrap();
        assert_ne!(fs::read(&old).unwrap(), b"old");
        for piece in ["xaa", "xab", "xac"] {
            fs::remove_file(place.path().join(piece)).unwrap();
        }
    }
}

#[test]
fn the_source_is_never_replaced_by_a_piece_of_itself() {
    let place = place();
    let source = file(place.path(), "xab", "1\n2\n3\n");
    let options = SplitOptions::new(lines(1)).overwrite(true);
    let said = block_on(options.split(&source, place.path().join("x"))).unwrap_err().to_string();
    assert!(said.contains("the name of a piece"), "{said}");
    assert_eq!(names(place.path()), ["xab"]);
    assert_eq!(fs::read(&source).unwrap(), b"1\n2\n3\n");
}

#[test]
fn a_directory_that_may_not_be_written_to_is_named_as_it_was() {
    if is_root() {
        return println!("skipped: root may write everywhere");
    }
    let place = place();
    let source = file(place.path(), "source", "1\n2\n");
    let closed = place.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    let options = SplitOptions::new(lines(1));
    let said = block_on(options.split(&source, closed.join("x"))).unwrap_err().to_string();
    assert!(said.contains("closed/x") && !said.contains(".aiofile"), "{said}");
}

#[test]
fn a_dropped_future_leaves_nothing_behind() {
    let place = place();
    let source = file(place.path(), "source", noise(32 << 20, 3));
    let context = context();
    let options = SplitOptions::new(bytes(8 << 20)).context(&context);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let split = options.split(&source, place.path().join("x"));
        let mut split = Box::pin(split);
        // Until there is something to remove.
        let mut looked = tokio::time::interval(std::time::Duration::from_millis(1));
        loop {
            tokio::select! {
                done = &mut split => panic!("it was to be dropped: {done:?}"),
                _ = looked.tick() => if names(place.path()).len() > 1 { break },
            }
        }
        drop(split);
        context.shutdown(std::time::Duration::from_secs(60)).await;
        while names(place.path()) != ["source"] {
            looked.tick().await;
        }
    });
}

#[test]
fn a_suffix_that_is_longer_than_any_name_is_refused_before_anything_is_done() {
    let place = place();
    let source = file(place.path(), "source", "text");
    for length in [256, 1 << 40, usize::MAX] {
        let options = SplitOptions::new(SplitBy::Bytes(NonZeroU64::MIN));
        let options = options.suffix_length(NonZeroUsize::new(length).unwrap());
        let error = block_on(options.split(&source, place.path().join("x"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let expected = format!(
            "split {}: no name of a file has room for a suffix of {length} characters",
            source.display()
        );
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(names(place.path()), ["source"]);
}
