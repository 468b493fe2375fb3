//! Descriptors that others have too: a handle keeps to their position, as std does.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::Path;

use aiofile::{Context, Error, File};
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::backends::{each, over};

/// An open file with these contents, and a handle on a duplicate of its descriptor.
async fn shared(context: &Context, path: &Path, contents: &str) -> (fs::File, File) {
    std::fs::write(path, contents).unwrap();
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let duplicate = file.as_fd().try_clone_to_owned().unwrap();
    (file, over(context, duplicate, "r+").await)
}

#[test]
fn what_is_printed_and_what_a_handle_writes_lie_one_behind_the_other() {
    each(async |context| {
        let scratch = tempfile::NamedTempFile::new().unwrap();
        let (mut printed, mut handle) = shared(context, scratch.path(), "").await;
        printed.write_all(b"before\n").unwrap();
        handle.write_owned("handle\n").await.unwrap();
        assert_eq!((handle.tell(), printed.stream_position().unwrap()), (14, 14));
        printed.write_all(b"between\n").unwrap();
        assert_eq!(handle.tell(), 22);
        handle.clone().write_owned("clone\n").await.unwrap();
        handle.write_all(b"tokio\n").await.unwrap();
        handle.close().await.unwrap();
        printed.write_all(b"after\n").unwrap();
        let text = std::fs::read_to_string(scratch.path()).unwrap();
        assert_eq!(text, "before\nhandle\nbetween\nclone\ntokio\nafter\n");
    });
}

#[test]
fn what_a_handle_has_read_is_read_by_no_other_and_the_reverse() {
    each(async |context| {
        let scratch = tempfile::NamedTempFile::new().unwrap();
        let text = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";
        let (mut other, mut handle) = shared(context, scratch.path(), text).await;
        let mut four = [0; 4];
        assert_eq!(handle.readline().await.unwrap(), "one\n");
        other.read_exact(&mut four).unwrap();
        assert_eq!(&four, b"two\n");
        assert_eq!(handle.line_stream().try_next().await.unwrap().unwrap(), "three");
        assert_eq!(handle.read_bytes(2).await.unwrap(), "fo");
        other.read_exact(&mut four[..3]).unwrap();
        assert_eq!(&four[..3], b"ur\n");
        let mut line = String::new();
        handle.read_line(&mut line).await.unwrap();
        assert_eq!((line.as_str(), other.stream_position().unwrap()), ("five\n", 24));
        other.seek(SeekFrom::Start(4)).unwrap();
        assert_eq!(handle.stream_position().await.unwrap(), 4);
        assert_eq!(handle.iter_chunked(3).try_next().await.unwrap().unwrap(), "two");
        let mut two = [0; 2];
        handle.read_exact(&mut two).await.unwrap();
        assert_eq!((&two, other.stream_position().unwrap()), (b"\nt", 9));
        assert_eq!(handle.seek(SeekFrom::Current(19)).await.unwrap(), 28);
        other.seek(SeekFrom::Current(-1)).unwrap();
        assert_eq!(handle.read_all().await.unwrap(), "\nseven\n");
        assert_eq!(other.stream_position().unwrap(), text.len() as u64);
        other.seek(SeekFrom::Start(3)).unwrap();
        assert_eq!(handle.truncate(None).await.unwrap(), 3);
    });
}

#[test]
fn a_place_that_the_system_refuses_moves_nothing() {
    each(async |context| {
        let scratch = tempfile::NamedTempFile::new().unwrap();
        let (mut other, mut handle) = shared(context, scratch.path(), "0123456789").await;
        handle.seek(SeekFrom::Start(3)).await.unwrap();
        let beyond = SeekFrom::Start(i64::MAX as u64);
        let ours = handle.seek(beyond).await.map_err(|error| error.kind());
        let theirs = other.seek(beyond).map_err(|error| error.kind());
        assert_eq!(ours, theirs);
        if ours.is_err() {
            assert_eq!((handle.tell(), other.stream_position().unwrap()), (3, 3));
        }
        // A write that fails gives back its place.
        let read_only = fs::File::open(scratch.path()).unwrap();
        let mut position = read_only.try_clone().unwrap();
        position.seek(SeekFrom::Start(5)).unwrap();
        let mut handle = over(context, read_only.into(), "r").await;
        assert_eq!(Error::from(handle.write_owned("x").await.unwrap_err()).raw_os_error(), Some(9));
        assert_eq!((handle.tell(), position.stream_position().unwrap()), (5, 5));
    });
}

#[test]
fn writers_on_one_descriptor_lose_no_record() {
    const RECORDS: usize = 200;
    each(async |context| {
        let scratch = tempfile::NamedTempFile::new().unwrap();
        let (mut printed, handle) = shared(context, scratch.path(), "").await;
        let printing = std::thread::spawn(move || {
            for number in 0..RECORDS {
                printed.write_all(format!("<printed {number}>").as_bytes()).unwrap();
            }
        });
        let writes = ["left", "right"].map(|name| {
            let mut handle = handle.clone();
            async move {
                for number in 0..RECORDS {
                    handle.write_owned(format!("<{name} {number}>")).await?;
                }
                aiofile::Result::<()>::Ok(())
            }
        });
        try_join_all(writes).await.unwrap();
        printing.join().unwrap();
        let text = std::fs::read_to_string(scratch.path()).unwrap();
        for name in ["left", "right", "printed"] {
            for number in 0..RECORDS {
                let record = format!("<{name} {number}>");
                assert_eq!(text.matches(&record).count(), 1, "{record}");
            }
        }
        assert_eq!(text.matches('<').count(), 3 * RECORDS);
        assert!(!text.contains('\0'), "there are no holes");
    });
}

#[test]
fn at_the_end_of_a_file_that_others_append_to_nothing_is_lost() {
    each(async |context| {
        let scratch = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(scratch.path(), "first\n").unwrap();
        let mut log = fs::File::options().append(true).open(scratch.path()).unwrap();
        let mut handle = over(context, log.try_clone().unwrap().into(), "a").await;
        assert_eq!(handle.tell(), 6);
        handle.write_owned("second\n").await.unwrap();
        log.write_all(b"third\n").unwrap();
        handle.write_owned("fourth\n").await.unwrap();
        assert_eq!((handle.tell(), log.stream_position().unwrap()), (26, 26));
        let text = std::fs::read_to_string(scratch.path()).unwrap();
        assert_eq!(text, "first\nsecond\nthird\nfourth\n");
    });
}
