//! What unit tests of backends share: a request without a context, and a way to wait for it.

use std::future::Future;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::backend::Backend;
use crate::completion::Outcome;
use crate::file::SharedFile;
use crate::op::Op;
use crate::sync::wait_until;

pub(crate) use crate::detached::request;

/// Submits one operation and waits for it, reaping as a context would.
pub(crate) fn run(backend: &dyn Backend, op: Op, file: Option<&SharedFile>) -> Outcome {
    let (request, answer) = request(op, file);
    let queue = backend.queue(request);
    backend.commit(queue);
    wait(answer, || {
        backend.commit(queue);
        backend.reap(queue);
    })
}

/// Longer than anything here takes on the busiest machine: it hangs.
pub(crate) const HANGS: Duration = Duration::from_secs(60);

/// Waits for an answer, calling `reap` in between, and fails where there is none in reason.
pub(crate) fn wait<F: Future>(future: F, reap: impl FnMut()) -> F::Output {
    wait_until(Instant::now() + HANGS, future, reap).expect("there is an answer in the end")
}

/// Whether something becomes true in reason.
pub(crate) fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + HANGS;
    while !holds() {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

/// Has a child process, forked without exec, answer yes in reason. Only the calling thread lives on
/// in it.
#[allow(unsafe_code)]
pub(crate) fn in_child(answer: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child calls what it was given and ends without going back. Allocation works in a
    // child of this system's C library, and the locks of other threads are not waited for longer
    // than the parent's patience lasts.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "there is room for another process");
    if child == 0 {
        let right = catch_unwind(AssertUnwindSafe(answer)).unwrap_or(false);
        // SAFETY: it ends this process, without running what the parent registered for its end.
        unsafe { libc::_exit(i32::from(!right)) };
    }
    let deadline = Instant::now() + 2 * HANGS;
    let mut status = 0;
    loop {
        // SAFETY: the status is a local, and the child is this thread's own.
        let ended = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) };
        if ended != 0 {
            assert_eq!(ended, child, "a child can be waited for");
            return status == 0;
        }
        if Instant::now() >= deadline {
            // SAFETY: the child was not waited for, so that the number is still its own.
            unsafe { libc::kill(child, libc::SIGKILL) };
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Runs the one test of this name, as `module::test`, in a process of its own, where descriptors
/// and threads are its own business. Returns whether the caller is in that process and has to do
/// the work.
pub(crate) fn is_alone(name: &str) -> bool {
    const MARK: &str = "CAIO_TEST_ALONE";
    if std::env::var(MARK).is_ok_and(|alone| alone == name) {
        return true;
    }
    let program = std::env::current_exe().expect("a running program has a path");
    let output = Command::new(program)
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(MARK, name)
        .output()
        .expect("this program can be started again");
    let told = String::from_utf8_lossy(&output.stdout);
    let told = format!("{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("1 passed"), "{name}: {told}");
    false
}

/// A directory beside the sources, which mostly lie on a disk; a temporary one where those belong
/// to somebody else.
pub(crate) fn scratch() -> tempfile::TempDir {
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR"));
    directory
        .or_else(|_| tempfile::tempdir())
        .expect("the directory for temporary files is writable")
}

/// An open, unnamed file with these contents, in the directory for temporary files.
pub(crate) fn file_with(contents: &[u8]) -> SharedFile {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("caio-{}-{number}", std::process::id()));
    let mut file = std::fs::File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)
        .expect("the directory for temporary files is writable");
    std::fs::remove_file(&path).expect("the file was just made");
    file.write_all(contents).expect("the disk has room");
    SharedFile::new(file, path).expect("an open file can be examined")
}
