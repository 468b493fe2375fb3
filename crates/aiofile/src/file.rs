//! The file with one cursor, over an [`AioFile`].

mod ahead;
mod convert;
mod cursor;
mod open;
mod pending_write;
mod position;
mod raw_fd;
mod read;
mod streams;
mod tokio_traits;
mod whole;
mod write;

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use bytes::BytesMut;
use caio::{FileClass, SharedFile};

use crate::aio_file::AioFile;
use crate::mode::Mode;
use ahead::Ahead;
use cursor::Seeking;
pub(crate) use cursor::end;
use pending_write::PendingWrite;
pub(crate) use position::position;
pub use streams::{Chunks, Lines};

/// The most that one poll moves unless said otherwise, in bytes, as in tokio.
const POLL_BYTES_MAX: usize = 2 << 20;

/// A file with one cursor: tokio's `File`, with all of its functions and traits, and more.
///
/// The short names `read`, `write`, `write_all`, `seek`, `flush` and `lines` are those of tokio's
/// [`AsyncReadExt`], [`AsyncWriteExt`], [`AsyncSeekExt`] and [`AsyncBufReadExt`], and mean what
/// they mean there. What takes or gives owned memory has names of its own: [`read_bytes`],
/// [`read_all`], [`readline`], [`line_stream`], [`iter_chunked`], [`write_owned`].
///
/// Writes are not buffered: `Ok(n)` means that the kernel has n bytes. **Where tokio's `File` says
/// `Ok` to a write that is yet to be done, this one has done it.** Reads of lines and reads
/// through tokio's traits take 64 KiB at once from the file and are served from memory. A write
/// through this file or a clone of it makes such bytes worthless, so that a read always sees the
/// writes that were finished before; what others write meanwhile is seen from the next chunk on.
///
/// Each operation that moves the cursor takes `&mut self`, so one comes after the other. For tasks
/// that write half by half give each its own clone, or take a `Writer`, or address the file by
/// offset with [`file`](Self::file).
///
/// **A [`clone`](Clone::clone) has a cursor of its own**, which begins where this one is. The file
/// that [`try_clone`](Self::try_clone) gives has the same cursor, as in std and tokio.
///
/// # Pipes, sockets and terminals
/// They have no offsets: [`tell`](Self::tell) counts the bytes that were read and written, and
/// seeking is an error.
///
/// # Descriptors that were opened elsewhere
/// A file from std, such as a duplicate of standard output, may share its position with others:
/// with what is printed, with a child process. A `File` on it begins at the descriptor's position,
/// follows it and moves it as std does, so that nothing is written over or read twice; what was
/// read ahead does not move it. That costs two lseek(2) for each operation. Clones share it too.
///
/// # When a write fails
/// The cursor is behind what was accepted. Where a part was, tokio's `write` says how much, and the
/// error comes from what is done next: the next write, flush, sync or close.
///
/// # Cancel safety
/// Dropping the future of a read loses nothing, of a stream either: bytes that arrive for it are
/// there for the next read. Dropping the future of a write or truncation leaves it under way; the
/// next operation waits for it, the cursor counts it, and the next write, truncation, flush, sync
/// or close reports its error. Dropping the file itself gives up on what is under way.
///
/// [`AsyncReadExt`]: https://docs.rs/tokio/1/tokio/io/trait.AsyncReadExt.html
/// [`AsyncWriteExt`]: https://docs.rs/tokio/1/tokio/io/trait.AsyncWriteExt.html
/// [`AsyncSeekExt`]: https://docs.rs/tokio/1/tokio/io/trait.AsyncSeekExt.html
/// [`AsyncBufReadExt`]: https://docs.rs/tokio/1/tokio/io/trait.AsyncBufReadExt.html
/// [`read_bytes`]: Self::read_bytes
/// [`read_all`]: Self::read_all
/// [`readline`]: Self::readline
/// [`line_stream`]: Self::line_stream
/// [`iter_chunked`]: Self::iter_chunked
/// [`write_owned`]: Self::write_owned
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
/// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("hello.txt");
/// use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
///
/// let mut file = aiofile::async_open(path, "w+").await?;
/// file.write_all(b"Hello\nworld\n").await?;
/// file.rewind().await?;
/// assert_eq!(file.readline().await?, "Hello\n");
/// let mut word = [0; 5];
/// file.read_exact(&mut word).await?;
/// assert_eq!((&word, file.tell()), (b"world", 11));
/// # Ok(()) }
/// ```
#[doc(alias = "FileHandle")]
pub struct File {
    file: AioFile,
    mode: Mode,
    /// The cursor, in bytes from the start; of a stream, the bytes that went through.
    position: u64,
    /// Others may move the descriptor's own position, and expect it to be moved.
    shares_position: AtomicBool,
    ahead: Ahead,
    pending_write: PendingWrite,
    seeking: Option<Seeking>,
    /// Counts the changes through this handle and its clones.
    generation: Arc<AtomicU64>,
    /// Memory for the next copy of what tokio's writers offer.
    spare: BytesMut,
    /// The most that one poll of tokio's traits moves, in bytes.
    poll_bytes_max: usize,
}

