//! Syncing: what it covers, and what a failure means.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use aiofile::{AioFile, Error};
use caio::{Backend, OpKind};
use caio_testkit::{Faulty, Plan, Skeleton};
use futures_util::future::{join_all, maybe_done};

use crate::harness::{Case, cases};
use crate::observed::Observed;
use crate::support::{Env, disk, places, within_reason};

pub(crate) const CASES: &[Case] = cases![
    each files_and_directories_can_be_synced,
    once a_sync_starts_after_the_writes_before_it_have_ended,
    once a_failed_sync_stays_failed_for_every_handle,
];

fn files_and_directories_can_be_synced(env: &Env) {
    for place in places() {
        let path = place.path("data");
        env.run(async {
            let file = env.file(&path, "w").await;
            file.write_all_at("data", 0).await.unwrap();
            file.fdatasync().await.unwrap();
            file.fsync().await.unwrap();
            let directory = env.file(path.parent().unwrap(), "r").await;
            directory.fsync().await.unwrap();
            let read_only = env.file(&path, "r").await;
            read_only.fsync().await.unwrap();
        });
    }
}

/// Notes when operations reach the backend and when they end.
fn recording(inner: Arc<dyn Backend>, log: &Arc<Mutex<Vec<(OpKind, &'static str)>>>) -> Observed {
    let log = Arc::clone(log);
    Observed::new(inner, move |request| {
        let kind = request.op().kind();
        log.lock().unwrap().push((kind, "begins"));
        let log = Arc::clone(&log);
        request.on_complete(move |request, result| {
            log.lock().unwrap().push((kind, "ends"));
            request.complete(result);
        });
    })
}

/// Trap C20: the kernel orders nothing, so that a sync beside a write does not cover it.
fn a_sync_starts_after_the_writes_before_it_have_ended() {
    let place = disk();
    let log = Arc::default();
    let delay = Duration::from_millis(1)..Duration::from_millis(10);
    let inner = Arc::new(Faulty::new(Arc::new(Skeleton::open(64)), Plan::new(1).delay(delay)));
    let backend = Arc::new(recording(inner, &log));
    let context = aiofile::context().custom(backend).in_place(false).build().unwrap();
    within_reason(async {
        let file = std::fs::File::create(place.path("data")).unwrap();
        let file = AioFile::from_std_in(&context, file).unwrap();
        for round in 0..5u64 {
            log.lock().unwrap().clear();
            let writes = (0..8).map(|number| file.write_all_at("data", round * 100 + number * 4));
            let mut writes = std::pin::pin!(maybe_done(join_all(writes)));
            // The task's turn may end between two of them, and a sync waits for what has begun.
            let begun = |log: &Mutex<Vec<_>>| {
                log.lock()
                    .unwrap()
                    .iter()
                    .filter(|entry| **entry == (OpKind::Write, "begins"))
                    .count()
            };
            poll_fn(|cx| match writes.as_mut().poll(cx) {
                Poll::Pending if begun(&log) < 8 => Poll::Pending,
                _ => Poll::Ready(()),
            })
            .await;
            let ((), synced) = tokio::join!(biased; writes.as_mut(), file.fsync());
            let written = writes.take_output().unwrap();
            assert!(written.into_iter().all(|result| result.is_ok()) && synced.is_ok());
            let log = log.lock().unwrap();
            let sync = log.iter().position(|entry| *entry == (OpKind::Fsync, "begins")).unwrap();
            let ended = log[..sync].iter().filter(|entry| **entry == (OpKind::Write, "ends"));
            assert_eq!(ended.count(), 8, "{log:?}");
        }
    });
}

/// Trap C19: the kernel tells of lost data once, and a second fsync(2) succeeds.
fn a_failed_sync_stays_failed_for_every_handle() {
    let place = disk();
    let plan = Plan::new(1).fail_once(OpKind::Fsync, 1, nix::libc::EIO);
    let faulty = Arc::new(Faulty::new(Arc::new(Skeleton::open(64)), plan));
    let context =
        aiofile::context().custom(Arc::<Faulty>::clone(&faulty)).in_place(false).build().unwrap();
    within_reason(async {
        let file = std::fs::File::create(place.path("data")).unwrap();
        let file = AioFile::from_std_in(&context, file).unwrap();
        let other = file.clone();
        file.fsync().await.unwrap();
        let before = faulty.operations();
        for handle in [&file, &other, &file] {
            let error = Error::from(handle.fsync().await.unwrap_err());
            assert_eq!(error.raw_os_error(), Some(nix::libc::EIO), "{error}");
            assert!(other.fdatasync().await.is_err());
        }
        assert_eq!(faulty.operations(), before + 1, "nothing retries a sync");
        file.clear_sync_error();
        other.fsync().await.unwrap();
    });
}
