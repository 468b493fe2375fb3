//! Temporary files: they are there while they are wanted, and gone in every other case.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

use std::io::SeekFrom;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use aiofile::Context;
use aiofile::tempfile::{
    Builder, NamedTempFile, SpooledTempFile, TempDir, spooled_tempfile, tempdir, tempfile,
};
use futures_util::FutureExt;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::runtime::{self, Runtime};

fn runtimes() -> [Runtime; 2] {
    [
        runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap(),
    ]
}

/// What is in a directory.
fn count(directory: &Path) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

/// A directory for the names that a test makes, which must all be gone in the end.
fn place() -> ::tempfile::TempDir {
    ::tempfile::tempdir().unwrap()
}

fn fill(directory: &Path, files: usize) {
    std::fs::create_dir_all(directory.join("a/b")).unwrap();
    for number in 0..files {
        std::fs::write(directory.join("a/b").join(number.to_string()), "x").unwrap();
    }
    std::os::unix::fs::symlink("/", directory.join("a/root")).unwrap();
}

#[test]
fn a_named_file_is_a_file_and_goes_with_its_drop() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let mut file = NamedTempFile::new().await.unwrap();
            let path = file.path().to_owned();
            AsyncWriteExt::write_all(&mut file, b"one\ntwo\n").await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            AsyncSeekExt::seek(&mut file, SeekFrom::Start(4)).await.unwrap();
            let mut line = String::new();
            file.read_line(&mut line).await.unwrap();
            assert_eq!(line, "two\n");
            drop(file);
            assert!(!path.exists(), "the drop of a local file removes it at once");
        });
    }
}

#[test]
fn names_places_and_modes_are_what_the_builder_says() {
    let place = place();
    futures_executor::block_on(async {
        let mut builder = Builder::new();
        builder.prefix("log-").suffix(".txt").directory(place.path()).mode(0o640);
        let file = builder.named().await.unwrap();
        let name = file.path().file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("log-") && name.ends_with(".txt") && name.len() > 8, "{name}");
        assert_eq!(file.path().parent().unwrap(), place.path());
        let mode = std::fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777 & !0o640, 0);
        drop(file);
        let directory = Builder::new().directory(place.path()).tempdir().await.unwrap();
        let mode = std::fs::metadata(directory.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "a directory is for the user alone");
        drop(directory);
        let unnamed = builder.unnamed().await.unwrap();
        assert_eq!(count(place.path()), 0, "{unnamed:?}");
    });
}

#[test]
fn bad_input_is_refused_before_anything_is_made() {
    let place = place();
    futures_executor::block_on(async {
        for part in ["../up", "/", "nul\0"] {
            for builder in
                [Builder::new().prefix(part).clone(), Builder::new().suffix(part).clone()]
            {
                let mut builder = builder;
                builder.directory(place.path());
                let kinds = [
                    builder.named().await.unwrap_err().kind(),
                    builder.unnamed().await.unwrap_err().kind(),
                    builder.tempdir().await.unwrap_err().kind(),
                ];
                assert_eq!(kinds, [std::io::ErrorKind::InvalidInput; 3], "{part:?}");
            }
        }
        let mut nowhere = Builder::new();
        nowhere.directory("/nowhere/at all");
        for error in [
            nowhere.named().await.unwrap_err(),
            nowhere.unnamed().await.unwrap_err(),
            nowhere.tempdir().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
            assert_eq!(aiofile::Error::of(&error).unwrap().raw_os_error(), Some(2), "{error}");
            assert!(error.to_string().contains("in /nowhere/at all: "), "{error}");
        }
        let long = Builder::new().prefix("x".repeat(300)).named().await.unwrap_err();
        assert_eq!(aiofile::Error::of(&long).unwrap().raw_os_error(), Some(36), "{long}");
    });
    assert_eq!(count(place.path()), 0);
}

