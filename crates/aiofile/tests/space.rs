//! Room on disk: what there is, what a file takes, its holes, and advice about it.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use aiofile::fs::{
    Advice, advise, allocate, available_space, data_ranges, is_sparse, punch_hole, readahead,
    statvfs, zero_range,
};

/// A file on the build's disk.
fn file() -> (tempfile::TempDir, PathBuf, File) {
    let directory =
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).or_else(|_| tempfile::tempdir()).unwrap();
    let path = directory.path().join("file");
    let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    (directory, path, file)
}

/// Whether the answer is that the file system has no such thing.
fn is_skipped<T>(result: &std::io::Result<T>) -> bool {
    let unsupported = result.as_ref().err().filter(|it| it.kind() == ErrorKind::Unsupported);
    if let Some(error) = unsupported {
        println!("skipped: {error}");
    }
    unsupported.is_some()
}

#[tokio::test]
async fn a_file_system_tells_its_room() {
    let (_directory, path, _file) = file();
    let space = statvfs(&path).await.unwrap();
    assert!(space.total > 0 && space.block_size > 0 && space.name_max >= 255, "{space:?}");
    assert!(!space.read_only);
    assert!(available_space(&path).await.unwrap() <= space.total);
    assert_eq!(statvfs("/none").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn allocated_room_is_there_and_changes_no_byte() {
    let (_directory, path, mut file) = file();
    file.write_all(b"data").unwrap();
    let result = allocate(&file, 0..1 << 20).await;
    if is_skipped(&result) {
        return;
    }
    result.unwrap();
    let metadata = file.metadata().unwrap();
    assert_eq!(metadata.len(), 1 << 20);
    assert!(metadata.blocks() * 512 >= 1 << 20);
    assert!(!is_sparse(&path).await.unwrap());
    assert_eq!(&std::fs::read(&path).unwrap()[..5], b"data\0");
    allocate(&file, 7..7).await.unwrap();
}

#[tokio::test]
async fn holes_are_made_and_found() {
    let (_directory, path, mut file) = file();
    file.write_all(&[7; 1 << 20]).unwrap();
    file.sync_all().unwrap();
    let result = punch_hole(&file, 1 << 18..1 << 19).await;
    if is_skipped(&result) {
        return;
    }
    result.unwrap();
    assert_eq!(file.metadata().unwrap().len(), 1 << 20);
    assert_eq!(data_ranges(&path).await.unwrap(), [0..1 << 18, 1 << 19..1 << 20]);
    assert!(is_sparse(&path).await.unwrap());
    assert_eq!(file.stream_position().unwrap(), 1 << 20, "the cursor is where it was");
    let mut around = [1; 2];
    file.read_exact_at(&mut around, (1 << 18) - 1).unwrap();
    assert_eq!(around, [7, 0]);

    if !is_skipped(&zero_range(&file, (1 << 20) - 1..(1 << 20) + 1).await) {
        assert_eq!(file.metadata().unwrap().len(), (1 << 20) + 1);
        file.read_exact_at(&mut around, (1 << 20) - 1).unwrap();
        assert_eq!(around, [0, 0]);
    }
}

#[tokio::test]
async fn files_without_data_have_no_ranges() {
    let (_directory, path, file) = file();
    assert_eq!(data_ranges(&path).await.unwrap(), []);
    file.set_len(1 << 40).unwrap();
    assert_eq!(data_ranges(&path).await.unwrap(), []);
    assert!(is_sparse(&path).await.unwrap());
    assert_eq!(data_ranges("/none").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn what_no_file_has_is_refused() {
    let (_directory, path, file) = file();
    for result in [
        #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
        allocate(&file, 5..4).await,
        allocate(&file, 0..u64::MAX).await,
        punch_hole(&file, u64::MAX - 1..u64::MAX).await,
        advise(&file, u64::MAX.., Advice::Random).await,
    ] {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(file.metadata().unwrap().len(), 0);
    let read_only = File::open(&path).unwrap();
    let error = allocate(&read_only, 0..10).await.unwrap_err().to_string();
    assert!(error.starts_with("allocate /dev/fd/"), "{error}");
}

#[tokio::test]
async fn advice_is_taken() {
    let (_directory, _path, mut file) = file();
    file.write_all(&[7; 100_000]).unwrap();
    file.seek(SeekFrom::Start(5)).unwrap();
    for advice in [
        Advice::Normal,
        Advice::Sequential,
        Advice::Random,
        Advice::NoReuse,
        Advice::WillNeed,
        Advice::DontNeed,
    ] {
        advise(&file, .., advice).await.unwrap();
        advise(&file, 10..=20_000, advice).await.unwrap();
        advise(&file, 10..10, advice).await.unwrap();
    }
    readahead(&file, 4096..).await.unwrap();
    assert_eq!(file.stream_position().unwrap(), 5);

    let (reader, _writer) = std::io::pipe().unwrap();
    let error = advise(&reader, .., Advice::Sequential).await.unwrap_err().to_string();
    assert!(error.starts_with("advise /dev/fd/"), "{error}");
}
