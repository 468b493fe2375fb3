//! Modes, owners and what may be done.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use aiofile::fs::{self, Access};

use super::support::{Twins, assert_same, everywhere, names, on_each_backend, temporary};

#[test]
fn modes_are_set_as_std_sets_them() {
    on_each_backend(async || {
        let twins = Twins::new();
        for name in names() {
            let permissions = || PermissionsExt::from_mode(0o751);
            let ours = fs::set_permissions(twins.ours.join(&name), permissions()).await;
            assert_same(
                &name,
                ours,
                std::fs::set_permissions(twins.std.join(&name), permissions()),
            );
        }
        twins.assert_alike("all modes");
    });
}

#[test]
fn owners_are_set() {
    everywhere(async || {
        let directory = temporary();
        let (path, link) = (directory.path().join("file"), directory.path().join("link"));
        std::fs::write(&path, "").unwrap();
        symlink("file", &link).unwrap();
        let own = std::fs::metadata(&path).unwrap();
        fs::chown(&path, Some(own.uid()), Some(own.gid())).await.unwrap();
        fs::lchown(&link, None, Some(own.gid())).await.unwrap();
        let given = fs::chown(&link, Some(4711), None).await;
        assert_same("chown", given, std::os::unix::fs::chown(&path, Some(4711), None));
        if std::fs::metadata(&path).unwrap().uid() != 4711 {
            println!("skipped: only root gives files away");
            return;
        }
        fs::lchown(&link, None, Some(4712)).await.unwrap();
        assert_eq!(std::fs::symlink_metadata(&link).unwrap().gid(), 4712);
        assert_eq!(std::fs::metadata(&link).unwrap().gid(), own.gid());
    });
}

#[test]
fn access_tells_what_may_be_done() {
    everywhere(async || {
        let directory = temporary();
        let path = directory.path().join("file");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(fs::access(&path, Access::EXISTS).await.unwrap());
        assert!(fs::access(&path, Access::READ | Access::WRITE).await.unwrap());
        assert!(!fs::access(&path, Access::EXECUTE).await.unwrap());
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
        assert!(fs::access(&path, Access::READ | Access::EXECUTE).await.unwrap());
        let error = fs::access(directory.path().join("none"), Access::READ).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    });
}

#[test]
fn what_may_not_be_searched_is_told_as_by_std() {
    everywhere(async || {
        let directory = temporary();
        let closed = directory.path().join("closed");
        std::fs::create_dir(&closed).unwrap();
        let path = closed.join("file");
        std::fs::write(&path, "text").unwrap();
        std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o244)).unwrap();
        let exists = fs::try_exists(&path).await;
        assert_same("try_exists", exists, path.try_exists());
        assert_same(
            "missing",
            fs::try_exists(closed.join("no")).await,
            closed.join("no").try_exists(),
        );
        let length = fs::metadata(&path).await.map(|found| found.len());
        assert_same("metadata", length, std::fs::metadata(&path).map(|found| found.len()));
        assert_same("read", fs::read(&path).await, std::fs::read(&path));
        let made = fs::write_atomic(closed.join("new"), "").await;
        assert_same("write", made, std::fs::write(closed.join("new"), ""));
        std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).unwrap();
    });
}
