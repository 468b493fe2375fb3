//! Contexts on every backend, files to work on, and the programs to compare with.
#![allow(dead_code, reason = "each test binary uses a part")]

pub(crate) mod disk;
pub(crate) mod soak;

use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::task::{Context as TaskContext, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use aiofile::{BackendKind, Context};

/// A context for each backend that works here.
pub(crate) fn contexts() -> Vec<Context> {
    let mut contexts = Vec::new();
    for kind in BackendKind::ALL {
        match aiofile::context().backend(kind).build() {
            Ok(context) => contexts.push(context),
            Err(error) => println!("skipped: {kind:?}: {error}"),
        }
    }
    assert!(!contexts.is_empty(), "no backend works here");
    contexts
}

pub(crate) fn context() -> Context {
    aiofile::context().build().unwrap()
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    futures_executor::block_on(future)
}

/// Longer than anything should take on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Polls once, and is not woken.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut cx = TaskContext::from_waker(Waker::noop());
    match std::pin::Pin::new(future).poll(&mut cx) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Waits until this holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "{what}");
        thread::yield_now();
    }
}

/// A directory on the disk of the build; where that is read-only, a temporary one.
pub(crate) fn place() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).or_else(|_| tempfile::tempdir()).unwrap()
}

/// Bytes that repeat nowhere soon.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ seed;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..length).map(step).collect()
}

pub(crate) fn file(directory: &Path, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, contents).unwrap();
    path
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<OsString> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

/// What a program of coreutils prints, in this directory; `None` where it is not installed.
pub(crate) fn output(
    directory: &Path,
    program: &str,
    arguments: &[impl AsRef<OsStr>],
) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    command.current_dir(directory).args(arguments).env("LC_ALL", "C").stdin(Stdio::null());
    match command.output() {
        Ok(output) => {
            assert!(output.status.success(), "{command:?}: {output:?}");
            Some(output.stdout)
        }
        Err(error) => {
            println!("skipped: the comparison with {program}: {error}");
            None
        }
    }
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
