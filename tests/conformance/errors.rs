//! What is refused, by the system or before it: clear words, nothing lost, no other harmed.

use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context as TaskContext, Wake, Waker};
use std::time::Instant;

use aiofile::{AioFile, Error, ErrorKind, OpenOptions};
use futures_util::FutureExt;
use futures_util::future::maybe_done;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::harness::{Case, cases};
use crate::support::{
    Env, HANGS, assert_settled, disk, eventually, pattern, poll_once, room, shared,
};

pub(crate) const CASES: &[Case] = cases![
    each the_systems_errno_arrives_with_file_and_offset,
    each what_cannot_be_right_is_refused_before_the_system_sees_it,
    each an_error_leaves_the_context_as_good_as_before,
    each what_one_file_forbids_is_taken_for_no_word_of_the_backend,
    each a_panicking_waker_harms_nobody_else,
    each a_panicking_waker_in_line_harms_nobody_else,
];

async fn opening(env: &Env, path: &str, mode: &str) -> caio::Error {
    let mut options = OpenOptions::new();
    options.access(mode).unwrap().context(&env.context);
    options.open_aio(path).await.unwrap_err().into()
}

fn the_systems_errno_arrives_with_file_and_offset(env: &Env) {
    let place = disk();
    let path = place.file("data", b"data");
    let name = path.to_str().unwrap();
    env.run(async {
        let error = opening(env, "/no/such/file", "r").await;
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
        assert!(error.to_string().contains("/no/such/file"), "{error}");
        assert_eq!(opening(env, name, "x").await.raw_os_error(), Some(libc::EEXIST));
        assert_eq!(opening(env, "/proc", "w").await.raw_os_error(), Some(libc::EISDIR));

        let directory = env.file("/proc", "r").await;
        let error = Error::from(directory.read_at(10, 0).await.unwrap_err());
        assert_eq!(error.raw_os_error(), Some(libc::EISDIR), "{error}");

        let read_only = env.file(&path, "r").await;
        let error = Error::from(read_only.write_at("data", 77).await.unwrap_err());
        assert_eq!(error.raw_os_error(), Some(libc::EBADF), "{error}");
        let text = error.to_string();
        assert!(text.contains(name) && text.contains("77"), "{text}");
        assert!(read_only.set_len(1).await.is_err());

        let write_only = env.file(&path, "a").await;
        assert_eq!(
            Error::from(write_only.read_at(1, 0).await.unwrap_err()).raw_os_error(),
            Some(libc::EBADF)
        );
    });
    assert_eq!(std::fs::read(&path).unwrap(), b"data");
}

