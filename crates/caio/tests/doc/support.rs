// What the examples in caio's documentation share; each includes it as a hidden module. The
// backend here does what the example says, so that it shows the same thing on every machine.

use std::fs::File;
use std::io::{PipeReader, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use caio::{
    Backend, BackendKind, Capability, Config, Context, Lanes, Op, Operation, Output, Request,
    Result, Runtime, SharedFile, Source, Token, Watch, Workers,
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
    let builder = Context::builder().custom(Arc::new(Example::new(serve, None)));
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

/// A context with so many syncs in flight, and the source that completes them.
pub fn started(count: usize) -> Result<(Context, Arc<Source>, Vec<Operation>)> {
    let reactor = Arc::new(Reactor::default());
    let (readable, _) = std::io::pipe()?;
    let context = Context::builder()
        .custom(Arc::new(Example::new(keep, Some(readable))))
        .config(Config::default())
        .runtime(reactor.clone())
        .build()?;
    let operations = context.submit_all(&file_with(b"")?, (0..count).map(|_| Op::Fsync));
    let source = reactor.0.lock().unwrap().clone().expect("the submission asked for a watch");
    Ok((context, source, operations))
}

/// Hands its source to the example instead of watching it.
#[derive(Debug, Default)]
struct Reactor(Mutex<Option<Arc<Source>>>);

impl Runtime for Reactor {
    fn watch(&self, source: Source) -> Result<Watch, Source> {
        let source = Arc::new(source);
        *self.0.lock().unwrap() = Some(Arc::clone(&source));
        Ok(Box::new(source))
    }

    fn poll_budget(&self, _cx: &mut std::task::Context<'_>, bytes: usize) -> Poll<usize> {
        Poll::Ready(bytes)
    }

    fn gathers_wakes(&self) -> bool {
        false
    }

    fn workers(&self) -> Workers {
        Workers::Apart
    }
}

#[derive(Debug)]
struct Example {
    serve: fn(Request),
    capability: Capability,
    /// The descriptor of lane 0, where completions wait to be reaped.
    lane: Option<PipeReader>,
}

impl Example {
    fn new(serve: fn(Request), lane: Option<PipeReader>) -> Self {
        Self { serve, capability: Capability::all(64), lane }
    }
}

impl Backend for Example {
    fn kind(&self) -> BackendKind {
        BackendKind::Other("example")
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn submit(&self, batch: &mut [Option<Request>]) -> Result<Lanes> {
        batch.iter_mut().filter_map(Option::take).for_each(self.serve);
        Ok(if self.lane.is_some() { Lanes::one(0) } else { Lanes::NONE })
    }

    fn cancel(&self, token: Token) {
        CANCELLED.lock().unwrap().push(token);
    }

    fn reap(&self, _lane: usize) -> usize {
        let ready = std::mem::take(&mut *KEPT.lock().unwrap());
        let completed = ready.len();
        ready.into_iter().for_each(|request| request.complete(Ok(Output::Done)));
        completed
    }

    fn descriptor(&self, _lane: usize) -> Option<BorrowedFd<'_>> {
        self.lane.as_ref().map(AsFd::as_fd)
    }

    fn shutdown(&self, _deadline: Instant) -> usize {
        0
    }
}
