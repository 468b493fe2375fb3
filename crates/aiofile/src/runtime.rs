//! The one module that knows tokio: its reactor, its turns, and the default context of each
//! runtime.

mod probe;
mod turn;
mod watched;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context as TaskContext, Poll};

use caio::{Context, ContextBuilder, NoRuntime, Result, Runtime, Source, Watch, Workers};
use tokio::runtime::{Handle, Id};
use tokio::task::{self, AbortHandle};
use watched::Watched;

/// Starts to describe a context that uses tokio's reactor and lets other tasks run in time.
/// Works without tokio too; then a thread waits for completions.
///
/// ```
/// let context = aiofile::context().max_requests(64).build()?;
/// println!("{:?}", context.info().backend);
/// # Ok::<(), aiofile::Error>(())
/// ```
pub fn context() -> ContextBuilder {
    Context::builder().runtime(Arc::new(Tokio))
}

/// The context that files get when none is named: one for each runtime, made when first needed
/// and released with the runtime; outside of tokio, one for the process.
///
/// # Errors
/// As for [`ContextBuilder::build`]: a `CAIO_IMPL` or a configuration file that asks for what
/// does not exist or does not work here.
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// use aiofile::AioFile;
///
/// let file = AioFile::open("/proc/version", "r").await?;
/// file.read_exact_at(5, 0).await?;
/// assert_eq!(aiofile::default_context()?.counters().bytes_read, 5);
/// # Ok(()) }
/// ```
pub fn default_context() -> Result<Context> {
    let Ok(handle) = Handle::try_current() else { return process_context() };
    let id = handle.id();
    if let Some(context) = contexts().get(&id) {
        return Ok(context.clone());
    }
    let fresh = context().build()?;
    match contexts().entry(id) {
        Entry::Occupied(other) => return Ok(other.get().clone()),
        Entry::Vacant(place) => place.insert(fresh.clone()),
    };
    // Outside the lock: a runtime that is shutting down drops it at once.
    drop_at_end(&handle, Release(id));
    Ok(fresh)
}

/// Has the runtime drop something when it ends, or earlier when the handle aborts: a task that
/// never ends holds it.
fn drop_at_end(handle: &Handle, held: impl Send + 'static) -> AbortHandle {
    let task = handle.spawn(async move {
        let _held = held;
        pending::<()>().await;
    });
    task.abort_handle()
}

/// Releases the default context of a runtime when it is dropped.
struct Release(Id);

impl Drop for Release {
    fn drop(&mut self) {
        let context = contexts().remove(&self.0);
        drop(context);
    }
}

fn contexts() -> MutexGuard<'static, HashMap<Id, Context>> {
    static CONTEXTS: OnceLock<Mutex<HashMap<Id, Context>>> = OnceLock::new();
    CONTEXTS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

fn process_context() -> Result<Context> {
    static CONTEXT: OnceLock<Context> = OnceLock::new();
    if let Some(context) = CONTEXT.get() {
        return Ok(context.clone());
    }
    let fresh = context().build()?;
    Ok(CONTEXT.get_or_init(|| fresh).clone())
}

/// tokio, as a context sees it.
#[derive(Debug)]
struct Tokio;

impl Runtime for Tokio {
    fn watch(&self, source: Source) -> Result<Watch, Source> {
        let Ok(handle) = Handle::try_current() else { return Err(source) };
        if !probe::has_reactor(&handle) {
            return Err(source);
        }
        Ok(Box::new(Watched::begin(source, &handle)?))
    }

    /// Some 40 microseconds of copying are a turn, and up to a millisecond for a task that has a
    /// worker of the multi-thread scheduler to itself.
    fn poll_budget(&self, cx: &mut TaskContext<'_>, bytes: usize) -> Poll<usize> {
        // Outside of a task of tokio's there is none of its yielding: on another executor.
        if task::try_id().is_none() {
            NoRuntime.poll_budget(cx, bytes)
        } else {
            turn::poll(cx, bytes)
        }
    }

    /// A task of the multi-thread scheduler that is woken from outside costs the wake-ups of two
    /// workers. What `block_on` runs sleeps by itself, and a single thread has nobody else to wake.
    fn gathers_wakes(&self) -> bool {
        task::try_id().is_some() && turn::has_several_workers()
    }

    fn workers(&self) -> Workers {
        if turn::has_several_workers() { Workers::Several } else { Workers::One }
    }
}