#[test]
fn a_dropped_creation_leaves_nothing() {
    let place = place();
    let context: Context = aiofile::context().build().unwrap();
    let mut builder = Builder::new();
    builder.directory(place.path()).context(&context);
    futures_executor::block_on(async {
        for _ in 0..200 {
            drop(builder.named().now_or_never());
            drop(builder.tempdir().now_or_never());
            drop(builder.unnamed().now_or_never());
        }
        assert_eq!(context.shutdown(Duration::from_secs(60)).await, 0);
    });
    assert_eq!(count(place.path()), 0);
}

#[test]
fn nothing_is_left_after_a_panic() {
    let place = place();
    for runtime in runtimes() {
        let mut builder = Builder::new();
        builder.directory(place.path());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let _file = builder.named().await.unwrap();
                let directory = builder.tempdir().await.unwrap();
                fill(directory.path(), 10);
                assert_eq!(count(place.path()), 3, "the panic that this test is about");
            });
        }));
        assert!(panicked.is_err());
        assert_eq!(count(place.path()), 0);
    }
}

#[test]
fn the_end_of_the_runtime_waits_for_trees_that_go() {
    let place = place();
    for runtime in runtimes() {
        runtime.block_on(async {
            let directory = TempDir::new_in(place.path()).await.unwrap();
            fill(directory.path(), 500);
        });
        drop(runtime);
        assert_eq!(count(place.path()), 0);
    }
    assert!(Path::new("/tmp").exists(), "no link was followed");
}

#[test]
fn tasks_that_end_with_their_runtime_leave_nothing() {
    let place = place();
    for runtime in runtimes() {
        runtime.block_on(async {
            let (held, holds) = tokio::sync::oneshot::channel();
            let mut builder = Builder::new();
            builder.directory(place.path());
            tokio::spawn(async move {
                let _file = builder.named().await.unwrap();
                let directory = builder.tempdir().await.unwrap();
                fill(directory.path(), 200);
                held.send(()).unwrap();
                std::future::pending::<()>().await;
            });
            holds.await.unwrap();
        });
        assert_eq!(count(place.path()), 2);
        drop(runtime);
        assert_eq!(count(place.path()), 0);
    }
}

#[test]
fn drops_after_the_runtime_remove_at_once() {
    let place = place();
    for runtime in runtimes() {
        let mut builder = Builder::new();
        builder.directory(place.path());
        let file = runtime.block_on(builder.named()).unwrap();
        let directory = runtime.block_on(builder.tempdir()).unwrap();
        fill(directory.path(), 10);
        drop(runtime);
        drop((file, directory));
        assert_eq!(count(place.path()), 0);
    }
}

#[tokio::test]
async fn a_directory_can_be_closed_and_kept() {
    let directory = tempdir().await.unwrap();
    let path = directory.path().to_owned();
    fill(&path, 100);
    directory.close().await.unwrap();
    assert!(!path.exists());

    let directory = tempdir().await.unwrap();
    std::fs::remove_dir(directory.path()).unwrap();
    let error = directory.close().await.unwrap_err();
    assert!(error.to_string().starts_with("remove /"), "{error}");

    let kept = tempdir().await.unwrap().keep();
    assert!(kept.is_dir());
    std::fs::remove_dir(kept).unwrap();

    let directory = Builder::new().delete(false).tempdir().await.unwrap();
    let path = directory.path().to_owned();
    directory.close().await.unwrap();
    assert!(path.is_dir());
    std::fs::remove_dir(path).unwrap();
}

#[tokio::test]
async fn a_cancelled_close_of_a_directory_removes_it() {
    let place = place();
    let context = aiofile::context().build().unwrap();
    for _ in 0..50 {
        let directory =
            Builder::new().directory(place.path()).context(&context).tempdir().await.unwrap();
        drop(directory.close().now_or_never());
    }
    assert_eq!(context.shutdown(Duration::from_secs(60)).await, 0);
    assert_eq!(count(place.path()), 0);
}

