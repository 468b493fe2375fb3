//! The end of an open file: all that wait for its descriptor get it, and a close that fails says
//! that it was a close.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;

use caio::backend::pool::ThreadPool;
use caio::{Config, Error, OpKind};
use caio_testkit::{Faulty, Plan};
use nix::libc::EIO;

use crate::harness::{Case, cases, skipped};
use crate::refusal;
use crate::support::{Env, bounded, current_thread, disk, pattern, poll_once, shared};

pub(crate) const CASES: &[Case] = cases![
    once a_descriptor_that_two_wait_for_comes_to_both,
    once a_close_that_fails_is_called_a_close,
    alone a_close_that_the_system_fails_is_called_a_close,
];

fn a_descriptor_that_two_wait_for_comes_to_both() {
    bounded(|| {
        let place = disk();
        let path = place.file("data", &pattern(100));
        current_thread().block_on(async {
            let file = shared(&path);
            let (mut one, mut other) = (file.clone().released(), file.clone().released());
            assert!(poll_once(&mut one).is_pending() && poll_once(&mut other).is_pending());
            drop(file);
            let (one, other) = tokio::join!(one, other);
            // There is one descriptor, and both waits end.
            let descriptor = one.xor(other).expect("one of them has it, and only one");
            assert_eq!(File::from(descriptor).metadata().unwrap().len(), 100);
        });
    });
}

fn a_close_that_fails_is_called_a_close() {
    bounded(|| {
        let place = disk();
        let path = place.file("data", &pattern(100));
        let pool = Arc::new(ThreadPool::open(&Config::default()).unwrap());
        let faulty = Faulty::new(pool, Plan::new(61).fail_once(OpKind::Close, 0, EIO));
        let context = aiofile::context().custom(Arc::new(faulty)).in_place(false).build().unwrap();
        let closed = current_thread().block_on(context.close(shared(&path), true));
        assert_names_close(&closed.unwrap_err(), &path);
    });
}

#[track_caller]
fn assert_names_close(error: &Error, path: &Path) {
    assert_eq!(error.raw_os_error(), Some(EIO), "{error}");
    assert_eq!(error.operation(), Some(OpKind::Close), "{error}");
    assert_eq!(error.path(), Some(path), "{error}");
    assert!(error.to_string().starts_with("close "), "{error}");
}

/// The filter holds for every thread, and not for a close that a ring does.
fn a_close_that_the_system_fails_is_called_a_close(env: &Env) {
    let place = disk();
    let path = place.file("data", &pattern(100));
    let file = shared(&path);
    refusal::forbid_close_of(file.as_raw_fd(), EIO);
    let context = env.another(|builder| builder);
    bounded(move || match current_thread().block_on(context.close(file, true)) {
        Ok(()) => skipped("a close that fails: the backend's own cannot be made to fail"),
        Err(error) => assert_names_close(&error, &path),
    });
}
