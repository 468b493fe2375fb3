//! The functions of this module in a context that is named.

use std::io;
use std::path::Path;

use caio::Context;

#[cfg(target_os = "linux")]
use super::copy::{copy_dir_in, copy_in};
use super::hop;
use crate::runtime::default_context_for_task;

/// The functions of `tokio::fs` and some more of [`fs`](crate::fs) as methods, in one context.
/// Cheap to clone. For the others there is [`with_context`](crate::with_context).
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("notes");
/// use aiofile::fs::Fs;
///
/// let context = aiofile::context().max_requests(8).build()?;
/// let fs = Fs::new(&context);
/// fs.write(&path, "some text").await?;
/// assert_eq!(fs.metadata(&path).await?.len(), 9);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Fs {
    context: Context,
}

impl Fs {
    /// In this context.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone() }
    }

    /// In the task's default context: that of [`with_context`](crate::with_context), else the
    /// runtime's. The free functions use this one.
    ///
    /// # Errors
    /// Where the default context cannot be made, see [`default_context`](crate::default_context).
    pub async fn current() -> io::Result<Self> {
        Ok(Self { context: default_context_for_task().await? })
    }

    /// The context to use: one that was chosen, else the task's default.
    pub(crate) async fn chosen(context: Option<&Context>) -> io::Result<Self> {
        match context {
            Some(context) => Ok(Self::new(context)),
            None => Self::current().await,
        }
    }

    /// The context that does the operations.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// As [`fs::copy`](super::copy()).
    ///
    /// # Errors
    /// As for [`fs::copy`](super::copy()).
    #[cfg(target_os = "linux")]
    pub async fn copy(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
        copy_in(&self.context, from.as_ref(), to.as_ref()).await
    }

    /// As [`fs::copy_dir`](super::copy_dir()).
    ///
    /// # Errors
    /// As for [`fs::copy_dir`](super::copy_dir()).
    #[cfg(target_os = "linux")]
    pub async fn copy_dir(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
        copy_dir_in(&self.context, from.as_ref(), to.as_ref()).await
    }

    /// What a closure does with a path, on a thread that may block: one hop.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        name: &'static str,
        path: &Path,
        call: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        hop::on_path(&self.context, name, path, call).await
    }

    /// The same with two paths.
    pub(crate) async fn call_on_two<T: Send + 'static>(
        &self,
        name: &'static str,
        (from, to): (&Path, &Path),
        call: impl FnOnce(&Path, &Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let owned = (from.to_owned(), to.to_owned());
        let done = self.context.run(name, move || Ok(call(&owned.0, &owned.1)?)).await;
        Ok(done.map_err(|error| error.on(from).to(to))?)
    }
}
