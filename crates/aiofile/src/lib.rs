//! Asynchronous files for tokio on Linux.
//!
//! An [`AioFile`] is addressed by offset: one open file serves any number of reads and writes at
//! once, from any task. Cached data is read on the calling thread; what has to wait goes to
//! io_uring, to kernel AIO or to a pool of threads (the crate `caio`), and tokio's own reactor
//! finds the completions. Opening, reading and writing block no thread of the executor, and every
//! future is `Send`.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
//! # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("hello.txt");
//! use aiofile::{AioFile, async_open};
//! use futures_util::future::try_join_all;
//!
//! // By offset: ten writes at once, on one open file.
//! let file = AioFile::open(&path, "w+").await?;
//! let line = b"Hello world\n";
//! try_join_all((0..10u64).map(|i| file.write_all_at(line, i * 12))).await?;
//! file.fsync().await?;
//! assert_eq!(file.read_exact_at(120, 0).await?, line.repeat(10));
//!
//! // With a cursor: tokio's `File`, and more.
//! let mut file = async_open(&path, "r").await?;
//! assert_eq!(file.readline().await?, &line[..]);
//! assert_eq!(file.read_all().await?.len(), 9 * 12);
//!
//! // A small file, whole.
//! assert_eq!(aiofile::fs::read(&path).await?.len(), 120);
//! # Ok(()) }
//! ```
//!
//! # What an operation costs
//!
//! A hop is a hand-over to the backend and back.
//!
//! | operation | cost |
//! | --- | --- |
//! | read of cached data | one system call for a MiB; no hop |
//! | read of other data; any transfer with O_DIRECT | one hop |
//! | buffered write | no hop on XFS, btrfs and tmpfs unless it would wait; one hop on ext4 |
//! | sync | one hop, shared by the syncs that are asked for meanwhile |
//! | open | one hop; to read a file whose path is cached, on a known local mount, none |
//! | [`fs::read`](fs::read()) of a small cached file on such a mount | six system calls, no hop |
//! | [`fs::read`](fs::read()) of any other | one hop for a MiB |
//! | [`fs::metadata`](fs::metadata()) of a cached path on such a mount | four, no hop |
//! | any other function of [`fs`] | one hop |
//! | a line of [`LineReader`] or of [`File`] | no system call; one for each chunk of the file |
//! | `metadata` | no hop on local file systems |
//! | `set_len`, `close` of the last handle | one hop |
//!
//! # Cancellation
//!
//! Any future may be dropped, and no memory or descriptor is lost or used too early by that. A
//! dropped read of an [`AioFile`] has no effect; a dropped write may have written all, a part or
//! nothing. A future that is kept and not polled any more holds up no other. Types with a cursor
//! say for each method what a dropped future means for it.
//!
//! # Where to go next
//!
//! | for | see |
//! | --- | --- |
//! | everything by offset, many ranges at once, O_DIRECT | [`AioFile`], [`OpenOptions`] |
//! | a cursor: tokio's `File` with its traits, and Python's modes | [`File`], [`async_open`] |
//! | reading from front to back | [`Reader`], [`LineReader`] |
//! | writing from front to back | [`Writer`], [`BufferedWriter`] |
//! | functions on paths, in the manner of `tokio::fs` | [`fs`] |
//! | text in any encoding | [`text`](mod@text), of the cargo feature `text`, which is on by default |
//! | lines of a file that grows | [`LineReader::follow`] |
//! | temporary files and directories | [`tempfile`] |
//! | the standard streams | [`stdin()`], [`stdout()`], [`stderr()`] |
//! | limits, and the choice of the backend | [`context`], [`Config`], [`BackendKind`] |
//! | other contexts below code that names none, as in tests | [`with_context`], [`spawn`] |
//!
//! Outside of tokio everything works too; a thread then waits for completions.
#![deny(unsafe_code)]

mod aio_file;
mod async_open;
mod boxed;
mod file;
pub mod fs;
mod line_reader;
mod mode;
mod options;
mod reader;
mod runtime;
mod stdio;
pub mod tempfile;
#[cfg(feature = "text")]
pub mod text;
mod writer;

pub use aio_file::{AioFile, RangeOptions, RangeStream};
pub use async_open::{Target, async_open};
pub use caio::{
    AlignedBuffer, BackendKind, Buffer, BufferPool, Choice, Config, Context, ContextBuilder, Error,
    ErrorKind, FileClass, Info, IntoBuffer, Metrics, OwnedBuffer, OwnedBufferMut, PooledBuffer,
    SharedFile, flags,
};
pub use file::{Chunks, File, Lines};
pub use line_reader::{Follow, FollowEvent, LineReader, LineStream};
pub use mode::Mode;
pub use options::OpenOptions;
pub use reader::{ChunkStream, Reader};
pub use runtime::{context, default_context, spawn, with_context};
pub use std::io::SeekFrom;
pub use stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
pub use writer::{BufferedWriter, Writer};

/// The result of everything here, which is std's.
///
/// What is known about an error travels inside: [`Error::of`] shows it.
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// use aiofile::{AioFile, Error};
///
/// let error = AioFile::open("/nowhere", "r").await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// assert_eq!(error.to_string(), "open /nowhere: No such file or directory (os error 2)");
/// assert_eq!(Error::of(&error).and_then(Error::raw_os_error), Some(2));
/// # Ok(()) }
/// ```
pub type Result<T, E = std::io::Error> = std::result::Result<T, E>;
