//! A context over a pool: limits, syncs, futures that go, the shutdown.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::check;
use crate::backend::pool::Pool;
use crate::buffer::Buffer;
use crate::config::Config;
use crate::context::Context;
use crate::error::ErrorKind;
use crate::file::SharedFile;
use crate::models::task::{AnyTime, Count, block_on, poll_once, regular_file};
use crate::models::threads::Threads;
use crate::op::Op;
use crate::sync::{now, thread};

/// A context with room for two transfers, whose operations threads do.
fn context() -> Context {
    let options = Config { threads_max: 2, ..Config::default() };
    let pool = Arc::new(Pool::<Threads>::open(&options).unwrap());
    let builder = Context::builder().custom(pool).runtime(Arc::new(AnyTime)).in_place(false);
    builder.config(Config { max_requests: 2, ..Config::default() }).build().unwrap()
}

fn write() -> Op {
    Op::write(Buffer::from(vec![1]), 0..1, 0).unwrap()
}

/// Ends all that there is, and finds nothing left.
fn end(context: &Context) {
    let deadline = Duration::from_secs(60);
    assert_eq!(block_on(context.shutdown(deadline)), 0, "nothing is abandoned");
    let counts = (context.in_flight(), context.metrics().in_flight);
    assert_eq!(counts, ((0, 0), 0));
}

fn writes_and_syncs(context: &Context, file: &SharedFile) {
    let mut given_up = context.submit(Some(file), write());
    let was_ready = poll_once(&mut given_up).is_ready();
    let kept = context.submit(Some(file), write());
    assert!(block_on(kept).result.is_ok());
    block_on(context.sync(file, true)).unwrap();
    assert!(
        was_ready || !matches!(poll_once(&mut given_up), Poll::Ready(one) if one.result.is_err())
    );
}

fn limits() {
    let (context, file) = (context(), regular_file());
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            let (context, file) = (context.clone(), file.clone());
            thread::spawn(move || writes_and_syncs(&context, &file))
        })
        .collect();
    let length = context.submit(Some(&file), Op::SetLength { length: 8 });
    assert!(block_on(length).result.is_ok());
    tasks.into_iter().for_each(|task| task.join().unwrap());
    end(&context);
}

fn shutdown() {
    let (context, file, dropped) = (context(), regular_file(), Count::default());
    let tasks: Vec<_> = (0..3)
        .map(|number| {
            let (context, file, dropped) = (context.clone(), file.clone(), dropped.clone());
            thread::spawn(move || {
                let (job, write) = (dropped.dropped(), write());
                let mut given_up = context.submit(None, job);
                let _ = poll_once(&mut given_up);
                if number == 0 {
                    let sync = block_on(context.sync(&file, false));
                    assert!(sync.is_ok() || is_shut_down(sync.as_ref().err()));
                }
                let written = block_on(context.submit(Some(&file), write)).result;
                assert!(written.is_ok() || is_shut_down(written.as_ref().err()));
                drop(given_up);
            })
        })
        .collect();
    let begun = now();
    end(&context);
    assert!(now() - begun < Duration::from_secs(60));
    tasks.into_iter().for_each(|task| task.join().unwrap());
    end(&context);
    assert_eq!(dropped.get(), 3, "each buffer goes once");
}

fn is_shut_down(error: Option<&crate::error::Error>) -> bool {
    error.is_some_and(|error| error.kind() == ErrorKind::Shutdown)
}

#[test]
fn context_limits() {
    check("context_limits", limits);
}

#[test]
fn context_drain() {
    check("context_drain", shutdown);
}
