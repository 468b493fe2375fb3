//! Errors in the middle, and copies that nobody waits for any more.

use std::fs;
use std::io::{ErrorKind, Write};
use std::sync::Arc;

use aiofile::Context;
use aiofile::fs::{CopyOptions, Reflink, Replace};
use caio::backend::pool::ThreadPool;
use caio::{Config, OpKind};
use caio_testkit::{Faulty, Plan};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::support::{errno, file, names, noise, place};

const EIO: i32 = 5;

fn failing(plan: Plan) -> Context {
    let pool = ThreadPool::open(&Config::default()).unwrap();
    let faulty = Arc::new(Faulty::new(Arc::new(pool), plan));
    aiofile::context().custom(faulty).in_place(false).build().unwrap()
}

fn by_blocks(context: &Context) -> CopyOptions {
    let mut options = CopyOptions::new();
    options.context(context).copy_file_range(false).reflink(Reflink::Never);
    options.replace(Replace::ByRename).block_size(64 * 1024).in_flight(1);
    options
}

#[tokio::test]
async fn a_short_read_is_no_end() {
    let place = place();
    let source = file(place.path(), "source", noise(1_000_003));
    let target = place.path().join("target");
    let context = failing(Plan::new(7).short(1.0));
    by_blocks(&context).verify(true).copy(&source, &target).await.unwrap();
    assert!(fs::read(&target).unwrap() == noise(1_000_003));
}

#[tokio::test]
async fn an_error_within_a_block_is_that_error_and_not_the_end_of_the_file() {
    let place = place();
    let source = file(place.path(), "source", noise(1_000_003));
    let old = file(place.path(), "target", "old");
    let context = failing(Plan::new(7).short(1.0).fail_from(OpKind::Read, 5, EIO));
    let error = by_blocks(&context).copy(&source, &old).await.unwrap_err();
    assert_eq!(errno(&error), Some(EIO), "{error}");
    assert!(error.to_string().contains(source.to_str().unwrap()), "{error}");

    // Also when both files are read again.
    let reads = 1_000_003_u64.div_ceil(64 * 1024);
    let plan = Plan::new(7).fail_from(OpKind::Read, reads + 3, EIO);
    let error = by_blocks(&failing(plan)).verify(true).copy(&source, &old).await.unwrap_err();
    assert_eq!(errno(&error), Some(EIO), "{error}");
    assert_eq!(fs::read(&old).unwrap(), b"old");
    assert_eq!(names(place.path()), ["source", "target"]);
}

#[tokio::test]
async fn a_full_disk_in_the_middle_leaves_what_was_there() {
    let place = place();
    let source = file(place.path(), "source", noise(1_000_003));
    let old = file(place.path(), "target", "old");
    let context = failing(Plan::new(7).space(500_000));
    let error = by_blocks(&context).copy(&source, &old).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    let text = error.to_string();
    assert!(text.contains(old.to_str().unwrap()) && !text.contains(".aio"), "{text}");
    assert_eq!(fs::read(&old).unwrap(), b"old");
    // A new file that was written in place is removed as well.
    let new = place.path().join("new");
    let mut options = by_blocks(&failing(Plan::new(7).space(500_000)));
    options.replace(Replace::InPlace).copy(&source, &new).await.unwrap_err();
    assert_eq!(names(place.path()), ["source", "target"]);
}

#[tokio::test]
async fn a_copy_that_is_dropped_leaves_nothing() {
    let place = place();
    let fifo = place.path().join("fifo");
    mkfifo(&fifo, Mode::from_bits_truncate(0o600)).unwrap();
    let old = file(place.path(), "target", "old");
    let (from, to) = (fifo.clone(), old.clone());
    let copying = tokio::spawn(async move {
        CopyOptions::new().replace(Replace::ByRename).copy(&from, &to).await
    });
    let opened = tokio::task::spawn_blocking(move || {
        let mut writer = fs::File::options().write(true).open(fifo).unwrap();
        writer.write_all(b"something").unwrap();
        writer
    });
    let _writer = opened.await.unwrap();
    while names(place.path()).len() < 3 {
        tokio::task::yield_now().await;
    }
    copying.abort();
    assert!(copying.await.unwrap_err().is_cancelled());
    // A thread that has just made the file may only now be about to remove it.
    while names(place.path()) != ["fifo", "target"] {
        tokio::task::yield_now().await;
    }
    assert_eq!(fs::read(&old).unwrap(), b"old");
}

#[tokio::test]
async fn memory_that_cannot_be_had_is_an_error() {
    let place = place();
    let source = place.path().join("source");
    // All hole but for its end, so that it takes no room, and one block would hold all of it.
    let sparse = fs::File::create(&source).unwrap();
    sparse.set_len(1 << 43).unwrap();
    let mut options = by_blocks(&aiofile::context().build().unwrap());
    options.sparse(false).block_size(1 << 43);
    if Vec::<u8>::new().try_reserve_exact(1 << 43).is_ok() {
        return println!("skipped: the system grants memory that it does not have");
    }
    let error = options.copy(&source, place.path().join("target")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error}");
    assert_eq!(names(place.path()), ["source"]);
}

#[tokio::test]
async fn a_source_that_changes_is_an_error_where_that_is_asked_for() {
    let place = place();
    let source = file(place.path(), "source", noise(1_000_003));
    let old = file(place.path(), "target", "old");
    let mut options = by_blocks(&aiofile::context().build().unwrap());
    let changing = source.clone();
    options.progress(move |_| {
        let mut file = fs::File::options().append(true).open(&changing).unwrap();
        file.write_all(b"more").unwrap();
    });
    let error = options.refuse_changed(true).copy(&source, &old).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    assert!(error.to_string().contains("was changed while it was copied"), "{error}");
    assert_eq!(fs::read(&old).unwrap(), b"old");
    assert_eq!(names(place.path()), ["source", "target"]);
    options.refuse_changed(false).copy(&source, &old).await.unwrap();
}
