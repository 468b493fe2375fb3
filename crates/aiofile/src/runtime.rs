//! The one module that knows tokio: its reactor, its cooperative budget, and the default context of
//! each runtime.

mod budget;
mod described;
mod elsewhere;
mod paused_clock;
mod reactor;
mod scope;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::pending;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::thread;

use caio::{
    Clock, Context, ContextBuilder, NoRuntime, PerProcess, Reactor, Registration, Result, Runtime,
    Watch,
};
use tokio::runtime::{Handle, Id};
use tokio::sync::oneshot;
use tokio::task::{self, AbortHandle};

use crate::handover::send;

use described::described;
pub use described::set_default_context;
pub use elsewhere::drop_elsewhere;
pub(crate) use paused_clock::hold as hold_paused_clock;
pub use scope::{spawn, with_context};

/// Starts to describe a context that uses tokio's reactor and lets other tasks run in time.
/// Works without tokio too; then a thread waits for completions.
///
/// A runtime that was built without its I/O driver cannot be asked for one without a panic of
/// tokio's, which is caught, and which the program's panic hook sees once. A program that is built
/// with `panic = "abort"` is not asked, and a thread waits there, unless
/// [`Config::reactor`](caio::Config::reactor) says what there is.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> aiofile::Result<()> {
/// use aiofile::OpenOptions;
///
/// let context = aiofile::context().max_requests(16).build()?;
/// let file = OpenOptions::new().read(true).context(&context).open_aio("/proc/self/stat").await?;
/// assert!(!file.read_at(64, 0).await?.is_empty());
/// # Ok(())
/// # }
/// ```
pub fn context() -> ContextBuilder {
    Context::builder().runtime(Arc::new(Tokio))
}

/// The context that files get when none is named: that of [`with_context`] around the running
/// task; else one for each runtime, made when first needed and released with the runtime; outside
/// of tokio, one for the process. A child that was forked gets a new one.
///
/// Making it reads the configuration and tries a backend out, on the calling thread.
///
/// # Errors
/// As for [`ContextBuilder::build`]: a `CAIO_IMPL` or a configuration file that asks for what
/// does not exist or does not work here.
pub fn default_context() -> Result<Context> {
    match known() {
        Some(context) => Ok(context),
        None => keep(owner(), Handle::try_current().ok(), described().build()?),
    }
}

/// The same for a task: the context is made on a thread of its own, since that may take long. It is
/// made once, however many tasks want it at the same time.
pub(crate) async fn default_context_for_task() -> Result<Context> {
    if let Some(context) = known() {
        return Ok(context);
    }
    let Some(making) = wait_for_context() else { return default_context() };
    making.await.unwrap_or_else(|_| default_context())
}

/// A context that was named, else the default one of the task.
pub(crate) async fn chosen_context(named: Option<&Context>) -> Result<Context> {
    match named {
        Some(context) => Ok(context.clone()),
        None => default_context_for_task().await,
    }
}

/// Who waits for a context that is being made.
type Waiting = HashMap<Owner, Vec<oneshot::Sender<Result<Context>>>>;

/// Has a thread make the context of this task's runtime, unless one is at it; `None` where there is
/// no thread to be had.
fn wait_for_context() -> Option<oneshot::Receiver<Result<Context>>> {
    let (made, making) = oneshot::channel();
    let (owner, handle) = (owner(), Handle::try_current().ok());
    let mut waiting = waiting();
    // It may have been made since the task looked.
    if let Some(context) = known() {
        send(made, Ok(context));
        return Some(making);
    }
    let all = waiting.entry(owner).or_default();
    all.push(made);
    if all.len() > 1 {
        return Some(making);
    }
    let make = move || {
        let _over = Made(owner);
        let result = described().build().and_then(|fresh| keep(owner, handle, fresh));
        let all = self::waiting().remove(&owner);
        for made in all.into_iter().flatten() {
            send(made, result.clone());
        }
    };
    let thread = thread::Builder::new().name("caio-build".to_owned());
    if thread.spawn(make).is_err() {
        waiting.remove(&owner);
        return None;
    }
    Some(making)
}

/// Lets those go that wait for a context whose making panicked.
struct Made(Owner);

impl Drop for Made {
    fn drop(&mut self) {
        let all = waiting().remove(&self.0);
        drop(all);
    }
}

fn waiting() -> MutexGuard<'static, Waiting> {
    static WAITING: PerProcess<Mutex<Waiting>> = PerProcess::new();
    WAITING.get().lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whose context it is: a runtime's or, without one, the process's.
type Owner = Option<Id>;

fn owner() -> Owner {
    Handle::try_current().ok().map(|handle| handle.id())
}

fn known() -> Option<Context> {
    scope::current().or_else(|| contexts().get(&owner()).cloned())
}

fn keep(owner: Owner, handle: Option<Handle>, fresh: Context) -> Result<Context> {
    match contexts().entry(owner) {
        Entry::Occupied(other) => return Ok(other.get().clone()),
        Entry::Vacant(place) => place.insert(fresh.clone()),
    };
    // Outside the lock: a runtime that is shutting down drops it at once.
    if let Some(handle) = handle {
        drop_at_end(&handle, Release(owner));
    }
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
struct Release(Owner);

impl Drop for Release {
    fn drop(&mut self) {
        let context = contexts().remove(&self.0);
        drop(context);
    }
}

fn contexts() -> MutexGuard<'static, HashMap<Owner, Context>> {
    static CONTEXTS: PerProcess<Mutex<HashMap<Owner, Context>>> = PerProcess::new();
    CONTEXTS.get().lock().unwrap_or_else(PoisonError::into_inner)
}

/// tokio, as a context sees it.
#[derive(Debug)]
struct Tokio;

impl Runtime for Tokio {
    fn current(&self) -> Option<u64> {
        Handle::try_current().ok().map(|handle| number(handle.id()))
    }

    fn watch(&self, registration: Registration, reactor: Reactor) -> Result<Watch, Registration> {
        reactor::watch(registration, reactor)
    }

    fn poll_proceed(&self, cx: &mut TaskContext<'_>, bytes: usize) -> Poll<()> {
        // On another executor there is none of tokio's budget. Asking for the task comes first: it
        // is far cheaper than asking for the runtime, which only `block_on` itself needs.
        if task::try_id().is_none() && Handle::try_current().is_err() {
            return NoRuntime.poll_proceed(cx, bytes);
        }
        budget::poll_proceed(cx, bytes)
    }

    fn clock(&self) -> Option<Arc<dyn Clock>> {
        paused_clock::clock()
    }

    fn waits(&self) -> Option<Watch> {
        paused_clock::hold()
    }
}

/// The number in an id, which no other runtime of the process has.
fn number(id: Id) -> u64 {
    struct Number(u64);
    impl Hasher for Number {
        fn finish(&self) -> u64 {
            self.0
        }

        fn write(&mut self, bytes: &[u8]) {
            self.0 = bytes.iter().fold(self.0, |number, byte| number << 8 ^ u64::from(*byte));
        }

        fn write_u64(&mut self, number: u64) {
            self.0 = number;
        }
    }
    let mut number = Number(0);
    id.hash(&mut number);
    // 0 stands for no runtime.
    number.finish().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_have_different_numbers() {
        let of_one = || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            number(runtime.handle().id())
        };
        assert_ne!(of_one(), of_one());
    }
}
