//! What the tests of layers share.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use caio::backend::pool::ThreadPool;
use caio::{Buffer, Config, Context, ContextBuilder, SharedFile};
use caio_testkit::{Faulty, Plan};
use tokio::runtime::{Builder, Runtime};

/// A backend that fails by this plan, and a context in the making over it.
pub(crate) fn faulty(plan: Plan) -> (Arc<Faulty>, ContextBuilder) {
    let pool = ThreadPool::open(&Config::default()).unwrap();
    let faulty = Arc::new(Faulty::new(Arc::new(pool), plan));
    let builder = aiofile::context().custom(faulty.clone()).in_place(false);
    (faulty, builder)
}

/// A runtime whose clock stands still while anything is done.
pub(crate) fn paused() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// A file without a name.
pub(crate) fn file(contents: &[u8]) -> SharedFile {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, contents).unwrap();
    SharedFile::from_std(file).unwrap()
}

pub(crate) async fn read(
    context: &Context,
    file: &SharedFile,
    length: usize,
) -> caio::Result<usize> {
    context.read(file, Buffer::from(Vec::with_capacity(length)), 0..length, 0).await.0
}

pub(crate) fn poll_once<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()))
}

/// Waits until this holds, with more patience than any machine needs.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "not in a minute: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
