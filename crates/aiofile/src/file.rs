//! The offset-addressed file.

mod direct;
mod growing;
mod memory;
mod ranges;
mod read;
mod whole;
mod write;

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;

use caio::{Context, Error, ErrorKind, OpKind, Result, SharedFile};

use crate::mode::Mode;
use crate::options::OpenOptions;
use crate::runtime::default_context;
pub(crate) use direct::read_block;
pub(crate) use memory::{no_memory, reserve};
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
}

impl AioFile {
    /// Opens a file in the default context, with a mode string as in Python: `"r"`, `"w+"`,
    /// `"ab"`, `"x"`. See [`OpenOptions`] for everything else.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a bad mode string, before the file is touched; else as for
    /// [`OpenOptions::open`].
    ///
    /// # Cancel safety
    /// Dropping the future leaks no descriptor. A file may have been created or truncated.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, ErrorKind};
    ///
    /// let file = AioFile::open(&path, "w+").await?;
    /// file.write_all_at("hello", 0).await?;
    /// assert_eq!(file.read_at(5, 0).await?, "hello");
    /// let error = AioFile::open(&path, "rw").await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// # Ok(()) }
    /// ```
    pub async fn open<M>(path: impl AsRef<Path>, mode: M) -> Result<Self>
    where
        M: TryInto<Mode, Error: Into<Error>>,
    {
        let path = path.as_ref();
        let options = OpenOptions::new().mode(mode);
        options.map_err(|error| error.during(OpKind::Open).on(path))?.open(path).await
    }

    /// Takes over a file that std opened, in the default context. It is addressed by offset and its
    /// own position stays where it is, which a duplicate of standard output shares with what is
    /// printed: [`async_open`](crate::async_open()) keeps to it.
    ///
    /// # Errors
    /// Where the default context cannot be made or the descriptor cannot be examined.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::AioFile;
    ///
    /// let file = AioFile::from_std(tempfile::tempfile()?)?;
    /// file.write_all_at("scratch", 0).await?;
    /// assert_eq!(file.read_to_end(0).await?, "scratch");
    /// # Ok(()) }
    /// ```
    pub fn from_std(file: std::fs::File) -> Result<Self> {
        Self::from_std_in(&default_context()?, file)
    }

    /// As [`from_std`](Self::from_std), in this context.
    ///
    /// # Errors
    /// Where the descriptor cannot be examined.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::AioFile;
    ///
    /// let context = aiofile::context().max_requests(8).build()?;
    /// let file = AioFile::from_std_in(&context, tempfile::tempfile()?)?;
    /// file.write_all_at("scratch", 0).await?;
    /// assert_eq!(context.metrics().bytes_written, 7);
    /// # Ok(()) }
    /// ```
    pub fn from_std_in(context: &Context, file: std::fs::File) -> Result<Self> {
        Ok(Self::foreign(context.clone(), SharedFile::from_std(file)?))
    }

    /// Gives the file back to std. The only handle gives the descriptor itself, after the
    /// operations in flight have ended; one of several gives a duplicate.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`], or what fcntl(2) answers to the duplication.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::AioFile;
    /// use std::io::Read;
    ///
    /// let file = AioFile::open(&path, "w+").await?;
    /// file.write_all_at("for std", 0).await?;
    /// let mut text = String::new();
    /// file.into_std().await?.read_to_string(&mut text)?;
    /// assert_eq!(text, "for std");
    /// # Ok(()) }
    /// ```
    pub async fn into_std(mut self) -> Result<std::fs::File> {
        let file = self.file.take().ok_or_else(closed)?;
        if Arc::strong_count(&self.handles) > 1 {
            let copy = file.file().try_clone();
            return copy.map_err(|error| Error::system(error).on(file.path()));
        }
        if let Some(second) = self.bounce.take() {
            drop(second.released().await);
        }
        let descriptor = file.released().await.ok_or_else(closed)?;
        Ok(descriptor.into())
    }

    pub(crate) fn new(context: Context, file: SharedFile, bounce: Option<SharedFile>) -> Self {
        Self { context, file: Some(file), handles: Arc::new(()), bounce, is_foreign: false }
    }

    /// A descriptor that was opened elsewhere, with a name for messages.
    pub(crate) fn foreign(context: Context, file: SharedFile) -> Self {
        Self { is_foreign: true, ..Self::new(context, file, None) }
    }

    /// Whether the descriptor was opened elsewhere.
    pub(crate) fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    pub(crate) fn file(&self) -> Result<&SharedFile> {
        self.file.as_ref().ok_or_else(closed)
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
        }
    }
}

impl AsFd for AioFile {
    /// # Panics
    /// After [`close`](AioFile::close): there is no descriptor any more.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_ref().expect("the file is open").as_fd()
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
