//! The end of a context: what was accepted is done or answered, what comes later is refused.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aiofile::{AioFile, Error, ErrorKind};
use caio::{Buffer, BufferedWrites, Op};
use caio_testkit::{Faulty, Plan, Skeleton};
use futures_util::FutureExt;
use futures_util::future::join_all;

use crate::harness::{Case, cases};
use crate::support::{Env, HANGS, disk, pattern, poll_once, room, shared, within_reason};

pub(crate) const CASES: &[Case] = cases![
    each a_graceful_shutdown_loses_no_accepted_write,
    each a_graceful_shutdown_waits_for_answers_on_their_way,
    each an_impatient_shutdown_answers_everybody,
    once an_impatient_shutdown_answers_what_waits_for_others,
    each after_the_shutdown_everything_is_refused,
    each a_pending_read_of_a_pipe_does_not_hold_up_the_end,
];

/// Trap B21.
fn a_graceful_shutdown_loses_no_accepted_write(env: &Env) {
    let place = disk();
    let path = place.file("data", b"");
    let file = shared(&path);
    let context = env.another(|builder| builder.max_requests(1000).in_place(false));
    env.run(async {
        let ops = (0..1000u32).map(|number| {
            let buffer = Buffer::from((number + 1).to_le_bytes().to_vec());
            Op::write(buffer, 0..4, u64::from(number) * 4).unwrap()
        });
        let operations = context.submit_all(&file, ops);
        let accepted = context.metrics().submitted;
        assert_eq!(context.shutdown(HANGS).await, 0);
        let outcomes = join_all(operations).await;
        let written = std::fs::read(&path).unwrap();
        let mut done = 0;
        for (index, outcome) in outcomes.iter().enumerate() {
            match &outcome.result {
                Ok(_) => {
                    done += 1;
                    let expected = (index as u32 + 1).to_le_bytes();
                    assert_eq!(written[index * 4..][..4], expected, "write {index} is lost");
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Shutdown, "{error}"),
            }
        }
        assert!(done >= accepted.min(1), "{done} of {accepted} accepted writes were done");
        let metrics = context.metrics();
        assert_eq!((metrics.submitted, metrics.in_flight), (metrics.completed, 0));
    });
}

/// A request that a backend has finished with and not answered yet is still under way: here its
/// answer waits behind a waker that takes its time.
fn a_graceful_shutdown_waits_for_answers_on_their_way(env: &Env) {
    /// The first answer takes its time, and whoever gives the others is done long before.
    struct Slow(std::sync::Once);
    impl std::task::Wake for Slow {
        fn wake(self: Arc<Self>) {
            self.0.call_once(|| std::thread::sleep(Duration::from_millis(200)));
        }
    }
    let place = disk();
    let file = shared(&place.file("data", b""));
    let context = env.another(|builder| {
        builder.max_requests(16).in_place(false).runtime(Arc::new(caio::NoRuntime))
    });
    env.run(async {
        let ops =
            (0..8u64).map(|number| Op::write(Buffer::from(vec![1; 4]), 0..4, number * 4).unwrap());
        let mut operations = context.submit_all(&file, ops);
        let waker = std::task::Waker::from(Arc::new(Slow(std::sync::Once::new())));
        for operation in &mut operations {
            let _ = std::pin::Pin::new(operation).poll(&mut std::task::Context::from_waker(&waker));
        }
        assert_eq!(context.shutdown(HANGS).await, 0);
    });
}

fn an_impatient_shutdown_answers_everybody(env: &Env) {
    let context = env.another(|builder| builder);
    let (reader, writer) = std::io::pipe().unwrap();
    let place = disk();
    let regular = shared(&place.file("data", &pattern(64 * 1024)));
    env.run(async {
        let pipe = caio::SharedFile::new(File::from(OwnedFd::from(reader)), "pipe").unwrap();
        let silent = context.read(&pipe, room(10), 0..10, 0);
        let reads = (0..100).map(|_| context.read(&regular, room(4096), 0..4096, 0));
        let end = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            context.shutdown(Duration::ZERO).await
        };
        let (silent, reads, _) = tokio::join!(silent, join_all(reads), end);
        assert!(silent.0.is_err(), "nothing was written to the pipe");
        for (result, _) in reads {
            match result {
                Ok(bytes) => assert_eq!(bytes, 4096),
                // It was still waiting for its turn.
                Err(error) => assert_eq!(error.kind(), ErrorKind::Shutdown, "{error}"),
            }
        }
    });
    drop(writer);
}

/// A sync waits for the writes before it, and a close for all that uses the file: here for a write
/// that is not answered.
fn an_impatient_shutdown_answers_what_waits_for_others() {
    let plan = Plan::new(1).delay(10 * HANGS..20 * HANGS);
    let backend = Arc::new(Faulty::new(Arc::new(Skeleton::open(8)), plan));
    let builder = aiofile::context().custom(backend).in_place(false);
    let context = builder.configure(|config| config.buffered_writes = BufferedWrites::Backend);
    let context = context.build().unwrap();
    let place = disk();
    let file = shared(&place.file("data", b""));
    within_reason(async {
        let bytes = Buffer::from(&b"data"[..]);
        let (context, share) = (&context, file.clone());
        let write = async move { context.write(&share, bytes, 0..4, 0).await.0.map(drop) };
        let syncs = [false, true].map(|data_only| {
            let file = file.clone();
            async move { context.sync(&file, data_only).await }.boxed()
        });
        let close = context.close(file, true).boxed();
        let mut waiting: Vec<_> = [write.boxed()].into_iter().chain(syncs).chain([close]).collect();
        assert!(waiting.iter_mut().all(|waiting| poll_once(waiting).is_pending()));
        assert_eq!(context.shutdown(Duration::from_millis(20)).await, waiting.len());
        for ended in join_all(waiting).await {
            assert_eq!(ended.unwrap_err().kind(), ErrorKind::Shutdown);
        }
    });
}

fn after_the_shutdown_everything_is_refused(env: &Env) {
    let place = disk();
    let path = place.file("data", b"data");
    let context = env.another(|builder| builder.in_place(false));
    env.run(async {
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let file = AioFile::from_std_in(&context, file).unwrap();
        assert_eq!(file.read_at(4, 0).await.unwrap(), "data");
        assert_eq!(context.shutdown(HANGS).await, 0);
        let refused = [
            file.read_at(4, 0).await.map(drop),
            file.write_at("more", 0).await.map(drop),
            file.fsync().await,
        ];
        for error in refused.map(|result| Error::from(result.unwrap_err())) {
            assert_eq!(error.kind(), ErrorKind::Shutdown, "{error}");
        }
        let error = context.open(&path, 0, 0).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Shutdown, "{error}");
        // Once more is no error, and no wait.
        let begun = Instant::now();
        assert_eq!(context.shutdown(2 * HANGS).await, 0);
        assert!(begun.elapsed() < HANGS);
    });
    assert_eq!(std::fs::read(&path).unwrap(), b"data");
}

/// Trap D15: a program that waits for its standard input cannot end.
fn a_pending_read_of_a_pipe_does_not_hold_up_the_end(env: &Env) {
    let (reader, _writer) = std::io::pipe().unwrap();
    // It hangs where the end waits for the pipe.
    env.bounded(|env| {
        let context = env.another(|builder| builder);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let file = File::from(OwnedFd::from(reader));
            let file = AioFile::from_std_in(&context, file).unwrap();
            tokio::spawn(async move { file.read_at(10, 0).await });
            tokio::time::sleep(Duration::from_millis(5)).await;
        });
        drop(runtime);
        drop(context);
    });
}