fn what_cannot_be_right_is_refused_before_the_system_sees_it(env: &Env) {
    let place = disk();
    let path = place.file("data", b"data");
    env.run(async {
        let file = env.file(&path, "r+").await;
        let before = env.context.metrics();
        for offset in [u64::MAX, i64::MAX as u64] {
            assert_eq!(
                Error::from(file.read_at(10, offset).await.unwrap_err()).kind(),
                ErrorKind::InvalidInput
            );
            let error = Error::from(file.write_at("ten bytes!", offset).await.unwrap_err());
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
        assert_eq!(
            Error::from(file.set_len(u64::MAX).await.unwrap_err()).kind(),
            ErrorKind::InvalidInput
        );
        let error = Error::from(file.read_at(usize::MAX, 0).await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(env.context.metrics().submitted, before.submitted);
        let error = Error::from(AioFile::open("with\0nul", "r").await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(OpenOptions::new().access("rw!").is_err());
        let nothing = Error::from(
            OpenOptions::new().context(&env.context).open_aio(&path).await.unwrap_err(),
        );
        assert_eq!(nothing.kind(), ErrorKind::InvalidInput);
    });
    assert_eq!(std::fs::read(&path).unwrap(), b"data");
}

fn an_error_leaves_the_context_as_good_as_before(env: &Env) {
    let place = disk();
    let path = place.file("data", &pattern(1000));
    env.run(async {
        let file = env.file(&path, "r").await;
        for _ in 0..100 {
            let (good, bad) = tokio::join!(file.read_at(1000, 0), file.write_at("x", 0));
            assert_eq!(good.unwrap(), pattern(1000));
            assert!(bad.is_err());
        }
    });
    assert_settled(&env.context);
}

/// Trap D1: EPERM is also what a sandbox answers to a call, and a file to a write.
fn what_one_file_forbids_is_taken_for_no_word_of_the_backend(env: &Env) {
    let place = disk();
    let path = place.file("data", &pattern(4096));
    let sealed = memfd_create(c"sealed", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING);
    let mut sealed = File::from(sealed.unwrap());
    sealed.write_all(b"sealed").unwrap();
    fcntl(&sealed, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_WRITE)).unwrap();
    env.run(async {
        let (sealed, file) =
            (AioFile::from_std_in(&env.context, sealed).unwrap(), env.file(&path, "r+").await);
        // How many operations of another file are done in place, and how many by the pool.
        let routes = async || {
            let before = env.context.metrics();
            for number in 0..20 {
                assert_eq!(file.read_exact_at(100, number).await.unwrap().len(), 100);
                file.write_all_at(vec![7; 100], number).await.unwrap();
            }
            let after = env.context.metrics();
            (after.in_place - before.in_place, after.routed - before.routed)
        };
        let expected = routes().await;
        for _ in 0..20 {
            let error = Error::from(sealed.write_at("x", 0).await.unwrap_err());
            assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{error}");
            assert_eq!(sealed.read_at(100, 0).await.unwrap(), "sealed");
        }
        // A page may be gone from the cache, and after a tick of the kernel's clock a write sets
        // another time of its file, which it may wait for: so it is as before at some time, and not
        // at each.
        let begun = Instant::now();
        loop {
            let (in_place, routed) = routes().await;
            if in_place >= expected.0 && routed <= expected.1 {
                break;
            }
            let now = (in_place, routed);
            assert!(begun.elapsed() < HANGS, "{now:?} where it was {expected:?}");
        }
    });
}

struct Panicking;

impl Wake for Panicking {
    fn wake(self: Arc<Self>) {
        std::panic::resume_unwind(Box::new("the waker panics on purpose"));
    }
}

/// Trap B18: the panic ends the thread that serves everybody.
fn a_panicking_waker_harms_nobody_else(env: &Env) {
    let place = disk();
    let file = shared(&place.file("data", &pattern(4096)));
    let context = env.another(|builder| builder.in_place(false));
    let waker = Waker::from(Arc::new(Panicking));
    env.run(async {
        for _ in 0..20 {
            let mut poisoned = Box::pin(maybe_done(context.read(&file, room(64), 0..64, 0)));
            let polled = catch_unwind(AssertUnwindSafe(|| {
                let _ = poisoned.poll_unpin(&mut TaskContext::from_waker(&waker));
            }));
            if polled.is_err() {
                // It yielded, and so woke itself: that panic is the caller's own.
                continue;
            }
            let (result, _) = context.read(&file, room(64), 0..64, 64).await;
            assert_eq!(result.unwrap(), 64);
            // The answer is there, although its waker failed.
            tokio::task::block_in_place(|| {
                eventually("the answer", || poll_once(&mut poisoned).is_ready());
            });
            assert_eq!(poisoned.as_mut().take_output().unwrap().0.unwrap(), 64);
        }
    });
    assert_settled(&context);
}

/// The line before a full context is woken by whoever leaves: by a thread of the backend.
fn a_panicking_waker_in_line_harms_nobody_else(env: &Env) {
    let place = disk();
    let file = shared(&place.file("data", &pattern(4096)));
    let context = env.another(|builder| builder.in_place(false).max_requests(1));
    let waker = Waker::from(Arc::new(Panicking));
    env.run(async {
        for _ in 0..20 {
            let read = |offset| context.read(&file, room(64), 0..64, offset);
            let (mut first, mut third) = (Box::pin(maybe_done(read(0))), read(64).boxed());
            let mut second = read(128).boxed();
            // A task that had its share yields before it submits.
            while context.in_flight().0 == 0 && poll_once(&mut first).is_pending() {}
            let _ = catch_unwind(AssertUnwindSafe(|| {
                let _ = second.poll_unpin(&mut TaskContext::from_waker(&waker));
            }));
            let waiting = poll_once(&mut third);
            first.as_mut().await;
            assert_eq!(first.as_mut().take_output().unwrap().0.unwrap(), 64);
            drop(second);
            if waiting.is_pending() {
                assert_eq!(third.await.0.unwrap(), 64);
            }
        }
    });
    assert_settled(&context);
}
