//! Which context a task uses, where it was told to use one.

use caio::Context;
use tokio::task::JoinHandle;

tokio::task_local! {
    static CONTEXT: Context;
}

/// The future, with this context as its default: free functions such as
/// [`fs::read`](crate::fs::read()), [`AioFile::open`](crate::AioFile::open) and
/// [`default_context`](crate::default_context) use it, as well as the tasks that the future begins
/// with [`spawn`]. So a test can put a simulated or a failing backend below code that names no
/// context. Scopes nest: the innermost counts. A context that is named counts more.
///
/// Files that were opened elsewhere keep their context. Tasks that tokio's own `spawn` begins get
/// the runtime's default context.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use aiofile::{fs, with_context};
///
/// let context = aiofile::context().max_requests(8).build()?;
/// let read = with_context(&context, async { fs::read("/proc/version").await });
/// assert_eq!(context.metrics().bytes_read, 0);
/// let version = read.await?;
/// assert_eq!(context.metrics().bytes_read, version.len() as u64);
/// # Ok(()) }
/// ```
pub fn with_context<F: Future>(
    context: &Context,
    future: F,
) -> impl Future<Output = F::Output> + use<F> {
    CONTEXT.scope(context.clone(), future)
}

/// As tokio's `spawn`, and the task has the same default context as the one that spawns it, also
/// where that comes from [`with_context`].
///
/// # Panics
/// As tokio's: outside of a runtime of tokio's.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use aiofile::{fs, spawn, with_context};
///
/// let context = aiofile::context().max_requests(8).build()?;
/// let reads = async { spawn(fs::read("/proc/version")).await? };
/// let version = with_context(&context, reads).await?;
/// assert_eq!(context.metrics().bytes_read, version.len() as u64);
/// # Ok(()) }
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    match current() {
        Some(context) => tokio::spawn(CONTEXT.scope(context, future)),
        None => tokio::spawn(future),
    }
}

/// The context of the innermost scope around the running task.
pub(super) fn current() -> Option<Context> {
    CONTEXT.try_with(Context::clone).ok()
}
