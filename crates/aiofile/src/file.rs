//! The file-like handle: one cursor over an [`AioFile`].

mod ahead;
mod cursor;
mod pending_write;
mod position;
mod read;
mod streams;
mod tokio_traits;
mod write;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

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

/// A file with a cursor, as [`async_open`](crate::async_open()) gives it: reads, writes, seeks and
/// lines in the manner of Python's file objects, and tokio's I/O traits.
///
/// Writes are not buffered: `Ok(n)` means that the kernel has n bytes. Reads of lines and reads
/// through tokio's traits take 64 KiB at once from the file and are served from memory. A write
/// through this handle or a clone of it makes such bytes worthless, so that a read always sees the
/// writes that were finished before; what other handles and processes write meanwhile is seen from
/// the next chunk on.
///
/// Each operation takes `&mut self`, so one comes after the other. For tasks that write half by
/// half give each its own clone, or take a `Writer`, or address the file by offset with
/// [`file`](Self::file).
///
/// # Pipes, sockets and terminals
/// They have no offsets: [`tell`](Self::tell) counts the bytes that were read and written, and
/// seeking is an error.
///
/// # Descriptors that were opened elsewhere
/// A file from std, such as a duplicate of standard output, may share its position with others:
/// with what is printed, with a child process. A handle on it begins at the descriptor's position,
/// follows it and moves it as std does, so that nothing is written over or read twice; what was
/// read ahead does not move it. That costs two lseek(2) for each operation. Clones share it too.
///
/// # Cancel safety
/// Dropping the future of a read loses nothing, of a stream either: bytes that arrive for it are
/// there for the next read. Dropping the future of a write or truncation leaves it under way; the
/// next operation waits for it, the cursor counts it, and the next write, truncation, flush, sync
/// or close reports its error. Dropping the handle itself gives up on what is under way.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
/// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("hello.txt");
/// use std::io::SeekFrom;
///
/// let mut file = aiofile::async_open(path, "w+").await?;
/// file.write("Hello\nworld\n").await?;
/// file.seek(SeekFrom::Start(0)).await?;
/// assert_eq!(file.readline().await?, "Hello\n");
/// assert_eq!(file.read_all().await?, "world\n");
/// assert_eq!(file.tell(), 12);
/// # Ok(()) }
/// ```
pub struct File {
    file: AioFile,
    mode: Mode,
    /// The cursor, in bytes from the start; of a stream, the bytes that went through.
    position: u64,
    /// Others may move the descriptor's own position, and expect it to be moved.
    shares_position: bool,
    ahead: Ahead,
    pending_write: PendingWrite,
    seeking: Option<Seeking>,
    /// Counts the changes through this handle and its clones.
    generation: Arc<AtomicU64>,
    /// Memory for the next copy of what tokio's writers offer.
    spare: BytesMut,
}

impl File {
    pub(crate) fn new(file: AioFile, mode: Mode, position: u64) -> Self {
        Self {
            shares_position: position::is_shared(&file),
            file,
            mode,
            position,
            ahead: Ahead::default(),
            pending_write: PendingWrite::default(),
            seeking: None,
            generation: Arc::default(),
            spare: BytesMut::new(),
        }
    }

    /// A file that was just opened: its cursor is at the start.
    pub(crate) fn opened(file: AioFile, mode: Mode) -> Self {
        Self::new(file, mode, 0)
    }

    /// The file below, for everything that needs no cursor: offset-addressed reads and writes,
    /// metadata, the descriptor. What is written through it is not noticed by this handle's
    /// read-ahead.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// let mut handle = aiofile::async_open(&path, "w+").await?;
    /// handle.write("hello").await?;
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

    /// The mode that the handle was opened with.
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
        Self { generation, ..Self::new(self.file.clone(), self.mode, self.position) }
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
