//! One call of everything that opens a file or goes by a path.

use std::io;
use std::path::Path;

use aiofile::fs::{self, OpenOptions};
use aiofile::tempfile::{NamedTempFile, TempDir};
use aiofile::{AioFile, File, LineReader};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

const TEXT: &str = "some text\nand more\n";

/// In a directory that is there and empty, and empty again afterwards.
///
/// # Errors
/// What one of the calls answers. The message of any other failure is the panic's.
pub(crate) async fn everything(directory: &Path) -> io::Result<()> {
    paths(directory).await?;
    files(directory).await?;
    trees(directory).await?;
    temporary(directory).await
}

async fn paths(directory: &Path) -> io::Result<()> {
    let (path, other) = (directory.join("path"), directory.join("other"));
    assert!(!fs::try_exists(&path).await?);
    fs::write(&path, TEXT).await?;
    fs::append(&path, TEXT).await?;
    assert_eq!(fs::metadata(&path).await?.len(), 2 * TEXT.len() as u64);
    assert!(fs::symlink_metadata(&path).await?.is_file());
    assert!(fs::try_exists(&path).await?);
    assert_eq!(fs::read(&path).await?.len(), 2 * TEXT.len());
    assert_eq!(fs::read_to_string(&path).await?, TEXT.repeat(2));
    fs::set_permissions(&path, fs::metadata(&path).await?.permissions()).await?;
    assert_eq!(fs::canonicalize(&path).await?, path);
    fs::rename(&path, &other).await?;
    fs::rename_noreplace(&other, &path).await?;
    fs::copy(&path, &other).await?;
    assert!(!fs::same_file(&path, &other).await?);
    fs::statvfs(&path).await?;
    fs::write_atomic(&other, TEXT).await?;
    assert_eq!(fs::read_to_string(&other).await?, TEXT);
    fs::remove_file(&path).await?;
    fs::remove_file(&other).await
}

async fn files(directory: &Path) -> io::Result<()> {
    let path = directory.join("file");
    let mut file = File::create(&path).await?;
    file.write_all(TEXT.as_bytes()).await?;
    file.flush().await?;
    file.sync_all().await?;
    file.set_len(4).await?;
    assert_eq!(file.metadata().await?.len(), 4);
    drop(file);
    let mut file = File::open(&path).await?;
    let mut text = String::new();
    file.seek(io::SeekFrom::End(-2)).await?;
    file.read_to_string(&mut text).await?;
    assert_eq!(text, "me");
    drop(file.try_clone().await?);
    drop(file);
    let mut lines = LineReader::new(AioFile::open(&path, "r").await?);
    assert_eq!(lines.next_str().await?, Some("some"));
    drop(lines);
    let mut file = AioFile::open(&path, "a").await?;
    file.append(TEXT).await?;
    file.fdatasync().await?;
    file.close().await?;
    let mut direct = OpenOptions::new();
    let direct = direct.read(true).direct(true).open_aio(&path).await?;
    assert_eq!(direct.read_to_end(0).await?.len(), 4 + TEXT.len());
    drop(direct);
    fs::remove_file(&path).await
}

async fn trees(directory: &Path) -> io::Result<()> {
    let (tree, copy) = (directory.join("tree"), directory.join("copy"));
    fs::create_dir(&tree).await?;
    fs::create_dir_all(tree.join("some/where")).await?;
    fs::write(tree.join("some/file"), TEXT).await?;
    let mut entries = fs::read_dir(&tree).await?;
    while let Some(entry) = entries.next_entry().await? {
        assert!(entry.metadata().await?.is_dir());
        assert!(entry.file_type().await?.is_dir());
    }
    drop(entries);
    let mut walk = fs::walk(&tree).entries();
    let mut found = 0;
    while let Some(entry) = walk.next().await {
        entry?;
        found += 1;
    }
    assert_eq!(found, 4);
    drop(walk);
    fs::disk_usage(&tree).await?;
    fs::copy_dir(&tree, &copy).await?;
    fs::remove_dir(copy.join("some/where")).await?;
    fs::remove_dir_all(&tree).await?;
    fs::remove_dir_all(&copy).await
}

async fn temporary(directory: &Path) -> io::Result<()> {
    let mut named = NamedTempFile::new_in(directory).await?;
    named.as_file_mut().write_all(TEXT.as_bytes()).await?;
    let kept = directory.join("kept");
    drop(named.persist(&kept).await?);
    fs::remove_file(&kept).await?;
    // What is dropped is removed elsewhere.
    drop(NamedTempFile::new_in(directory).await?);
    drop(TempDir::new_in(directory).await?);
    TempDir::new_in(directory).await?.close().await
}
