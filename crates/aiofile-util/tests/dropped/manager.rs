//! The shutdown of a `FileManager`: dropped at each poll, it goes on, and the next call tells what
//! became of all that was under way.

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use aiofile::fs::Fs;
use aiofile::{AioFile, Error, ErrorKind};
use aiofile_util::FileManager;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::common::{LIMIT, contexts, place};
use crate::{POLLS_MAX, in_time, settle, to_poll};

/// A manager on the same backend as this context.
fn manager(context: &aiofile::Context) -> FileManager {
    let builder = aiofile::context().backend(context.info().backend);
    let builder = builder.configure(|config| config.limits.reads = Some(1));
    FileManager::build(builder).unwrap()
}

/// A closure that has begun and ends when it is told to.
fn slow(manager: &FileManager) -> (Sender<()>, BoxFuture<'static, caio::Result<i32>>) {
    let (end, wait) = channel();
    let (began, has_begun) = channel();
    let context = manager.context().clone();
    let mut slow = async move {
        let work = move || {
            began.send(()).unwrap();
            _ = wait.recv();
            Ok(7)
        };
        context.run("wait", work).await
    }
    .boxed();
    assert!((&mut slow).now_or_never().is_none());
    has_begun.recv().unwrap();
    (end, slow)
}

#[tokio::test]
async fn what_is_under_way_ends_however_often_the_shutdown_is_dropped() {
    for context in contexts() {
        let mut dropped = 0;
        for polls in 0..POLLS_MAX {
            let (manager, place) = (manager(&context), place());
            let (end, slow) = slow(&manager);
            let std = std::fs::File::create(place.path().join("file")).unwrap();
            let file = AioFile::from_std_in(manager.context(), std).unwrap();
            let mut write = Box::pin(file.write_all_at("written", 0));
            // It may be over at once.
            let mut written = (&mut write).now_or_never();

            let mut first = None;
            if polls > 0 {
                let mut shutdown = Box::pin(manager.shutdown(LIMIT));
                // It has begun, and what has is not to wait for the drops.
                first = (&mut shutdown).now_or_never();
                drop(end);
                if first.is_none() {
                    first = to_poll(polls - 1, shutdown).await;
                }
                let refused = Fs::new(manager.context()).read("/proc/version").await.unwrap_err();
                assert_eq!(Error::of(&refused).unwrap().kind(), ErrorKind::Shutdown);
            } else {
                drop(manager.shutdown(LIMIT));
                assert!(Fs::new(manager.context()).read("/proc/version").await.is_ok());
                drop(end);
            }
            let second = in_time(manager.shutdown(LIMIT)).await;
            assert!(second.given_up.is_empty(), "{second}");
            if written.is_none() {
                written = Some(in_time(write).await);
            }
            written.unwrap().unwrap();
            assert_eq!(in_time(slow).await.unwrap(), 7);
            assert_eq!(std::fs::read(place.path().join("file")).unwrap(), b"written");
            settle(manager.context());
            dropped += usize::from(first.is_none());
            if let Some(report) = first {
                assert!(report.given_up.is_empty() && report.ended >= 1, "{report}");
                break;
            }
        }
        assert!(dropped > 0);
    }
}

#[tokio::test]
async fn what_is_given_up_is_told_by_the_call_that_is_not_dropped() {
    for context in contexts() {
        for polls in 1..POLLS_MAX {
            let manager = manager(&context);
            let (end, slow) = slow(&manager);
            let patience = Duration::from_millis(20);
            let first = to_poll(polls, manager.shutdown(patience)).await;
            let second = in_time(manager.shutdown(Duration::ZERO)).await;
            let told: Vec<_> =
                first.iter().chain([&second]).flat_map(|one| &one.given_up).collect();
            assert_eq!(told.len(), 1, "{first:?}, {second:?}");
            assert_eq!(told[0].name, "wait");
            assert_eq!(in_time(slow).await.unwrap_err().kind(), ErrorKind::Shutdown);
            drop(end);
            if first.is_some() {
                break;
            }
        }
    }
}
