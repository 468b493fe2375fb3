//! What other file handles got wrong.

use std::io::SeekFrom;

use aiofile::{AioFile, Context, ErrorKind, FileHandle, OpenOptions, async_open};
use futures_util::TryStreamExt;

use crate::backends::each;

pub(crate) async fn open(
    context: &Context,
    path: impl AsRef<std::path::Path>,
    mode: &str,
) -> FileHandle {
    let options = OpenOptions::new().context(context).mode(mode).unwrap();
    async_open(options.open(path).await.unwrap(), mode).await.unwrap()
}

#[test]
fn a_failed_write_moves_no_cursor_and_close_syncs_nothing() {
    each(async |context| {
        let mut full = open(context, "/dev/full", "r+").await;
        full.seek(SeekFrom::Start(7)).await.unwrap();
        for _ in 0..2 {
            let error = full.write("hello").await.unwrap_err();
            assert_eq!((error.raw_os_error(), full.tell()), (Some(28), 7));
        }
        // fdatasync(2) of /dev/full is an error, so that a sync would show.
        assert!(full.file().fdatasync().await.is_err());
        full.close().await.unwrap();
        full.close().await.unwrap();
        assert_eq!(full.write("x").await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(full.read(1).await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(full.seek(SeekFrom::Start(0)).await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(full.truncate(0).await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(full.fsync().await.unwrap_err().kind(), ErrorKind::Closed);
        full.close_synced().await.unwrap();
    });
}

#[test]
fn append_starts_and_stays_at_the_end_of_absent_and_present_files() {
    each(async |context| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut absent = open(context, &path, "a+").await;
        assert_eq!(absent.tell(), 0);
        absent.write("one\n").await.unwrap();
        let mut present = open(context, &path, "a+").await;
        assert_eq!((absent.tell(), present.tell()), (4, 4));
        present.write("two\n").await.unwrap();
        present.seek(SeekFrom::Start(0)).await.unwrap();
        assert_eq!(present.readline().await.unwrap(), "one\n");
        absent.write("three\n").await.unwrap();
        assert_eq!(absent.tell(), 14);
        assert_eq!(present.read_all().await.unwrap(), "two\nthree\n");
        present.write("four\n").await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\nthree\nfour\n");
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
        let error = handle.iter_chunked(0).try_next().await.unwrap_err();
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
                let bytes = handle.read(length).await.unwrap();
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
fn a_mode_that_the_open_file_cannot_keep_is_refused() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let options = OpenOptions::new().context(context).mode("r+").unwrap();
        let open = options.open(file.path()).await.unwrap();
        let error = async_open(open, "a").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = AioFile::open(file.path(), "rw").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}
