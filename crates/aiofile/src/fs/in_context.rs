//! The functions of this module in a context that is named.

use std::io;
use std::path::Path;

use caio::Context;

use crate::file::File;
use crate::options::OpenOptions;
use crate::runtime::chosen_context;

/// All functions of [`fs`](crate::fs) as methods, in one context; cheap to clone.
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
    ///
    /// # Cancel safety
    /// Dropping the future has no effect: the context is there for the next one.
    pub async fn current() -> io::Result<Self> {
        Self::chosen(None).await
    }

    /// The context to use: one that was chosen, else the task's default.
    pub(crate) async fn chosen(context: Option<&Context>) -> io::Result<Self> {
        Ok(Self { context: chosen_context(context).await? })
    }

    /// Opens a file to read it, as [`File::open`].
    ///
    /// # Cancel safety
    /// Dropping the future leaks no descriptor.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        self.open_with(path, OpenOptions::new().read(true)).await
    }

    /// Opens a file as the options say, in this context, whatever context they name. See
    /// [`OpenOptions::open`].
    ///
    /// # Cancel safety
    /// Dropping the future leaks no descriptor. A file may have been created or truncated.
    pub async fn open_with(
        &self,
        path: impl AsRef<Path>,
        options: &OpenOptions,
    ) -> io::Result<File> {
        options.clone().context(&self.context).open(path).await
    }

    /// The context that does the operations.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }
}
