//! A temporary directory.

use std::io;
use std::path::{Path, PathBuf};

use caio::Context;

use super::Builder;
use super::name::Name;

/// A directory that is removed with all that it holds when this is dropped.
///
/// The removal of a tree may take long: in a runtime one of its blocking threads does it, and may
/// still be at it when the drop returns. Await [`close`](Self::close) to know that it is done. See
/// the [module](super) for when it is removed.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// let directory = aiofile::tempfile::tempdir().await?;
/// std::fs::write(directory.path().join("notes"), "some")?;
/// let path = directory.path().to_owned();
/// directory.close().await?;
/// assert!(!path.exists());
/// # Ok(()) }
/// ```
#[doc(alias("TemporaryDirectory", "mkdtemp"))]
#[derive(Debug)]
pub struct TempDir {
    path: PathBuf,
    name: Name,
    context: Context,
}

/// A new directory in [`temp_dir`](super::temp_dir()). See [`TempDir::new`].
///
/// # Errors
/// What mkdir(2) answers, with the directory.
///
/// # Cancel safety
/// Dropping the future leaves nothing behind.
#[doc(alias("TemporaryDirectory", "mkdtemp"))]
pub async fn tempdir() -> io::Result<TempDir> {
    TempDir::new().await
}

impl TempDir {
    /// A new directory in [`temp_dir`](super::temp_dir()), for the user alone. One hop.
    ///
    /// # Errors
    /// What mkdir(2) answers, with the directory.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn new() -> io::Result<Self> {
        Builder::new().tempdir().await
    }

    /// As [`new`](Self::new), in this directory.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    ///
    /// # Cancel safety
    /// As for [`new`](Self::new).
    pub async fn new_in(directory: impl Into<PathBuf>) -> io::Result<Self> {
        Builder::new().directory(directory).tempdir().await
    }

    pub(super) fn new_of(context: Context, path: PathBuf, name: Name) -> Self {
        Self { path, name, context }
    }

    /// Where it is, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the directory where it is. Costs nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// let path = aiofile::tempfile::tempdir().await?.keep();
    /// assert!(path.is_dir());
    /// # std::fs::remove_dir(path)?;
    /// # Ok(()) }
    /// ```
    #[must_use = "the directory has to be removed by the program now"]
    pub fn keep(mut self) -> PathBuf {
        self.name.keep();
        std::mem::take(&mut self.path)
    }

    /// Removes the directory and all that it holds, and says so when it is done. One hop.
    ///
    /// # Errors
    /// What the system answers. What could be removed is gone.
    ///
    /// # Cancel safety
    /// The directory is removed also where the future is dropped.
    #[doc(alias("cleanup", "rmtree"))]
    pub async fn close(self) -> io::Result<()> {
        let Self { path, mut name, context } = self;
        Ok(context.run_on("remove", &path, move || Ok(name.remove()?)).await?)
    }
}

impl AsRef<Path> for TempDir {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}
