//! The offset-addressed file.

mod blocks;
mod convert;
mod direct;
mod growing;
mod memory;
mod ranges;
mod read;
mod whole;
mod write;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::sync::Arc;

use caio::{Context, Error, ErrorKind, OpKind, Result, SharedFile, closed_descriptor};

use crate::mode::Mode;
use crate::options::OpenOptions;
pub(crate) use direct::read_block;
pub(crate) use memory::{no_memory, reserve, share};
pub use ranges::{RangeOptions, RangeStream};
pub(crate) use read::comes_in_pieces;

/// An open file, addressed by offset: any number of reads and writes at once, from any task.
///
/// Cloning shares the descriptor; the last handle closes it. There is no cursor: see `Reader`,
/// `Writer`, `LineReader` and `async_open` for those. Nothing is buffered: `Ok` from a write means
/// that the kernel has the bytes.
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("hello.txt");
/// use aiofile::AioFile;
/// use futures_util::future::try_join_all;
///
/// let file = AioFile::open(&path, "w+").await?;
/// let line = b"Hello world\n";
/// try_join_all((0..10u64).map(|i| file.write_all_at(&line[..], i * 12))).await?;
/// file.fsync().await?;
/// assert_eq!(file.read_exact_at(120, 0).await?, line.repeat(10));
/// # Ok(()) }
/// ```
pub struct AioFile {
    context: Context,
    /// `None` once this handle is closed.
    file: Option<SharedFile>,
    /// Counts the open handles: operations in flight hold the file too.
    handles: Arc<()>,
    /// The same file without `O_DIRECT`, if misaligned writes are to go through it.
    bounce: Option<SharedFile>,
    /// The descriptor was opened elsewhere, so that others may share its position.
    is_foreign: bool,
    /// Why there is no file, where it was not closed.
    broken: Option<Error>,
}

impl AioFile {
    /// Opens a file in the default context, with a mode string as in Python: `"r"`, `"w+"`,
    /// `"ab"`, `"x"`. See [`OpenOptions`] for everything else.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a bad mode string, before the file is touched; else as for
    /// [`OpenOptions::open_aio`].
    ///
    /// # Cancel safety
    /// Dropping the future leaks no descriptor. A file may have been created or truncated.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::AioFile;
    /// use std::io::ErrorKind;
    ///
    /// let file = AioFile::open(&path, "w+").await?;
    /// file.write_all_at("hello", 0).await?;
    /// assert_eq!(file.read_at(5, 0).await?, "hello");
    /// let error = AioFile::open(&path, "rw").await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// # Ok(()) }
    /// ```
    pub async fn open<M>(path: impl AsRef<Path>, mode: M) -> io::Result<Self>
    where
        M: TryInto<Mode, Error: Into<Error>>,
    {
        let path = path.as_ref();
        let mode = mode.try_into();
        let mode = mode.map_err(|error| error.into().during(OpKind::Open).on(path))?;
        OpenOptions::new().set_access(mode).open_aio(path).await
    }

    /// Opens a file to write it, creates it where it is missing, and cuts off what is in it: mode
    /// `w`.
    ///
    /// # Errors
    /// As for [`OpenOptions::open_aio`].
    ///
    /// # Cancel safety
    /// As for [`open`](Self::open).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// let file = aiofile::AioFile::create(&path).await?;
    /// file.write_all_at("new", 0).await?;
    /// assert_eq!(std::fs::read(&path)?, b"new");
    /// # Ok(()) }
    /// ```
    pub async fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::open(path, Mode::WRITE).await
    }

    pub(crate) fn new(context: Context, file: SharedFile, bounce: Option<SharedFile>) -> Self {
        let handles = Arc::new(());
        Self { context, file: Some(file), handles, bounce, is_foreign: false, broken: None }
    }

    /// Whether the descriptor was opened elsewhere.
    pub(crate) fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    pub(crate) fn file(&self) -> Result<&SharedFile> {
        self.file.as_ref().ok_or_else(|| self.broken.clone().unwrap_or_else(closed))
    }
}

impl Clone for AioFile {
    /// Another handle on the same descriptor.
    fn clone(&self) -> Self {
        Self {
            context: self.context.clone(),
            file: self.file.clone(),
            handles: Arc::clone(&self.handles),
            bounce: self.bounce.clone(),
            is_foreign: self.is_foreign,
            broken: self.broken.clone(),
        }
    }
}

impl AsFd for AioFile {
    /// The descriptor. After [`close`](AioFile::close) it is one of the process's through which
    /// nothing can be read, written or synced: EBADF ([`caio::closed_descriptor`]).
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.file {
            Some(file) => file.as_fd(),
            None => closed_descriptor(),
        }
    }
}

impl AsRawFd for AioFile {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for AioFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => f.debug_tuple("AioFile").field(file).finish(),
            None => f.write_str("AioFile(closed)"),
        }
    }
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the file is closed")
}
