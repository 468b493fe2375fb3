//! The bound of open files: opens that wait for a place, are given up, and close.

use std::sync::Arc;
use std::time::Duration;

use super::check;
use crate::backend::pool::Pool;
use crate::config::Config;
use crate::context::Context;
use crate::models::task::{AnyTime, block_on, poll_once};
use crate::models::threads::Threads;
use crate::op::{Op, Output};
use crate::sync::thread;

fn open() -> Op {
    Op::Open { path: c"/dev/null".into(), flags: libc::O_RDWR, mode: 0 }
}

/// Reads a file whole: a place that comes back by itself.
fn read_file() -> Op {
    Op::ReadFile { path: c"/proc/version".into() }
}

fn model() {
    let options = Config { threads_max: 2, ..Config::default() };
    let pool = Arc::new(Pool::<Threads>::open(&options).unwrap());
    let builder = Context::builder().custom(pool).runtime(Arc::new(AnyTime)).in_place(false);
    let config = Config { max_open_files: 1, ..Config::default() };
    let context = builder.config(config).build().unwrap();
    let tasks: Vec<_> = (0..3)
        .map(|number| {
            let context = context.clone();
            thread::spawn(move || {
                if number == 2 {
                    let mut given_up = context.submit(None, open());
                    let _ = poll_once(&mut given_up);
                    return;
                }
                let read = block_on(context.submit(None, read_file())).result;
                // Where an open file holds the only place, that is an error at once.
                let is_held = |error: &crate::Error| error.raw_os_error() == Some(libc::EMFILE);
                assert!(read.is_ok() || read.is_err_and(|error| is_held(&error)));
                match block_on(context.submit(None, open())).result {
                    Ok(Output::File(file)) => drop(file),
                    Ok(other) => unreachable!("{other:?}"),
                    Err(error) => assert!(is_held(&error), "{error}"),
                }
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
    assert_eq!(block_on(context.shutdown(Duration::from_secs(60))), 0);
    assert_eq!(context.metrics().in_flight, 0);
}

#[test]
fn opening_files() {
    check("opening_files", model);
}
