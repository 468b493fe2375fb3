//! A context whose requests complete on the threads that call it: who makes room admits the next.

use std::sync::Arc;
#[cfg(caio_loom)]
use std::time::Duration;

use super::Context;
use crate::backend::QueueId;
use crate::config::Config;
use crate::file::SharedFile;
use crate::models::backend::Null;
#[cfg(caio_loom)]
use crate::models::exhaustive::check_deep as check;
#[cfg(caio_shuttle)]
use crate::models::random::check;
use crate::models::task::{AnyTime, block_on, poll_once, regular_file};
use crate::op::Op;
use crate::sync::thread;

/// A context with room for one request at a time.
fn context() -> Context {
    let builder = Context::builder().custom(Arc::new(Null::new()));
    let config = Config { max_requests: 1, ..Config::default() };
    let builder = builder.config(config).runtime(Arc::new(AnyTime)).in_place(false);
    builder.build().unwrap()
}

fn is_empty(context: &Context) {
    let inner = &context.inner;
    assert_eq!((inner.pending.count(), inner.others.in_use().0), (0, 0));
    assert_eq!(inner.others.waiting(), 0);
}

fn metadata(context: &Context, file: &SharedFile) {
    assert!(block_on(context.submit(Some(file), Op::Metadata)).result.is_ok());
}

#[cfg(caio_loom)]
#[test]
fn context_admission() {
    check("context_admission", Some(2), || {
        let (context, file) = (context(), regular_file());
        let (theirs, shared) = (context.clone(), file.clone());
        let other = thread::spawn(move || metadata(&theirs, &shared));
        metadata(&context, &file);
        other.join().unwrap();
        is_empty(&context);
    });
}

/// Waits for an operation as one of several threads that reap.
fn reap_until_done(context: &Context, file: &SharedFile) {
    let mut operation = context.submit(Some(file), Op::SetLength { length: 0 });
    while poll_once(&mut operation).is_pending() {
        context.inner.collect(QueueId(0));
        thread::yield_now();
    }
}

#[cfg(caio_loom)]
#[test]
fn context_reaping() {
    check("context_reaping", Some(2), || {
        let (context, file) = (context(), regular_file());
        let (theirs, shared) = (context.clone(), file.clone());
        let other = thread::spawn(move || reap_until_done(&theirs, &shared));
        reap_until_done(&context, &file);
        other.join().unwrap();
        is_empty(&context);
    });
}

/// Some complete where they are committed, while another thread reaps.
#[cfg(caio_shuttle)]
#[test]
fn context_completers() {
    check("context_completers", || {
        let (context, file) = (context(), regular_file());
        let others: Vec<_> = (0..2)
            .map(|_| {
                let (context, file) = (context.clone(), file.clone());
                thread::spawn(move || (0..2).for_each(|_| metadata(&context, &file)))
            })
            .collect();
        reap_until_done(&context, &file);
        others.into_iter().for_each(|other| other.join().unwrap());
        is_empty(&context);
    });
}

#[cfg(caio_loom)]
#[test]
fn context_cancel() {
    check("context_cancel", Some(2), || {
        let (context, file) = (context(), regular_file());
        let (theirs, shared) = (context.clone(), file.clone());
        let other = thread::spawn(move || {
            let mut given_up = theirs.submit(Some(&shared), Op::Metadata);
            let _ = poll_once(&mut given_up);
        });
        metadata(&context, &file);
        other.join().unwrap();
        is_empty(&context);
    });
}

#[cfg(caio_loom)]
#[test]
fn context_shutdown() {
    check("context_shutdown", Some(3), || {
        let (context, file) = (context(), regular_file());
        let (theirs, shared) = (context.clone(), file.clone());
        // Either it was accepted, and has its answer, or it is refused.
        let other = thread::spawn(move || block_on(theirs.submit(Some(&shared), Op::Metadata)));
        assert_eq!(block_on(context.shutdown(Duration::from_secs(60))), 0);
        drop(other.join().unwrap());
        is_empty(&context);
    });
}
