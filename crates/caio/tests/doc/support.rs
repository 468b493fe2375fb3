// What the examples in caio's documentation share; each includes it as a hidden module. The
// backend here does what the example says, so that it shows the same thing on every machine.

use std::fs::File;
use std::io::Write;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use caio::{
    Backend, BackendKind, Capability, Config, Context, QueueId, Request, Result, SharedFile, Token,
};

/// Runs an example to its end on the calling thread.
pub fn run(example: impl Future<Output = Result<()>>) {
    let mut example = pin!(example);
    loop {
        if let Some(result) = poll_once(&mut example) {
            return result.unwrap();
        }
        std::thread::sleep(Duration::from_micros(50));
    }
}

/// The future's output, if it is ready now.
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    match Pin::new(future).poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// A path at which there is no file yet. Each example has this module for itself, and may run in
/// the process of others, so that the thread tells them apart.
pub fn fresh_path() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let (process, thread) = (std::process::id(), std::thread::current().id());
    let path = std::env::temp_dir().join(format!("caio-doc-{process}-{thread:?}-{number}"));
    let _ = std::fs::remove_file(&path);
    path
}

/// A file without a name, for reading and writing.
pub fn file_with(contents: &[u8]) -> Result<SharedFile> {
    let path = fresh_path();
    let mut file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    file.write_all(contents)?;
    SharedFile::new(file, path)
}

/// A context whose backend has each request done by `serve`. Nothing is done in place.
pub fn served_by(serve: fn(Request)) -> Result<Context> {
    let builder = Context::builder().custom(Arc::new(Example::new(serve)));
    builder.config(Config::default()).in_place(false).build()
}

static KEPT: Mutex<Vec<Request>> = Mutex::new(Vec::new());
static CANCELLED: Mutex<Vec<Token>> = Mutex::new(Vec::new());

/// Keeps the request, as a backend does while the kernel is at work.
pub fn keep(request: Request) {
    KEPT.lock().unwrap().push(request);
}

/// The request that was kept last.
pub fn kept() -> Option<Request> {
    KEPT.lock().unwrap().pop()
}

/// The tokens that the backend was told to cancel.
pub fn cancelled() -> Vec<Token> {
    CANCELLED.lock().unwrap().clone()
}

#[derive(Debug)]
struct Example {
    serve: fn(Request),
    capability: Capability,
}

impl Example {
    fn new(serve: fn(Request)) -> Self {
        Self { serve, capability: Capability::all(64) }
    }
}

impl Backend for Example {
    fn kind(&self) -> BackendKind {
        BackendKind::Other("example")
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn queue(&self, request: Request) -> QueueId {
        (self.serve)(request);
        QueueId(0)
    }

    fn commit(&self, _queue: QueueId) {}

    fn cancel(&self, token: Token) {
        CANCELLED.lock().unwrap().push(token);
    }

    fn reap(&self, _queue: QueueId) -> usize {
        0
    }

    fn descriptor(&self, _queue: QueueId) -> Option<BorrowedFd<'_>> {
        None
    }

    fn shutdown(&self, _deadline: Instant) -> usize {
        0
    }
}
