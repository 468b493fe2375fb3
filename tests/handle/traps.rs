//! What other file handles got wrong.

use std::io::{SeekFrom, Write};
use std::sync::Arc;

use aiofile::{AioFile, Error, ErrorKind, OpenOptions, async_open};
use futures_util::TryStreamExt;
use futures_util::future::join_all;
use tokio::io::AsyncSeekExt;
use tokio::sync::Mutex;

use crate::backends::{disk, each, open};

#[test]
fn a_failed_write_moves_no_cursor_and_close_syncs_nothing() {
    each(async |context| {
        let mut full = open(context, "/dev/full", "r+").await;
        full.seek(SeekFrom::Start(7)).await.unwrap();
        for _ in 0..2 {
            let error = Error::from(full.write_owned("hello").await.unwrap_err());
            assert_eq!((error.raw_os_error(), full.tell()), (Some(28), 7));
        }
        // fdatasync(2) of /dev/full is an error, so that a sync would show.
        assert!(full.file().fdatasync().await.is_err());
        full.close().await.unwrap();
        full.close().await.unwrap();
        assert_eq!(Error::from(full.write_owned("x").await.unwrap_err()).kind(), ErrorKind::Closed);
        assert_eq!(Error::from(full.read_bytes(1).await.unwrap_err()).kind(), ErrorKind::Closed);
        assert_eq!(
            Error::from(full.seek(SeekFrom::Start(0)).await.unwrap_err()).kind(),
            ErrorKind::Closed
        );
        assert_eq!(Error::from(full.truncate(0).await.unwrap_err()).kind(), ErrorKind::Closed);
        assert_eq!(Error::from(full.fsync().await.unwrap_err()).kind(), ErrorKind::Closed);
        full.close_synced().await.unwrap();
    });
}

#[test]
fn chunks_begin_at_the_cursor() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0123456789").unwrap();
        let mut handle = open(context, file.path(), "rb").await;
        handle.seek(SeekFrom::Start(3)).await.unwrap();
        assert_eq!(handle.iter_chunked(3).try_next().await.unwrap().unwrap(), "345");
        assert_eq!(handle.tell(), 6);
        let rest: Vec<_> = handle.iter_chunked(3).try_collect().await.unwrap();
        assert_eq!(rest, ["678", "9"]);
        let error = Error::from(handle.iter_chunked(0).try_next().await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn files_of_proc_are_read_whole_and_in_pieces_of_any_size() {
    each(async |context| {
        let path = "/proc/cpuinfo";
        let whole = open(context, path, "r").await.read_all().await.unwrap();
        assert!(whole.starts_with(b"processor"));
        for length in [1000, 4096, 65_536, 1 << 21, usize::MAX / 4] {
            let mut handle = open(context, path, "r").await;
            let mut length_read = 0;
            loop {
                let bytes = handle.read_bytes(length).await.unwrap();
                length_read += bytes.len();
                assert_eq!(handle.tell(), length_read as u64);
                if bytes.is_empty() {
                    break;
                }
            }
            // The clock frequency among them changes, and with it a digit at most.
            assert!(length_read.abs_diff(whole.len()) < 64, "{length}: {length_read}");
        }
    });
}

#[test]
fn a_file_too_many_is_an_error_at_once_where_all_are_held() {
    each(async |context| {
        let limited = aiofile::context().backend(context.info().backend).max_open_files(2);
        let limited = limited.build().unwrap();
        let held = [open(&limited, "/dev/null", "r").await, open(&limited, "/dev/null", "r").await];
        let mut options = OpenOptions::new();
        options.read(true).context(&limited);
        let error = Error::from(options.open("/dev/null").await.unwrap_err());
        assert_eq!(error.raw_os_error(), Some(24), "{error}");
        assert!(error.to_string().contains("max_open_files"), "{error}");
        drop(held);
        options.open("/dev/null").await.unwrap();
    });
}

#[test]
fn a_mode_that_the_open_file_cannot_keep_is_refused() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut options = OpenOptions::new();
        options.context(context).access("r+").unwrap();
        let open = options.open_aio(file.path()).await.unwrap();
        let error = Error::from(async_open(open, "a").await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = Error::from(AioFile::open(file.path(), "rw").await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn callers_that_share_one_handle_write_in_the_order_of_their_calls() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let handle = Arc::new(Mutex::new(open(context, file.path(), "w").await));
        let record = |number: usize| format!("{number:03}").repeat(number % 7 + 1) + "\n";
        join_all((0..100).map(async |number| {
            handle.lock().await.write_owned(record(number)).await.unwrap();
        }))
        .await;
        let expected: String = (0..100).map(record).collect();
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), expected);
    });
}

