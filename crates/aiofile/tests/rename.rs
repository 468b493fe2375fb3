//! Renames that replace nothing, and whether two paths are one file.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]
#![cfg(target_os = "linux")]

use std::fs::{create_dir, hard_link, read, write};
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;

use aiofile::fs::{rename_exchange, rename_noreplace, same_file};

/// Whether the answer is that the file system has no such renaming.
fn is_skipped(result: &io::Result<()>) -> bool {
    let refused = result.as_ref().err().filter(|error| error.kind() == ErrorKind::InvalidInput);
    if let Some(error) = refused {
        println!("skipped: {error}");
    }
    refused.is_some()
}

#[tokio::test]
async fn nothing_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let [from, to, free] = ["from", "to", "free"].map(|name| directory.path().join(name));
    write(&from, "from").unwrap();
    write(&to, "to").unwrap();
    let result = rename_noreplace(&from, &to).await;
    if is_skipped(&result) {
        return;
    }
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let expected = format!("rename_noreplace {} to {}: ", from.display(), to.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert_eq!((read(&from).unwrap(), read(&to).unwrap()), (b"from".to_vec(), b"to".to_vec()));

    rename_noreplace(&from, &free).await.unwrap();
    assert_eq!(read(&free).unwrap(), b"from");
    // A link that leads nowhere is something, too.
    symlink("nowhere", &from).unwrap();
    let error = rename_noreplace(&free, &from).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

#[tokio::test]
async fn two_change_places() {
    let directory = tempfile::tempdir().unwrap();
    let [file, folder, none] = ["file", "folder", "none"].map(|name| directory.path().join(name));
    write(&file, "").unwrap();
    create_dir(&folder).unwrap();
    let result = rename_exchange(&file, &folder).await;
    if is_skipped(&result) {
        return;
    }
    result.unwrap();
    assert!(file.is_dir() && folder.is_file());
    assert_eq!(rename_exchange(&file, &none).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(file.is_dir() && !none.exists());
}

#[tokio::test]
async fn one_file_has_many_names() {
    let directory = tempfile::tempdir().unwrap();
    let [file, hard, soft, other] =
        ["file", "hard", "soft", "other"].map(|name| directory.path().join(name));
    write(&file, "").unwrap();
    write(&other, "").unwrap();
    hard_link(&file, &hard).unwrap();
    symlink("file", &soft).unwrap();
    assert!(same_file(&file, &hard).await.unwrap());
    assert!(same_file(&soft, &hard).await.unwrap());
    assert!(same_file(directory.path(), directory.path().join(".")).await.unwrap());
    assert!(!same_file(&file, &other).await.unwrap());
    let none = directory.path().join("none");
    for error in [same_file(&file, &none).await, same_file(&none, &file).await] {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().starts_with(&format!("same_file {}: ", none.display())));
    }
}
