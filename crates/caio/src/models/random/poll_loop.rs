//! What waits for streams: the thread that comes and goes, answers, cancellations, the shutdown.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use super::check;
use crate::backend::pool::Pool;
use crate::buffer::Buffer;
use crate::config::Config;
use crate::context::Context;
use crate::file::SharedFile;
use crate::models::task::{AnyTime, block_on, poll_once};
use crate::models::threads::Threads;
use crate::op::Op;
use crate::sync::thread;

fn context() -> Context {
    let options = Config { threads_max: 1, threads_idle_timeout_ms: 1, ..Config::default() };
    let pool = Arc::new(Pool::<Threads>::open(&options).unwrap());
    let builder = Context::builder().custom(pool).runtime(Arc::new(AnyTime)).in_place(false);
    builder.config(Config::default()).build().unwrap()
}

fn pipe() -> (SharedFile, SharedFile) {
    let (read, write) = nix::unistd::pipe().expect("there are descriptors");
    let share = |end: OwnedFd| SharedFile::new(File::from(end), "pipe").expect("it is open");
    (share(read), share(write))
}

fn read() -> Op {
    Op::read(Buffer::from(Vec::with_capacity(1)), 0..1, 0).unwrap()
}

fn write() -> Op {
    Op::write(Buffer::from(vec![1]), 0..1, 0).unwrap()
}

fn model() {
    let context = context();
    let ((reading, writing), (silent, _kept)) = (pipe(), pipe());
    let reader = {
        let (context, reading) = (context.clone(), reading.clone());
        thread::spawn(move || {
            assert!(block_on(context.submit(Some(&reading), read())).result.is_ok())
        })
    };
    let writer = {
        let (context, writing) = (context.clone(), writing.clone());
        thread::spawn(move || {
            assert!(block_on(context.submit(Some(&writing), write())).result.is_ok())
        })
    };
    let given_up = {
        let (context, silent) = (context.clone(), silent.clone());
        thread::spawn(move || {
            let mut read = context.submit(Some(&silent), read());
            assert!(poll_once(&mut read).is_pending());
        })
    };
    [reader, writer, given_up].into_iter().for_each(|task| task.join().unwrap());
    // What was given up is gone, without which this read would not be the first in its queue.
    let mut left = context.submit(Some(&silent), read());
    assert!(poll_once(&mut left).is_pending());
    assert_eq!(block_on(context.shutdown(Duration::from_secs(60))), 0);
    assert!(block_on(left).result.is_err(), "nothing is left waiting");
}

#[test]
fn poll_loop_streams() {
    check("poll_loop_streams", model);
}
