//! Completions that are polled for, or for which that is not supported: whichever it is here, the
//! results are the same.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::*;
use crate::buffer::AlignedBuffer;
use crate::testing::eventually;

const BLOCK: usize = 4096;

/// The disk of the sources; where they are read-only, a temporary directory.
fn disk() -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    match nix::unistd::access(sources, nix::unistd::AccessFlags::W_OK) {
        Ok(()) => sources.to_owned(),
        Err(_) => std::env::temp_dir(),
    }
}

fn polling() -> Option<Uring> {
    open(&Options { iopoll: true, requests_max: 64, rings: 2, ..Options::default() })
}

/// A file of 64 blocks, each filled with its number, opened with O_DIRECT below `directory`.
#[allow(clippy::print_stderr)]
fn direct_file(directory: &Path, name: &str) -> Option<SharedFile> {
    let path = directory.join(format!("caio-polled-{name}-{}", std::process::id()));
    let contents: Vec<u8> = (0..64_u8).flat_map(|number| [number; BLOCK]).collect();
    let written = std::fs::write(&path, contents).and_then(|()| File::open(&path)?.sync_all());
    written.inspect_err(|error| eprintln!("skipped: {}: {error}", path.display())).ok()?;
    let mut options = File::options();
    let file = options.read(true).write(true).custom_flags(libc::O_DIRECT).open(&path);
    std::fs::remove_file(&path).unwrap();
    let file = file.inspect_err(|error| eprintln!("skipped: no O_DIRECT: {error}")).ok()?;
    Some(SharedFile::new(file, path).unwrap())
}

fn read_block(number: u64) -> Op {
    let buffer = Buffer::from(AlignedBuffer::new(BLOCK, BLOCK));
    Op::read(buffer, 0..BLOCK, number * BLOCK as u64).unwrap()
}

fn expect_block(outcome: Outcome, number: u8) {
    assert_eq!(bytes(&outcome), BLOCK);
    let Some(Op::Read { mut buffer, .. }) = outcome.op else { panic!("{outcome:?}") };
    buffer.set_len(BLOCK);
    assert_eq!(buffer.as_slice(), [number; BLOCK]);
}

#[test]
fn direct_reads_and_writes_give_what_they_give_without_polling() {
    let Some(backend) = polling() else { return };
    for directory in [disk(), PathBuf::from("/dev/shm")] {
        let Some(file) = direct_file(&directory, "results") else { continue };
        for number in [0, 63, 7] {
            expect_block(run(&backend, read_block(number.into()), Some(&file)), number);
        }
        let mut buffer = AlignedBuffer::new(BLOCK, BLOCK);
        buffer.extend_from_slice(&[200; BLOCK]);
        let op = Op::write(Buffer::from(buffer), 0..BLOCK, 5 * BLOCK as u64).unwrap();
        assert_eq!(bytes(&run(&backend, op, Some(&file))), BLOCK);
        expect_block(run(&backend, read_block(5), Some(&file)), 200);
        assert_eq!(bytes(&run(&backend, read_block(64), Some(&file))), 0, "the end of the file");
        let misaligned = Op::read(Buffer::from(vec![0; 100]), 0..100, 1).unwrap();
        let result = run(&backend, misaligned, Some(&file)).result;
        assert!(
            file.file_system() == crate::FileSystem::Memory
                || result.unwrap_err().raw_os_error() == Some(Errno::EINVAL as i32)
        );
        assert!(matches!(run(&backend, Op::Fsync, Some(&file)).result, Ok(Output::Done)));
        assert!(eventually(|| backend.polled().unwrap().held() == 0));
    }
}

#[test]
fn a_file_without_polling_goes_to_the_ordinary_rings_for_good() {
    let Some(backend) = polling() else { return };
    let Some(file) = direct_file(Path::new("/dev/shm"), "memory") else { return };
    expect_block(run(&backend, read_block(3), Some(&file)), 3);
    assert!(file.refuses_polling().load(Ordering::Relaxed), "memory has nothing to poll");
    let (request, _completion) = request(read_block(3), Some(&file));
    assert!(!super::super::polled::Polled::concerns(&request));
}

#[test]
fn what_cannot_be_polled_never_comes_to_the_polling_thread() {
    let Some(backend) = polling() else { return };
    let (reader, writer) = pipe();
    File::from(writer).write_all(b"pipe").unwrap();
    assert_eq!(contents(run(&backend, read(4, 0), Some(&reader))), b"pipe");
    assert_eq!(contents(run(&backend, read(5, 0), Some(&file_with(b"plain")))), b"plain");
    assert!(!backend.polled().unwrap().is_running());
}

#[test]
fn mixed_batches_larger_than_the_rings_complete_whole() {
    let Some(backend) = polling() else { return };
    let Some(direct) = direct_file(&disk(), "mixed") else { return };
    let plain = file_with(b"plain");
    let (mut batch, mut completions) = (Vec::new(), Vec::new());
    for index in 0..400_u64 {
        let is_direct = index % 3 != 0;
        let (op, file) =
            if is_direct { (read_block(index % 64), &direct) } else { (read(5, 0), &plain) };
        let (request, completion) = request(op, Some(file));
        batch.push(Some(request));
        completions.push((index, is_direct, completion));
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while batch.iter().any(Option::is_some) {
        assert!(Instant::now() < deadline);
        let taken = batch.iter().take_while(|request| request.is_none()).count();
        assert!(batch[taken..].iter().all(Option::is_some), "taken from the front only");
        backend.submit(&mut batch[taken..]).unwrap();
        reap_all(&backend);
    }
    for (index, is_direct, completion) in completions {
        let outcome = wait(completion, || reap_all(&backend));
        match is_direct {
            true => expect_block(outcome, u8::try_from(index % 64).unwrap()),
            false => assert_eq!(contents(outcome), b"plain"),
        }
    }
}

#[test]
fn shutdown_waits_for_what_is_polled() {
    let Some(backend) = polling() else { return };
    let Some(file) = direct_file(&disk(), "shutdown") else { return };
    let completions: Vec<_> = (0..32_u8)
        .map(|number| (number, begin(&backend, read_block(number.into()), &file)))
        .collect();
    assert_eq!(backend.shutdown(Instant::now() + Duration::from_secs(10)), 0);
    for (number, completion) in completions {
        expect_block(wait(completion, || ()), number);
    }
}

#[test]
fn polling_lasts_until_something_has_completed() {
    let Some(backend) = open(&small(4, 1)) else { return };
    let (reader, writer) = pipe();
    let completion = begin(&backend, read(16, 0), &reader);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            File::from(writer).write_all(b"asked for").unwrap();
        });
        while backend.first().in_flight() > 0 {
            assert!(backend.first().poll());
        }
    });
    assert_eq!(contents(wait(completion, || ())), b"asked for");
}