impl File {
    pub(crate) fn new(file: AioFile, mode: Mode, position: u64) -> Self {
        Self {
            shares_position: AtomicBool::new(position::is_shared(&file)),
            file,
            mode,
            position,
            ahead: Ahead::default(),
            pending_write: PendingWrite::default(),
            seeking: None,
            generation: Arc::default(),
            spare: BytesMut::new(),
            poll_bytes_max: POLL_BYTES_MAX,
        }
    }

    /// The file below, for everything that needs no cursor: offset-addressed reads and writes,
    /// metadata, the descriptor. What is written through it is not noticed by this handle's
    /// read-ahead.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// let mut handle = aiofile::async_open(&path, "w+").await?;
    /// handle.write_owned("hello").await?;
    /// handle.file().write_all_at("J", 0).await?;
    /// assert_eq!(handle.file().len().await?, 5);
    /// assert_eq!(handle.tell(), 5);
    /// # assert_eq!(handle.file().read_to_end(0).await?, "Jello");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn file(&self) -> &AioFile {
        &self.file
    }

    /// The path that the file was opened by; `/dev/fd/N` for a file from std, and nothing once
    /// closed.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use std::path::Path;
    ///
    /// let mut file = aiofile::async_open("/proc/version", "r").await?;
    /// assert_eq!(file.path(), Some(Path::new("/proc/version")));
    /// file.close().await?;
    /// assert_eq!(file.path(), None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.file.path()
    }

    /// The mode string that the file was opened with, or the one that comes closest.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("log");
    /// let file = aiofile::async_open(&path, "ab+").await?;
    /// assert!(file.mode().appends() && file.mode().reads());
    /// assert_eq!(file.mode().to_string(), "a+");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether offsets mean anything: false for pipes, sockets and terminals, and once closed.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use std::os::fd::OwnedFd;
    ///
    /// let (reader, _writer) = std::io::pipe()?;
    /// assert!(!aiofile::async_open(OwnedFd::from(reader), "r").await?.is_seekable());
    /// assert!(aiofile::async_open("/proc/self/exe", "r").await?.is_seekable());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn is_seekable(&self) -> bool {
        self.file.file().is_ok_and(SharedFile::is_seekable)
    }

    /// Whether the handle was closed.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// let mut file = aiofile::async_open("/proc/version", "r").await?;
    /// assert!(!file.is_closed());
    /// file.close().await?;
    /// assert!(file.is_closed());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.file.is_closed()
    }
}

impl Clone for File {
    /// Another cursor on the same descriptor, which starts where this one is now; on a descriptor
    /// that was opened elsewhere the same one. A write that is still under way belongs to the
    /// original alone, and so does what was read ahead of a stream.
    fn clone(&self) -> Self {
        let generation = Arc::clone(&self.generation);
        let copy = Self::new(self.file.clone(), self.mode, self.tell());
        Self { generation, poll_bytes_max: self.poll_bytes_max, ..copy }
    }
}

impl AsFd for File {
    /// The descriptor. Once closed, one through which nothing can be done (EBADF), see
    /// [`AioFile`]'s.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("file", &self.file)
            .field("mode", &self.mode)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// Whether fstat(2) tells where such a file ends.
fn has_length(file: &SharedFile) -> bool {
    file.class() == FileClass::Regular
}
