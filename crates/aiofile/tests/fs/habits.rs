//! What programs written for `tokio::fs` do, with the import exchanged.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use aiofile::fs;

use super::support::{everywhere, temporary};

#[test]
fn a_directory_is_made_listed_and_removed() {
    everywhere(async || {
        let base = temporary();
        let new = base.path().join("foo").join("bar");
        assert!(fs::create_dir(&new).await.is_err(), "its parent is missing");
        fs::create_dir_all(&new).await.unwrap();
        fs::create_dir_all(&new).await.unwrap();
        assert!(new.is_dir());
        assert_eq!(fs::create_dir(&new).await.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        fs::write(new.join("a"), "1").await.unwrap();
        let parent = new.parent().unwrap();
        let error = fs::remove_dir(parent).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::DirectoryNotEmpty);
        let mut entries = fs::read_dir(&new).await.unwrap();
        let entry = entries.next_entry().await.unwrap().unwrap();
        assert_eq!((entry.file_name(), entry.path()), ("a".into(), new.join("a")));
        assert!(entries.next_entry().await.unwrap().is_none());
        fs::remove_dir_all(parent).await.unwrap();
        assert!(!fs::try_exists(parent).await.unwrap());
    });
}

#[test]
fn a_builder_makes_a_directory() {
    everywhere(async || {
        let base = temporary();
        let deep = base.path().join("foo/bar");
        assert!(fs::DirBuilder::new().recursive(false).create(&deep).await.is_err());
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&deep).await.unwrap();
        assert_eq!(std::fs::metadata(&deep).unwrap().permissions().mode() & 0o777, 0o700);
        builder.create(&deep).await.unwrap();
    });
}

#[test]
fn paths_and_links() {
    everywhere(async || {
        assert_eq!(fs::canonicalize("/").await.unwrap(), Path::new("/"));
        let base = temporary();
        let (file, hard) = (base.path().join("file"), base.path().join("hard"));
        let (soft, dirlink) = (base.path().join("soft"), base.path().join("dirlink"));
        fs::write(&file, "hello").await.unwrap();
        fs::hard_link(&file, &hard).await.unwrap();
        fs::write(&file, "new").await.unwrap();
        assert_eq!(fs::read(&hard).await.unwrap(), b"new");
        fs::symlink(&file, &soft).await.unwrap();
        assert_eq!(fs::read_to_string(&soft).await.unwrap(), "new");
        assert_eq!(fs::read_link(&soft).await.unwrap(), file);
        assert!(fs::symlink_metadata(&soft).await.unwrap().file_type().is_symlink());
        assert!(fs::metadata(&soft).await.unwrap().is_file());
        fs::symlink(base.path(), &dirlink).await.unwrap();
        assert_eq!(fs::canonicalize(&dirlink).await.unwrap(), base.path().canonicalize().unwrap());
        assert!(fs::read_link(&file).await.is_err(), "it is no link");
        fs::remove_file(&file).await.unwrap();
        assert!(!fs::try_exists(&soft).await.unwrap(), "it leads to nothing");
        assert!(fs::try_exists(&hard).await.unwrap());
    });
}

#[test]
fn a_file_gets_another_name() {
    everywhere(async || {
        let base = temporary();
        let (from, to) = (base.path().join("from"), base.path().join("to"));
        fs::write(&from, "hello").await.unwrap();
        fs::write(&to, "other").await.unwrap();
        fs::rename(&from, &to).await.unwrap();
        assert!(!from.exists());
        assert_eq!(fs::read_to_string(&to).await.unwrap(), "hello");
        let error = fs::remove_file(&from).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    });
}

#[test]
fn permissions_and_existence() {
    everywhere(async || {
        let base = temporary();
        let path = base.path().join("file");
        assert!(!fs::try_exists(&path).await.unwrap());
        fs::write(&path, b"Hello File!").await.unwrap();
        assert!(fs::try_exists(&path).await.unwrap());
        let mut permissions = fs::metadata(&path).await.unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions.clone()).await.unwrap();
        assert!(fs::metadata(&path).await.unwrap().permissions().readonly());
        let below = path.join("below");
        let error = fs::try_exists(&below).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    });
}

#[test]
fn an_open_file_has_what_tokios_has() {
    everywhere(async || {
        let base = temporary();
        let path = base.path().join("new");
        let file = fs::File::create_new(&path).await.unwrap();
        let error = fs::File::create_new(&path).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        file.set_len(100).await.unwrap();
        file.sync_data().await.unwrap();
        file.sync_all().await.unwrap();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        file.set_times(fs::FileTimes::new().set_modified(at(5))).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().modified().unwrap(), at(5));
        file.set_times(std::fs::FileTimes::new().set_modified(at(6))).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().modified().unwrap(), at(6));
        file.set_modified(at(7)).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().modified().unwrap(), at(7));
        let read = fs::File::options().read(true).open(&path).await.unwrap();
        assert_eq!(read.metadata().await.unwrap().len(), 100);
    });
}
