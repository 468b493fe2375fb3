//! Lengths beyond all memory, and none at all: an error on every path, never the end of the process
//! nor what looks like the end of the file.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]
#![allow(clippy::single_range_in_vec_init, reason = "one range is meant")]

mod common;

use aiofile::{
    AioFile, BufferPool, BufferedWriter, Error, ErrorKind, LineReader, OpenOptions, Reader,
    async_open,
};
use common::{disk, scratch};
use tokio::io::AsyncSeekExt;

/// More bytes than any machine has, and fewer than a file may have.
const HUGE: usize = 1 << 43;

/// The same file with and without O_DIRECT, as far as its file system has that.
async fn both_ways(path: &std::path::Path) -> Vec<AioFile> {
    let mut files = vec![AioFile::open(path, "r").await.unwrap()];
    match OpenOptions::new().read(true).direct(true).open_aio(path).await {
        Ok(file) => files.push(file),
        Err(error) => println!("skipped: no O_DIRECT here: {error}"),
    }
    files
}

#[track_caller]
fn assert_no_memory<T: std::fmt::Debug>(result: std::io::Result<T>, path: &std::path::Path) {
    let error = Error::from(result.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_eq!(error.path(), Some(path), "{error}");
    assert!(error.to_string().contains("no memory for a buffer"), "{error}");
}

fn memory_is_granted_without_end() -> bool {
    let granted = Vec::<u8>::new().try_reserve_exact(HUGE).is_ok();
    if granted {
        println!("skipped: the system grants memory that it does not have");
    }
    granted
}

#[tokio::test]
async fn a_huge_length_is_an_error() {
    if memory_is_granted_without_end() {
        return;
    }
    let directory = disk();
    let path = directory.path().join("small");
    std::fs::write(&path, [7; 10_000]).unwrap();
    for file in both_ways(&path).await {
        for length in [HUGE, HUGE + 1, isize::MAX as usize, isize::MAX as usize - 4096] {
            for offset in [0, 1] {
                let extent = length as u64 + offset;
                let read = file.read_at(length, offset).await;
                if i64::try_from(extent).is_ok() && i64::try_from(extent + 4096).is_ok() {
                    assert_no_memory(read, &path);
                } else {
                    assert_eq!(Error::from(read.unwrap_err()).kind(), ErrorKind::InvalidInput);
                }
                let read = file.read_exact_at(length, offset).await;
                assert_eq!(Error::from(read.unwrap_err()).kind(), ErrorKind::InvalidInput);
            }
        }
        let end = HUGE as u64;
        assert_no_memory(file.read_ranges(&[0..4, 3..end]).await, &path);
        // A handle takes what the file holds.
        let mut handle = async_open(file, "r").await.unwrap();
        assert_eq!(handle.read_bytes(HUGE).await.unwrap().len(), 10_000);
    }
}

#[tokio::test]
async fn a_huge_file_is_an_error_where_all_of_it_is_asked_for() {
    let directory = disk();
    let path = directory.path().join("sparse");
    let sparse = std::fs::File::create(&path).unwrap();
    if sparse.set_len(HUGE as u64).is_err() || memory_is_granted_without_end() {
        println!("skipped: no file here has 8 TiB");
        return;
    }
    for file in both_ways(&path).await {
        assert_no_memory(file.read_to_end(0).await, &path);
        assert_no_memory(file.read_to_end(1).await, &path);
        let end = HUGE as u64 - 5;
        assert_eq!(file.read_to_end(end).await.unwrap(), [0; 5][..]);
        let mut handle = async_open(file, "r").await.unwrap();
        assert_no_memory(handle.read_all().await, &path);
        assert_no_memory(handle.read_bytes(HUGE).await, &path);
        assert_no_memory(handle.read_exact_bytes(HUGE).await, &path);
        assert_eq!(handle.tell(), 0);
    }
}

#[tokio::test]
async fn a_huge_capacity_takes_no_more_memory_than_is_used() {
    let (_directory, path) = scratch(b"one\ntwo\n");
    let file = AioFile::open(&path, "r+").await.unwrap();
    let mut reader = Reader::new(&file).chunk_size(usize::MAX);
    assert_eq!(reader.next_chunk().await.unwrap().unwrap(), "one\ntwo\n");
    let mut lines = LineReader::new(&file).chunk_size(usize::MAX).max_line_bytes(usize::MAX);
    assert_eq!(lines.next_str().await.unwrap(), Some("one"));
    let mut writer = BufferedWriter::new(&file).capacity(usize::MAX);
    writer.write_all("ONE").await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"ONE\ntwo\n");
    assert_eq!(BufferPool::new(512, 512, usize::MAX).take().capacity(), 512);
}

#[tokio::test]
async fn what_grows_is_read_whole_on_every_kind_of_file() {
    let directory = disk();
    let path = directory.path().join("data");
    for length in [0, 1, 4095, 4096, 8191, 8192, 8193, 100_000] {
        let contents = common::noise(length);
        std::fs::write(&path, &contents).unwrap();
        for file in both_ways(&path).await {
            for offset in [0, 1, 4096, 5000, length, length + 1] {
                let expected = contents.get(offset..).unwrap_or_default();
                assert!(file.read_to_end(offset as u64).await.unwrap() == expected);
                assert!(file.read_at(length + 9, offset as u64).await.unwrap() == expected);
                let mut handle = async_open(file.clone(), "r").await.unwrap();
                handle.seek(std::io::SeekFrom::Start(offset as u64)).await.unwrap();
                assert!(handle.read_bytes(3 << 20).await.unwrap() == expected);
            }
        }
    }
}

#[tokio::test]
async fn memory_without_capacity_is_not_the_end_of_the_file() {
    let (_directory, path) = scratch(b"data");
    for in_place in [true, false] {
        let context = aiofile::context().in_place(in_place).build().unwrap();
        let file = common::open_in(&context, &path, "r").await;
        let (read, buffer) = file.read_into(Vec::new(), 0).await;
        let error = Error::from(read.unwrap_err());
        assert_eq!((error.kind(), buffer.capacity()), (ErrorKind::InvalidInput, 0));
        assert!(error.to_string().contains("with_capacity"), "{error}");
        for buffers in [vec![], vec![Vec::new(), Vec::new()]] {
            let length = buffers.len();
            let (read, buffers) = file.read_vectored_at(buffers, 0).await;
            assert_eq!(Error::from(read.unwrap_err()).kind(), ErrorKind::InvalidInput);
            assert_eq!(buffers.len(), length);
        }
        let buffers = vec![Vec::new(), Vec::with_capacity(4)];
        let (read, buffers) = file.read_vectored_at(buffers, 0).await;
        assert_eq!((read.unwrap(), &buffers[1][..]), (4, &b"data"[..]));
        assert!(file.read_at(0, 0).await.unwrap().is_empty(), "nothing was asked for");
    }
}