#[tokio::test]
async fn closing_removes_unless_it_was_said_otherwise() {
    let mut file = NamedTempFile::new().await.unwrap();
    file.close().await.unwrap();
    assert!(!file.path().exists());
    file.close().await.unwrap();

    let mut file = Builder::new().delete_on_close(false).named().await.unwrap();
    file.close().await.unwrap();
    let path = file.path().to_owned();
    assert!(path.exists());
    drop(file);
    assert!(!path.exists());

    let mut file = Builder::new().delete(false).named().await.unwrap();
    file.close().await.unwrap();
    let path = file.path().to_owned();
    drop(file);
    assert!(path.exists());
    std::fs::remove_file(path).unwrap();

    let mut file = NamedTempFile::new().await.unwrap();
    std::fs::remove_file(file.path()).unwrap();
    let error = file.close().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_lasting_name_is_given_once() {
    let place = place();
    let target = place.path().join("target");
    let mut builder = Builder::new();
    builder.directory(place.path());

    let mut file = builder.named().await.unwrap();
    AsyncWriteExt::write_all(&mut file, b"first").await.unwrap();
    let mut file = file.persist_noclobber(&target).await.unwrap();
    AsyncWriteExt::write_all(&mut file, b", and more").await.unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), b"first, and more");
    assert_eq!(count(place.path()), 1);

    let refused = builder.named().await.unwrap().persist_noclobber(&target).await.unwrap_err();
    assert_eq!(refused.error.kind(), std::io::ErrorKind::AlreadyExists);
    assert!(refused.file.path().exists());
    assert!(refused.error.to_string().contains(" to /"), "{refused}");
    refused.file.persist(&target).await.unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), b"");

    let refused = builder.named().await.unwrap().persist("/proc/self/stat").await.unwrap_err();
    assert!(refused.to_string().contains("beside its target"), "{refused}");
    drop(std::io::Error::from(refused));
    let kept = Builder::new().delete(false).directory(place.path()).named().await.unwrap();
    kept.persist(&target).await.unwrap();
    assert_eq!(count(place.path()), 1, "only the target is left");
}

#[tokio::test]
async fn a_cancelled_rename_is_done_or_the_file_is_gone() {
    let place = place();
    let context = aiofile::context().build().unwrap();
    let target = place.path().join("target");
    for _ in 0..100 {
        let file = Builder::new().directory(place.path()).context(&context).named().await.unwrap();
        drop(file.persist(&target).now_or_never());
    }
    assert_eq!(context.shutdown(Duration::from_secs(60)).await, 0);
    assert!(count(place.path()) <= 1, "no temporary name is left");
}

#[tokio::test]
async fn a_name_is_opened_again_only_where_it_is_the_same_file() {
    let file = NamedTempFile::new().await.unwrap();
    let mut second = file.reopen().await.unwrap();
    AsyncWriteExt::write_all(&mut second, b"seen").await.unwrap();
    assert_eq!(std::fs::read(file.path()).unwrap(), b"seen");
    std::fs::remove_file(file.path()).unwrap();
    std::fs::write(file.path(), "another").unwrap();
    let error = file.reopen().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    let (_, path) = file.keep();
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn what_has_no_name_is_a_file_too() {
    let mut file = tempfile().await.unwrap();
    AsyncWriteExt::write_all(&mut file, b"scratch").await.unwrap();
    AsyncSeekExt::rewind(&mut file).await.unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "scratch");
    let metadata = file.file().metadata().await.unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::nlink(&metadata), 0);
}

#[test]
fn all_of_it_can_be_sent() {
    fn sent<T: Send>(_: T) {}
    fn shared<T: Send + Sync + 'static>() {}
    shared::<NamedTempFile>();
    shared::<TempDir>();
    shared::<SpooledTempFile>();
    let builder = Builder::new();
    sent(builder.named());
    sent(builder.tempdir());
    sent(async {
        let mut file = NamedTempFile::new().await.unwrap();
        file.close().await.unwrap();
        drop(file.persist("x").await);
        tempdir().await.unwrap().close().await.unwrap();
        spooled_tempfile(1).rollover().await.unwrap();
    });
}
