//! What is cached on a local mount costs no hop, and is what a hop would have found.

use std::io;

use aiofile::{AioFile, Context, fs, with_context};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use super::support::temporary;

fn hops(context: &Context) -> u64 {
    context.metrics().submitted
}

/// The hops of the cheapest of some turns: a mount or an unmount elsewhere in the system makes the
/// directory cache give no answer for a moment.
async fn fewest_hops(context: &Context, turn: impl AsyncFn()) -> u64 {
    let mut fewest = u64::MAX;
    for _ in 0..20 {
        let before = hops(context);
        with_context(context, turn()).await;
        fewest = fewest.min(hops(context) - before);
    }
    fewest
}

/// Whether this kernel and this mount have anything done in place.
async fn nothing_is_in_place(context: &Context) -> bool {
    let directory = temporary();
    let lookups = async {
        for _ in 0..2 {
            fs::metadata(directory.path()).await.unwrap();
        }
    };
    with_context(context, lookups).await;
    if context.metrics().in_place == 0 {
        println!("skipped: nothing is done in place on this mount or with this kernel");
        return true;
    }
    false
}

#[tokio::test]
async fn a_second_look_costs_no_hop() {
    let context = aiofile::context().build().unwrap();
    if nothing_is_in_place(&context).await {
        return;
    }
    let directory = temporary();
    let (path, missing) = (directory.path().join("file"), directory.path().join("missing"));
    std::fs::write(&path, "text").unwrap();
    let looks = async || {
        assert_eq!(fs::metadata(&path).await.unwrap().len(), 4);
        assert_eq!(fs::symlink_metadata(&path).await.unwrap().len(), 4);
        assert!(fs::try_exists(&path).await.unwrap());
        let file = AioFile::open(&path, "r").await.unwrap();
        assert_eq!(file.read_exact_at(4, 0).await.unwrap(), "text");
        assert_eq!(file.len().await.unwrap(), 4);
    };
    assert_eq!(fewest_hops(&context, looks).await, 0);

    let looks = async || {
        assert!(!fs::try_exists(&missing).await.unwrap());
        let error = fs::metadata(&missing).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    };
    // Some file systems, such as tmpfs, do not remember what is not there.
    let is_known = || {
        let how = (OFlags::PATH, Mode::empty(), ResolveFlags::CACHED);
        openat2(CWD, &missing, how.0, how.1, how.2).err() == Some(Errno::NOENT)
    };
    assert!(std::fs::metadata(&missing).is_err(), "so that it may be known not to be there");
    let is_known = (0..20).any(|_| is_known());
    assert_eq!(fewest_hops(&context, looks).await == 0, is_known);
}

#[tokio::test]
async fn a_file_that_is_dropped_is_closed_at_once_without_a_hop() {
    let context = aiofile::context().build().unwrap();
    let directory = temporary();
    let path = directory.path().join("file");
    std::fs::write(&path, "text").unwrap();
    let is_open = || {
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        open.flatten().any(|entry| std::fs::read_link(entry.path()).is_ok_and(|to| to == path))
    };
    let fs = fs::Fs::new(&context);
    let file = fs.open(&path).await.unwrap();
    let opened = hops(&context);
    assert!(is_open());
    drop(file);
    assert!(!is_open());
    assert_eq!(hops(&context), opened);
    let mut file = fs.open(&path).await.unwrap();
    let opened = hops(&context);
    file.close().await.unwrap();
    assert_eq!(hops(&context), opened + 1, "it says what close(2) answered");
}

#[tokio::test]
async fn entries_of_a_directory_are_examined_in_place() {
    let context = aiofile::context().build().unwrap();
    if nothing_is_in_place(&context).await {
        return;
    }
    let directory = temporary();
    for name in ["a", "b", "c"] {
        std::fs::write(directory.path().join(name), name).unwrap();
    }
    let lengths = async || {
        let mut entries = fs::read_dir(directory.path()).await.unwrap();
        let mut length = 0;
        while let Some(entry) = entries.next_entry().await.unwrap() {
            length += entry.metadata().await.unwrap().len();
        }
        assert_eq!(length, 3);
    };
    assert_eq!(fewest_hops(&context, lengths).await, 1, "for read_dir itself");
}

#[tokio::test]
async fn nothing_is_in_place_where_that_is_not_wanted_or_after_the_shutdown() {
    let context = aiofile::context().in_place(false).build().unwrap();
    let looks = async {
        for _ in 0..2 {
            fs::metadata("/").await.unwrap();
            AioFile::open("/proc/version", "r").await.unwrap();
        }
    };
    with_context(&context, looks).await;
    assert_eq!((context.metrics().in_place, hops(&context)), (0, 4));

    let context = aiofile::context().build().unwrap();
    with_context(&context, fs::metadata("/")).await.unwrap();
    context.shutdown(std::time::Duration::from_secs(60)).await;
    for _ in 0..2 {
        let error = with_context(&context, fs::metadata("/")).await.unwrap_err();
        let kind = aiofile::Error::of(&error).map(aiofile::Error::kind);
        assert_eq!(kind, Some(aiofile::ErrorKind::Shutdown), "{error}");
    }
}

#[tokio::test]
async fn open_files_are_counted_where_they_were_opened_in_place() {
    let directory = temporary();
    let path = directory.path().join("file");
    std::fs::write(&path, "text").unwrap();
    let context = aiofile::context().max_open_files(2).build().unwrap();
    let opens = async {
        let first = AioFile::open(&path, "r").await.unwrap();
        let _second = AioFile::open(&path, "r").await.unwrap();
        assert!(AioFile::open(&path, "r").await.is_err(), "two are open");
        drop(first);
        AioFile::open(&path, "r").await.unwrap();
    };
    with_context(&context, opens).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_loop_of_looks_lets_other_tasks_run() {
    let context = aiofile::context().build().unwrap();
    if nothing_is_in_place(&context).await {
        return;
    }
    let other = tokio::spawn(async {});
    let path = temporary();
    let looks = async {
        let mut looks = 0;
        while !other.is_finished() {
            fs::metadata(path.path()).await.unwrap();
            looks += 1;
            assert!(looks < 10_000, "the other task never had its turn");
        }
    };
    with_context(&context, looks).await;
}
