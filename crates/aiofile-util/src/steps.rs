//! Long work in short jobs, so that it holds no thread for long and can be stopped in between.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use aiofile::Context;
use aiofile::fs::Fs;
use caio::{Error, ErrorKind, Result};

/// About how many bytes a job moves.
pub(crate) const JOB_BYTES: u64 = 4 << 20;

/// How many bytes are read at once, where the kernel does not copy by itself.
pub(crate) const READ_BYTES: usize = 128 << 10;

/// What a job came to.
pub(crate) enum Step<T> {
    /// So many bytes were done, and there is more.
    More(u64),
    /// So many bytes were done, and they were the last ones.
    Done(u64, T),
}

/// Has the pool run `step` on `state` again and again, until it is done. `path` is what it works
/// on, for layers, and for errors that name no file.
pub(crate) async fn in_steps<S: Send + 'static, T: Send + 'static>(
    context: &Context,
    (name, path): (&'static str, &Path),
    mut state: S,
    watch: &Watch,
    step: fn(&mut S) -> Result<Step<T>>,
) -> Result<T> {
    loop {
        let (went_on, stepped) = context
            .run_part(name, path, move || {
                let stepped = step(&mut state)?;
                Ok((state, stepped))
            })
            .await?;
        state = went_on;
        match stepped {
            Step::More(bytes) => watch.advance(bytes)?,
            Step::Done(bytes, value) => {
                watch.advance(bytes)?;
                return Ok(value);
            }
        }
    }
}

/// The context that was named, else the default one, which is not made on the calling thread.
///
/// # Errors
/// Those of making the default context.
pub(crate) async fn context_or_default(context: Option<&Context>) -> Result<Context> {
    match context {
        Some(context) => Ok(context.clone()),
        None => Ok(Fs::current().await?.context().clone()),
    }
}

/// How many jobs run at once where nothing was said: twice as many as there are processors, so
/// that some compute while others wait for the disk.
pub(crate) fn usual_jobs() -> usize {
    2 * std::thread::available_parallelism().map_or(2, usize::from)
}

/// Whoever wants to know how many bytes were done, and may stop the work.
#[derive(Clone, Default)]
pub(crate) struct Watch(Option<Arc<Watcher>>);

type Watcher = dyn Fn(u64) -> ControlFlow<()> + Send + Sync;

impl Watch {
    pub(crate) fn new(watcher: impl Fn(u64) -> ControlFlow<()> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watcher)))
    }

    /// Tells it.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] where the watcher wants no more.
    pub(crate) fn advance(&self, bytes: u64) -> Result<()> {
        match self.0.as_ref().map(|watcher| watcher(bytes)) {
            Some(ControlFlow::Break(())) => Err(stopped()),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.0.is_some()).finish()
    }
}

/// The error of work that its watcher stopped.
pub(crate) fn stopped() -> Error {
    Error::new(ErrorKind::Cancelled, "stopped before its end, as its caller wanted")
}

/// Says what was being done to which file.
pub(crate) trait Doing<T> {
    /// The error with the name of the call and the path.
    ///
    /// # Errors
    /// The same as before.
    fn doing(self, name: &'static str, path: &Path) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, name: &'static str, path: &Path) -> Result<T> {
        self.map_err(|error| Error::system(error).doing(name).on(path))
    }
}

impl<T> Doing<T> for rustix::io::Result<T> {
    fn doing(self, name: &'static str, path: &Path) -> Result<T> {
        self.map_err(io::Error::from).doing(name, path)
    }
}
