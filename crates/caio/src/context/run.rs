//! Whatever a closure does, on a thread of the pool.

use std::path::Path;
use std::sync::Arc;

use super::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::op::{Job, Op, Place};
use crate::sync::{Mutex, lock};

impl Context {
    /// Runs a closure on a thread that may block, and returns what it returns: for calls that are
    /// no operation of their own, and for several that belong together. One hop for all of it.
    ///
    /// It runs on the backend where that is a pool, else on the pool beside it. At most half of its
    /// threads are taken by such closures.
    ///
    /// # Errors
    /// Those of the closure, with the name of what it does, unless they have one;
    /// [`ErrorKind::Shutdown`] after the shutdown; [`ErrorKind::Abandoned`] where it panicked.
    ///
    /// # Cancel safety
    /// A future that is dropped before a thread has begun with the closure drops it; once begun, it
    /// runs to its end.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// let target = context.run("readlink", || Ok(std::fs::read_link("/proc/self/exe")?)).await?;
    /// assert!(target.is_absolute());
    ///
    /// let error = context.run("readlink", || Ok(std::fs::read_link("/none")?)).await.unwrap_err();
    /// assert!(error.to_string().starts_with("readlink: No such file"));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn run<T: Send + 'static>(
        &self,
        name: &'static str,
        closure: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run_at(name, Place::Unknown, closure).await
    }

    /// The same for a closure that works on one file: layers are told its path, and so is an error
    /// that has none, also that of a layer which did not let it in or ended the wait for it.
    /// Closures on one path have an eighth of the threads, so that one which does not answer leaves
    /// the others to the rest.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    ///
    /// # Cancel safety
    /// As for [`run`](Self::run).
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// let path = "/none".as_ref();
    /// let error = context.run_on("readlink", path, || Ok(std::fs::read_link("/none")?)).await;
    /// assert!(error.unwrap_err().to_string().starts_with("readlink /none: No such file"));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn run_on<T: Send + 'static>(
        &self,
        name: &'static str,
        path: &Path,
        closure: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let done = self.run_at(name, Place::Path(path.to_owned()), closure).await;
        done.map_err(|error| error.on(path))
    }

    /// The same for a closure that does a part of what is done with a file or a tree, so that
    /// several of them at once bring it forward: they have as many threads as closures of which no
    /// path is known.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    ///
    /// # Cancel safety
    /// As for [`run`](Self::run).
    pub async fn run_part<T: Send + 'static>(
        &self,
        name: &'static str,
        whole: &Path,
        closure: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let done = self.run_at(name, Place::Part(whole.to_owned()), closure).await;
        done.map_err(|error| error.on(whole))
    }

    async fn run_at<T: Send + 'static>(
        &self,
        name: &'static str,
        place: Place,
        closure: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let returned = Arc::new(Mutex::new(None));
        let answer = Arc::clone(&returned);
        let has_layers = !self.inner.layers.is_empty();
        let job = Job::named(name, place, move || {
            let result = closure();
            let failure = result.as_ref().err().filter(|_| has_layers);
            let failure = failure.map(|error| error.clone().doing(name));
            *lock(&answer) = Some(result);
            failure
        });
        let outcome = self.submit_borrowed(None, Op::Run { job }).await;
        let done = outcome.result.and_then(|_| {
            let abandoned = || Error::new(ErrorKind::Abandoned, "the backend did not run it");
            lock(&returned).take().unwrap_or_else(|| Err(abandoned()))
        });
        done.map_err(|error| error.doing(name))
    }
}
