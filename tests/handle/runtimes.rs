//! The same few operations wherever futures are run.

use std::io::SeekFrom;
use std::path::Path;

use aiofile::{File, async_open};
use tokio::io::AsyncSeekExt;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

async fn smoke(directory: &Path, name: &str) -> File {
    let mut handle = async_open(directory.join(name), "w+").await.unwrap();
    handle.write_owned("line one\nline two\n").await.unwrap();
    handle.seek(SeekFrom::Start(5)).await.unwrap();
    assert_eq!(handle.readline().await.unwrap(), "one\n");
    assert_eq!(handle.read_bytes(4).await.unwrap(), "line");
    handle.fsync().await.unwrap();
    handle
}

#[test]
fn every_flavour_of_runtime_and_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let threads = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let spawned = threads.spawn(async move { drop(smoke(&path, "threads").await) });
    threads.block_on(spawned).unwrap();

    let path = directory.path();
    let current = Builder::new_current_thread().enable_all().build().unwrap();
    current.block_on(smoke(path, "current"));

    let local = LocalSet::new();
    let owned = path.to_owned();
    local.block_on(&current, async {
        tokio::task::spawn_local(async move { drop(smoke(&owned, "local").await) }).await.unwrap();
    });

    let bare = Builder::new_current_thread().build().unwrap();
    bare.block_on(smoke(path, "bare"));
    let bare = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    bare.block_on(smoke(path, "bare threads"));

    drop(smol::block_on(smoke(path, "smol")));
    drop(futures_executor::block_on(smoke(path, "futures")));
    assert_eq!(std::fs::read_dir(path).unwrap().count(), 7);
}

#[test]
fn a_handle_outlives_its_runtime_and_works_in_another_one() {
    let directory = tempfile::tempdir().unwrap();
    let first = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut handle = first.block_on(smoke(directory.path(), "moved"));
    drop(first);
    let second = Builder::new_current_thread().enable_all().build().unwrap();
    second.block_on(async {
        handle.seek(SeekFrom::Start(0)).await.unwrap();
        assert_eq!(handle.readline().await.unwrap(), "line one\n");
        handle.write_owned("LINE").await.unwrap();
    });
    drop(second);
    smol::block_on(async {
        assert_eq!(handle.read_bytes(100).await.unwrap(), " two\n");
        handle.close().await.unwrap();
    });
}

#[test]
fn a_handle_is_dropped_where_there_is_no_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let handles: Vec<_> =
        (0..3).map(|i| runtime.block_on(smoke(directory.path(), &i.to_string()))).collect();
    drop(runtime);
    std::thread::spawn(move || drop(handles)).join().unwrap();
    assert_eq!(std::fs::read(directory.path().join("2")).unwrap(), b"line one\nline two\n");
}
