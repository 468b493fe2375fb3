//! What the cases share: a context of the variant, places on two file systems, patience.

use std::fs::File;
use std::future::poll_fn;
use std::io::PipeWriter;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use aiofile::{AioFile, OpenOptions};
use caio::{Buffer, Context, ContextBuilder, Error, SharedFile};
use caio_testkit::{Random, Variant};
use futures_util::future::{MaybeDone, maybe_done};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::harness::skipped;

/// Longer than this nothing here takes: it hangs.
const PATIENCE: Duration = Duration::from_secs(100);

/// The same for one step of a case, which can tell what it is that hangs.
pub(crate) const HANGS: Duration = Duration::from_secs(60);

/// A variant with a context of it.
#[derive(Clone)]
pub(crate) struct Env {
    pub(crate) variant: Variant,
    pub(crate) context: Context,
}

impl Env {
    pub(crate) fn open(variant: &Variant) -> Result<Self, Error> {
        let context = variant.build(aiofile::context())?;
        Ok(Self { variant: *variant, context })
    }

    /// Another context of the variant. The variant's own choices win over `describe`'s.
    pub(crate) fn another(
        &self,
        describe: impl FnOnce(ContextBuilder) -> ContextBuilder,
    ) -> Context {
        self.variant.build(describe(aiofile::context())).unwrap()
    }

    /// The same variant with another context, which does nothing in place.
    pub(crate) fn queued(&self) -> Self {
        self.with(|builder| builder.in_place(false))
    }

    /// The same variant with another context.
    pub(crate) fn with(&self, describe: impl FnOnce(ContextBuilder) -> ContextBuilder) -> Self {
        Self { variant: self.variant, context: self.another(describe) }
    }

    /// Runs `test` on a thread of its own, as [`bounded`] does.
    #[track_caller]
    pub(crate) fn bounded<T: Send + 'static>(
        &self,
        test: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        let env = self.clone();
        bounded(move || test(&env))
    }

    /// Runs a future on tokio with two workers, within reason.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        within_reason(future)
    }

    /// Opens a file in this context by a mode string.
    pub(crate) async fn file(&self, path: impl AsRef<Path>, mode: &str) -> AioFile {
        let path = path.as_ref();
        let mut options = OpenOptions::new();
        options.access(mode).unwrap().context(&self.context);
        options.open_aio(path).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Opens a file for direct reading and writing; `None`, and noted, where that is impossible.
    pub(crate) async fn direct(&self, path: &Path) -> Option<AioFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).direct(true);
        match options.context(&self.context).open_aio(path).await {
            Ok(file) => Some(file),
            Err(_) => {
                skipped("O_DIRECT: the file system of the target directory refuses it");
                None
            }
        }
    }
}

/// Runs `test` on a thread of its own and fails where that hangs, even where the thread is blocked
/// so that no timer of its runtime could tell. Such a thread is left behind.
#[track_caller]
pub(crate) fn bounded<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::spawn(test);
    let deadline = Instant::now() + PATIENCE;
    while !thread.is_finished() {
        assert!(Instant::now() < deadline, "it hangs");
        std::thread::sleep(Duration::from_millis(1));
    }
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A runtime of tokio's that runs on the thread which drives it.
pub(crate) fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A runtime of tokio's with so many workers.
pub(crate) fn multi_thread(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap()
}

pub(crate) fn within_reason<T>(future: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let output = runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await });
    // What may hang is what is tested: the end of the runtime must not hang too.
    runtime.shutdown_background();
    output.expect("it hangs")
}

/// A directory for one case, on one file system.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    directory: TempDir,
}

impl Place {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A file with these contents.
    pub(crate) fn file(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, contents).unwrap();
        path
    }
}

/// A place in memory, where there is one, and a place on a disk.
pub(crate) fn places() -> Vec<Place> {
    [memory(), Some(disk())].into_iter().flatten().collect()
}

/// Beside the build; where that belongs to somebody else, in a temporary directory.
pub(crate) fn disk() -> Place {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"));
    let directory = directory.or_else(|_| tempfile::tempdir()).unwrap();
    Place { name: "disk", directory }
}

fn memory() -> Option<Place> {
    match tempfile::tempdir_in("/dev/shm") {
        Ok(directory) => Some(Place { name: "tmpfs", directory }),
        Err(_) => {
            skipped("tmpfs: there is no /dev/shm");
            None
        }
    }
}

/// Bytes that show where they belong.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    Random::new(length as u64).bytes(length)
}

/// A file for the engine's own interface.
pub(crate) fn shared(path: &Path) -> SharedFile {
    let file = File::options().read(true).write(true).open(path).unwrap();
    SharedFile::new(file, path).unwrap()
}

/// A pipe: its reading end for the engine, its writing end for the test.
pub(crate) fn pipe() -> (SharedFile, PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    (SharedFile::new(File::from(OwnedFd::from(reader)), "pipe").unwrap(), writer)
}

/// An empty buffer of this capacity.
pub(crate) fn room(capacity: usize) -> Buffer {
    Buffer::from(Vec::with_capacity(capacity))
}

/// Polls once, with a waker that wakes nothing.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut TaskContext::from_waker(Waker::noop()))
}

/// A future that has begun in the current task and waits now, and may be put aside then. A task
/// that had its share only yields; such a future is polled again.
pub(crate) async fn begun<F: Future>(future: F) -> Pin<Box<MaybeDone<F>>> {
    let mut future = Box::pin(maybe_done(future));
    loop {
        let forward = poll_fn(|cx| {
            let forward =
                Arc::new(Forward { to: cx.waker().clone(), woken: AtomicBool::new(false) });
            let waker = Waker::from(Arc::clone(&forward));
            let polled = future.as_mut().poll(&mut TaskContext::from_waker(&waker));
            Poll::Ready((polled.is_pending(), forward))
        });
        let (is_pending, forward) = forward.await;
        if !is_pending || !forward.woken.load(Ordering::SeqCst) {
            return future;
        }
        tokio::task::yield_now().await;
    }
}

/// Passes a wake on and remembers it.
struct Forward {
    to: Waker,
    woken: AtomicBool,
}

impl Wake for Forward {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.to.wake_by_ref();
    }
}

/// Polls such a future once more in the current task.
pub(crate) async fn polled<F: Future>(future: &mut Pin<Box<MaybeDone<F>>>) {
    poll_fn(|cx| {
        let _ = future.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

/// The output of a future that was begun, once it is there.
pub(crate) async fn output<F: Future>(mut future: Pin<Box<MaybeDone<F>>>) -> F::Output {
    future.as_mut().await;
    future.as_mut().take_output().expect("it has just ended")
}

/// Waits until this holds, and fails where that is never.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + HANGS;
    while !holds() {
        assert!(Instant::now() < deadline, "not in a minute: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until nothing is in flight, and checks that the books are right then.
#[track_caller]
pub(crate) fn assert_settled(context: &Context) {
    eventually("nothing is in flight", || context.in_flight().0 == 0);
    eventually("the metrics agree", || context.metrics().in_flight == 0);
    let metrics = context.metrics();
    assert_eq!(metrics.submitted, metrics.completed, "{metrics:?}");
}
