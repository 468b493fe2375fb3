//! Extended attributes.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]
#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use aiofile::fs::{
    getxattr, lgetxattr, listxattr, llistxattr, lremovexattr, lsetxattr, removexattr, setxattr,
};

/// A file that can have attributes, where the build's disk or the temporary directory has them.
async fn file() -> Option<(tempfile::TempDir, PathBuf)> {
    for place in [PathBuf::from(env!("CARGO_TARGET_TMPDIR")), std::env::temp_dir()] {
        let Ok(directory) = tempfile::tempdir_in(place) else { continue };
        let path = directory.path().join("file");
        std::fs::write(&path, "").unwrap();
        match setxattr(&path, "user.first", "").await {
            Ok(()) => return Some((directory, path)),
            Err(error) => println!("skipped: {error}"),
        }
    }
    None
}

#[tokio::test]
async fn values_are_set_read_listed_and_removed() {
    let Some((_directory, path)) = file().await else { return };
    assert_eq!(getxattr(&path, "user.first").await.unwrap(), Some(Vec::new()));
    assert_eq!(getxattr(&path, "user.none").await.unwrap(), None);

    let bytes: Vec<u8> = (0..=255).collect();
    let name = OsStr::from_bytes(b"user.n\xff");
    setxattr(&path, name, &bytes).await.unwrap();
    assert_eq!(getxattr(&path, name).await.unwrap(), Some(bytes));
    setxattr(&path, name, b"other").await.unwrap();
    assert_eq!(getxattr(&path, name).await.unwrap().as_deref(), Some(&b"other"[..]));

    let mut names = listxattr(&path).await.unwrap();
    names.retain(|name| name.as_bytes().starts_with(b"user."));
    names.sort();
    assert_eq!(names, [OsStr::new("user.first"), name]);

    removexattr(&path, name).await.unwrap();
    assert_eq!(getxattr(&path, name).await.unwrap(), None);
    let error = removexattr(&path, name).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("removexattr {}: ", path.display())));
}

#[tokio::test]
async fn a_link_is_followed_or_not() {
    let Some((directory, path)) = file().await else { return };
    let link = directory.path().join("link");
    symlink(&path, &link).unwrap();
    setxattr(&link, "user.through", "it").await.unwrap();
    assert!(getxattr(&path, "user.through").await.unwrap().is_some());
    // A link itself can have no attribute of the namespace `user`.
    assert!(lsetxattr(&link, "user.on", "it").await.is_err());
    assert!(!matches!(lgetxattr(&link, "user.through").await, Ok(Some(_))));
    let names = llistxattr(&link).await.unwrap();
    assert!(!names.contains(&"user.through".into()), "{names:?}");
    assert!(lremovexattr(&link, "user.through").await.is_err());
    removexattr(&link, "user.through").await.unwrap();
    assert_eq!(lgetxattr(&path, "user.through").await.unwrap(), None);
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let Some((directory, path)) = file().await else { return };
    let error = getxattr(directory.path().join("none"), "user.first").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = setxattr(&path, "plain", "value").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("namespace"), "{error}");
    assert!(setxattr(&path, "user.nul\0", "value").await.is_err());
    assert!(setxattr(&path, "user.long", vec![0; 100_000]).await.is_err());
    assert_eq!(listxattr(&path).await.unwrap().len(), 1, "nothing was changed");
}