#[test]
fn clones_read_the_same_file_side_by_side() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let data: Vec<u8> = (0..1_000_000u32).map(|i| (i / 3) as u8).collect();
        std::fs::write(file.path(), &data).unwrap();
        let mut handle = open(context, file.path(), "rb").await;
        assert_eq!(handle.read_bytes(10).await.unwrap(), &data[..10]);
        let clones = (0..4).map(|_| handle.clone()).collect::<Vec<_>>();
        handle.close().await.unwrap();
        join_all(clones.into_iter().map(async |mut clone| {
            let chunks: Vec<_> = clone.iter_chunked(4_096).try_collect().await.unwrap();
            assert!(chunks.concat() == data[10..]);
            assert_eq!(clone.tell(), 1_000_000);
        }))
        .await;
    });
}

#[test]
fn a_file_that_grows_is_read_to_its_new_end() {
    each(async |context| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut handle = open(context, file.path(), "r").await;
        for round in 0..3 {
            assert_eq!(handle.readline().await.unwrap(), "", "{round}");
            file.write_all(b"half").unwrap();
            assert_eq!(handle.read_all().await.unwrap(), "half");
            file.write_all(b" line\n").unwrap();
            assert_eq!(handle.readline().await.unwrap(), " line\n");
        }
        file.as_file().set_len(5).unwrap();
        assert_eq!(handle.read_bytes(10).await.unwrap(), "");
        handle.seek(SeekFrom::Start(3)).await.unwrap();
        assert_eq!(handle.read_bytes(usize::MAX).await.unwrap(), "f ");
    });
}

#[test]
fn positions_beyond_32_bits_are_kept() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut handle = open(context, file.path(), "r+").await;
        for position in [1 << 31, (1 << 32) - 2, 1 << 32, 1 << 40] {
            handle.seek(SeekFrom::Start(position)).await.unwrap();
            handle.write_owned("far\n").await.unwrap();
            assert_eq!(handle.tell(), position + 4);
            handle.seek(SeekFrom::End(-4)).await.unwrap();
            assert_eq!(handle.readline().await.unwrap(), "far\n");
        }
        handle.seek(SeekFrom::Start(i64::MAX as u64 - 1)).await.unwrap();
        assert_eq!(
            Error::from(handle.write_owned("xyz").await.unwrap_err()).kind(),
            ErrorKind::InvalidInput
        );
        assert_eq!(handle.tell(), i64::MAX as u64 - 1);
    });
}

#[test]
fn a_line_of_many_chunks_is_one_line() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let long = "x".repeat(1_000_003);
        std::fs::write(file.path(), format!("{long}<>{long}<>")).unwrap();
        let mut handle = open(context, file.path(), "r").await;
        for _ in 0..2 {
            assert!(handle.readline_with("<>").await.unwrap() == format!("{long}<>"));
        }
        assert_eq!(handle.readline_with("<>").await.unwrap(), "");
        assert_eq!(
            Error::from(handle.readline_with("").await.unwrap_err()).kind(),
            ErrorKind::InvalidInput
        );
    });
}

#[test]
fn a_handle_works_without_the_page_cache() {
    each(async |context| {
        let directory = disk();
        let path = directory.path().join("direct");
        let mut options = OpenOptions::new();
        options.context(context).access("w+").unwrap();
        let file = match options.direct(true).bounce(true).open_aio(path).await {
            Ok(file) => file,
            Err(error) => return println!("skipped: {error}"),
        };
        let mut handle = async_open(file, "w+").await.unwrap();
        handle.write_owned("one\ntwo\nthree").await.unwrap();
        handle.seek(SeekFrom::Start(1)).await.unwrap();
        assert_eq!(handle.readline().await.unwrap(), "ne\n");
        assert_eq!(handle.read_bytes(3).await.unwrap(), "two");
        assert_eq!(handle.read_all().await.unwrap(), "\nthree");
    });
}

/// Trap D5.
#[test]
fn a_program_that_is_started_inherits_no_descriptor() {
    each(async |context| {
        let directory = disk();
        let fs = aiofile::fs::Fs::new(context);
        fs.write(directory.path().join("file"), "one\ntwo\n").await.unwrap();
        let mut handle = open(context, directory.path().join("file"), "r+").await;
        assert_eq!(handle.readline().await.unwrap(), "one\n");
        let mut options = OpenOptions::new();
        options.context(context).read(true).write(true).direct(true).bounce(true);
        let direct = options.open_aio(directory.path().join("file")).await;
        let mut builder = aiofile::tempfile::Builder::new();
        builder.context(context).directory(directory.path());
        let temporary = (builder.named().await.unwrap(), builder.unnamed().await.unwrap());
        let lock = fs.lock(&handle).await.unwrap();
        let changes = caio::event::changes(&[directory.path()]).unwrap();
        let timer = caio::event::timer(std::time::Duration::from_secs(1)).unwrap();

        let listed = std::process::Command::new("ls").args(["-l", "/proc/self/fd"]).output();
        let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
        let ours = ["anon_inode:", &*directory.path().to_string_lossy()];
        let inherited = listed.lines().find(|line| ours.iter().any(|name| line.contains(name)));
        assert_eq!(inherited, None, "on {}", context.info().backend);
        drop((direct, temporary, lock, changes, timer));
    });
}
