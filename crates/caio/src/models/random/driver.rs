//! Who reaps: a runtime that watches the queue and goes, and the engine's thread that takes over.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout};

use super::check;
use crate::config::{Config, Reactor};
use crate::context::Context;
use crate::file::SharedFile;
use crate::models::backend::Null;
use crate::models::task::{block_on, regular_file};
use crate::op::Op;
use crate::runtime::{Registration, Runtime, Watch};
use crate::sync::{Mutex, lock, poll, thread};

/// A runtime whose reactor is a thread that watches one registration at a time, until it ends.
#[derive(Debug, Default)]
struct Reactors {
    registration: Arc<Mutex<Option<Arc<Registration>>>>,
    ended: AtomicBool,
}

impl Runtime for Reactors {
    fn current(&self) -> Option<u64> {
        (!self.ended.load(Ordering::Relaxed)).then_some(1)
    }

    fn watch(&self, registration: Registration, _: Reactor) -> Result<Watch, Registration> {
        let mut place = lock(&self.registration);
        if self.ended.load(Ordering::Relaxed) || place.is_some() {
            return Err(registration);
        }
        *place = Some(Arc::new(registration));
        Ok(Box::new(()))
    }

    fn poll_proceed(&self, _cx: &mut TaskContext<'_>, _bytes: usize) -> Poll<()> {
        Poll::Ready(())
    }
}

impl Reactors {
    /// A few turns of the reactor, and the end of the runtime.
    fn run(&self) {
        for _ in 0..2 {
            let registration = lock(&self.registration).clone();
            let Some(registration) = registration else {
                thread::yield_now();
                continue;
            };
            let mut files = [PollFd::new(registration.as_fd(), PollFlags::POLLIN)];
            if poll(&mut files, PollTimeout::from(1_u8)).is_ok_and(|ready| ready > 0) {
                registration.reap();
            }
        }
        self.ended.store(true, Ordering::Relaxed);
        let registration = lock(&self.registration).take();
        drop(registration);
    }
}

fn sync_length(context: &Context, file: &SharedFile) {
    for length in 0..2 {
        let operation = context.submit(Some(file), Op::SetLength { length });
        assert!(block_on(operation).result.is_ok());
    }
}

fn model() {
    let runtime = Arc::new(Reactors::default());
    let builder = Context::builder().custom(Arc::new(Null::reaped())).in_place(false);
    let builder = builder.config(Config::default()).runtime(Arc::clone(&runtime) as _);
    let (context, file) = (builder.build().unwrap(), regular_file());
    let reactor = thread::spawn(move || runtime.run());
    let tasks: Vec<_> = (0..2)
        .map(|_| {
            let (context, file) = (context.clone(), file.clone());
            thread::spawn(move || sync_length(&context, &file))
        })
        .collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
    reactor.join().unwrap();
    assert_eq!(block_on(context.shutdown(Duration::from_secs(60))), 0);
}

#[test]
fn driver_handover() {
    check("driver_handover", model);
}
