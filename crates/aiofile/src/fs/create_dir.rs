//! Making directories.

use std::io;
use std::path::Path;

use caio::{Context, PathCall};

use super::Fs;

/// The mode of what is made, which the umask then takes from.
const ANY_MODE: u32 = 0o777;

/// Makes a directory in one that is there. mkdir(2).
///
/// # Costs
/// One hop.
///
/// # Errors
/// What the system answers: EEXIST where there is something at the path.
///
/// # Cancel safety
/// Dropping the future before a thread has begun leaves all as it was; later, it is made.
#[doc(alias("mkdir"))]
pub async fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    Fs::current().await?.create_dir(path).await
}

/// Makes a directory and those above it that are missing. One that is there is fine.
///
/// # Costs
/// One hop for all of them.
///
/// # Errors
/// What the system answers: EEXIST where there is something else at the path.
///
/// # Cancel safety
/// Dropping the future before a thread has begun leaves all as it was; later, all are made.
#[doc(alias("makedirs"))]
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    Fs::current().await?.create_dir_all(path).await
}

/// Makes directories with more to say about them, in the manner of `std::fs::DirBuilder`.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("keys/private");
/// use aiofile::fs::{self, DirBuilder};
/// use std::os::unix::fs::PermissionsExt;
///
/// DirBuilder::new().recursive(true).mode(0o700).create(&path).await?;
/// assert_eq!(fs::metadata(&path).await?.permissions().mode() & 0o777, 0o700);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct DirBuilder {
    recursive: bool,
    mode: u32,
    context: Option<Context>,
}

impl Default for DirBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl DirBuilder {
    /// One directory with mode `0o777`, before the umask.
    #[must_use]
    pub fn new() -> Self {
        Self { recursive: false, mode: ANY_MODE, context: None }
    }

    /// Whether those above it are made as well, and one that is there is fine.
    pub fn recursive(&mut self, recursive: bool) -> &mut Self {
        self.recursive = recursive;
        self
    }

    /// The mode of all that are made, before the umask.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = mode;
        self
    }

    /// The context to use; the task's default context unless set.
    pub fn context(&mut self, context: &Context) -> &mut Self {
        self.context = Some(context.clone());
        self
    }

    /// Makes the directory.
    ///
    /// # Costs
    /// One hop.
    ///
    /// # Errors
    /// What the system answers.
    ///
    /// # Cancel safety
    /// As for [`create_dir_all`].
    pub async fn create(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let fs = Fs::chosen(self.context.as_ref()).await?;
        fs.create(path.as_ref(), self.recursive, self.mode).await
    }
}

impl Fs {
    /// As [`fs::create_dir`](create_dir()).
    pub async fn create_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.create(path.as_ref(), false, ANY_MODE).await
    }

    /// As [`fs::create_dir_all`](create_dir_all()).
    pub async fn create_dir_all(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.create(path.as_ref(), true, ANY_MODE).await
    }

    async fn create(&self, path: &Path, recursive: bool, mode: u32) -> io::Result<()> {
        self.make(PathCall::CreateDirectory { path: path.to_owned(), recursive, mode }).await
    }
}
