//! Locks between open files: who excludes whom, and that no cancelled wait leaves one behind.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]
#![cfg(target_os = "linux")]

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aiofile::BackendKind;
use aiofile::fs::{FileLock, LockOptions, lock, lock_shared, try_lock, try_lock_shared};
use futures_util::FutureExt;
use futures_util::future::join_all;

fn open(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).open(path).unwrap()
}

/// A file, opened twice.
fn two() -> (tempfile::TempDir, File, File) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("locked");
    let (first, second) = (open(&path), open(&path));
    (directory, first, second)
}

#[tokio::test]
async fn exclusive_excludes_all_and_shared_only_exclusive() {
    let (_directory, first, second) = two();
    let held = lock(&first).await.unwrap();
    assert!(try_lock(&second).await.unwrap().is_none());
    assert!(try_lock_shared(&second).await.unwrap().is_none());
    held.unlock().await.unwrap();

    let shared = lock_shared(&first).await.unwrap();
    let other = try_lock_shared(&second).await.unwrap().unwrap();
    assert!(try_lock(&second).await.unwrap().is_none());
    drop((shared, other));
    assert!(try_lock(&second).await.unwrap().is_some());
}

#[tokio::test]
async fn a_lock_outlives_the_file_and_no_longer_the_guard() {
    let (_directory, first, second) = two();
    let held = lock(&first).await.unwrap();
    drop(first);
    assert!(try_lock(&second).await.unwrap().is_none());
    drop(held);
    assert!(try_lock(&second).await.unwrap().is_some());
}

#[tokio::test]
async fn ranges_are_apart() {
    let (_directory, first, second) = two();
    let range = async |file: &File, start: u64, end: u64| {
        LockOptions::new().range(start..end).try_lock(file).await.unwrap()
    };
    let held = range(&first, 10, 20).await.unwrap();
    assert!(range(&second, 0, 10).await.is_some());
    assert!(range(&second, 20, 30).await.is_some());
    assert!(range(&second, 19, 30).await.is_none());
    assert!(try_lock(&second).await.unwrap().is_none());
    let rest = LockOptions::new().range(20..).try_lock(&second).await.unwrap().unwrap();
    assert!(range(&first, u64::pow(2, 40), u64::pow(2, 41)).await.is_none());
    drop((held, rest));
    assert!(try_lock(&second).await.unwrap().is_some());
}

#[tokio::test]
async fn what_cannot_be_locked_is_refused() {
    let (directory, first, _second) = two();
    for range in [5..5, 0..u64::MAX] {
        let error = LockOptions::new().range(range).lock(&first).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    let error = LockOptions::new().range(u64::MAX..).try_lock(&first).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");

    let read_only = File::open(directory.path().join("locked")).unwrap();
    let error = lock(&read_only).await.unwrap_err().to_string();
    assert!(error.starts_with("lock /dev/fd/"), "{error}");
    assert!(error.ends_with("(open it for writing, or take a shared lock)"), "{error}");
    lock_shared(&read_only).await.unwrap().unlock().await.unwrap();
}

#[tokio::test]
async fn a_wait_ends_with_the_lock_or_the_timeout() {
    let (_directory, first, second) = two();
    let held = lock(&first).await.unwrap();
    let mut short = LockOptions::new();
    let error = short.timeout(Duration::ZERO).lock(&second).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let error = short.timeout(Duration::from_millis(20)).lock(&second).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);

    let wait = tokio::spawn(async move { lock(&second).await.unwrap() });
    tokio::task::yield_now().await;
    assert!(!wait.is_finished());
    drop(held);
    let theirs = wait.await.unwrap();
    assert!(try_lock(&first).await.unwrap().is_none());
    drop(theirs);
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_ends_no_wait() {
    let (_directory, first, second) = two();
    let held = lock(&first).await.unwrap();
    let waits = async { tokio::time::timeout(Duration::from_secs(3600), lock(&second)).await };
    let frees = async {
        // The runtime moves its clock where all its tasks wait, unless one of its threads is busy.
        let pause = tokio::task::spawn_blocking(|| {
            std::thread::sleep(Duration::from_millis(30));
        });
        pause.await.unwrap();
        drop(held);
    };
    let (waited, ()) = tokio::join!(waits, frees);
    assert!(waited.unwrap().is_ok());
}

#[tokio::test]
async fn a_cancelled_wait_holds_nothing() {
    let (_directory, first, second) = two();
    for turn in 0..200_u32 {
        let held = lock(&first).await.unwrap();
        let mut wait = Box::pin(lock(&second));
        // To be dropped at another place each time: before a try, in one, in a pause.
        for _ in 0..turn % 5 {
            assert!(wait.as_mut().now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        if turn % 2 == 0 {
            drop(held);
            _ = wait.as_mut().now_or_never();
            drop(wait);
        } else {
            drop(wait);
            drop(held);
        }
        // What a thread took meanwhile it gives back.
        drop(lock(&first).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_wait_and_each_is_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("locked");
    let inside = Arc::new(AtomicUsize::new(0));
    let tasks = (0..40).map(|_| {
        let (file, inside) = (open(&path), Arc::clone(&inside));
        tokio::spawn(async move {
            let held = lock(&file).await.unwrap();
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
            tokio::task::yield_now().await;
            assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
            drop(held);
        })
    });
    for result in join_all(tasks).await {
        result.unwrap();
    }
}

#[tokio::test]
async fn waiting_takes_no_thread_of_the_pool() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("locked");
    let context = aiofile::context().backend(BackendKind::Rust).threads(0, 2).build().unwrap();
    let file = open(&path);
    let held = lock(&file).await.unwrap();
    let files: Vec<_> = (0..50).map(|_| open(&path)).collect();
    let mut options = LockOptions::new();
    options.context(&context).shared(true);
    let mut waits: Vec<_> = files.iter().map(|file| Box::pin(options.lock(file))).collect();
    for wait in &mut waits {
        assert!(wait.as_mut().now_or_never().is_none());
    }
    assert!(context.read_file("/proc/self/stat".as_ref()).await.is_ok());
    drop(held);
    let held: Vec<FileLock> = join_all(waits).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(held.len(), 50);
}

#[test]
fn it_works_without_tokio_and_on_every_backend() {
    for kind in BackendKind::ALL {
        let context = match aiofile::context().backend(kind).build() {
            Ok(context) => context,
            Err(error) => {
                println!("skipped: {kind}: {error}");
                continue;
            }
        };
        let (_directory, first, second) = two();
        let mut options = LockOptions::new();
        options.context(&context);
        let held = futures_executor::block_on(options.lock(&first)).unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| futures_executor::block_on(options.lock(&second)).unwrap());
            drop(held);
            drop(waits.join().unwrap());
        });
    }
}

#[test]
fn futures_are_send() {
    fn is_send(value: impl Send) {
        drop(value);
    }
    let (_directory, first, second) = two();
    is_send(lock(&first));
    is_send(try_lock_shared(&second));
}
