//! Options that were std's.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aiofile::{Error, OpenOptions, flags};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{everywhere, temporary};

#[test]
fn what_std_was_told_holds() {
    everywhere(async || {
        let directory = temporary();
        let path = directory.path().join("file");
        let mut std = fs::OpenOptions::new();
        std.read(true).append(true).create_new(true).mode(0o640).custom_flags(flags::O_NOFOLLOW);
        let options = OpenOptions::from(std);
        let mut file = options.open(&path).await.unwrap();
        assert_eq!(file.mode().to_string(), "a+");
        file.write_all(b"one ").await.unwrap();
        file.write_all(b"two").await.unwrap();
        file.flush().await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777 & !0o640, 0);
        let error = options.open(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(Error::of(&error).and_then(Error::path), Some(&*path));
        assert!(error.to_string().starts_with("open"), "{error}");
    });
}

#[test]
fn what_is_set_afterwards_counts() {
    everywhere(async || {
        let directory = temporary();
        let (path, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&path, "text").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut std = fs::OpenOptions::new();
        std.write(true).truncate(true);
        let mut options = OpenOptions::from(std);
        let mut file = options.write(false).truncate(false).read(true).open(&link).await.unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).await.unwrap();
        assert_eq!((&*text, file.mode().to_string()), ("text", "r".to_owned()));
        assert!(options.custom_flags(flags::O_NOFOLLOW).open(&link).await.is_err());
        let file = options.custom_flags(0).access("a").unwrap().open_aio(&path).await.unwrap();
        file.append(" and more").await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"text and more");
        let error = options.read(false).append(false).open(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let error = options.read(true).open(Path::new("nul\0")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    });
}
