//! Asynchronous files for tokio on Linux.
//!
//! `use aiofile::fs;` takes the place of `use tokio::fs;`, with [`File`] and its traits. An
//! [`AioFile`] is addressed by offset: one open file serves any number of reads and writes at
//! once, from any task. What the kernel has in memory is read on the calling thread; what has to
//! wait goes to io_uring, to kernel AIO or to a pool of threads (the crate `caio`), and tokio's own
//! reactor finds the completions. No thread of the executor waits for a file meanwhile, and every
//! future is `Send`.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! # let directory = tempfile::tempdir()?; let path = directory.path().join("hello.txt");
//! use aiofile::{AioFile, File, fs};
//! use tokio::io::AsyncWriteExt;
//!
//! // As with tokio.
//! fs::write(&path, "Hello\n").await?;
//! let mut file = File::options().append(true).open(&path).await?;
//! file.write_all(b"world\n").await?;
//! assert_eq!(fs::read_to_string(&path).await?, "Hello\nworld\n");
//!
//! // By offset: reads and writes at once, on one open file.
//! let file = AioFile::open(&path, "r+").await?;
//! let (first, second) = (file.write_all_at("HELLO", 0), file.write_all_at("WORLD", 6));
//! tokio::try_join!(first, second)?;
//! assert_eq!(file.read_ranges(&[6..11, 0..5]).await?, ["WORLD", "HELLO"]);
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
//! | [`fs::metadata`](fs::metadata()), small [`fs::read`](fs::read()), open to read | none if (1) |
//! | any other open or function of [`fs`] | one hop, for each MiB or some hundred entries |
//! | a line of [`LineReader`] or of [`File`] | no system call; one for each chunk of the file |
//! | `metadata` of an open file | no hop on local file systems |
//! | `set_len`, `close` of the last handle | one hop |
//!
//! (1) No hop but four to six system calls where the path and what is read are in the kernel's
//! memory, on a mount that an earlier operation has found to be local. Else one hop.
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
//! | functions on paths: all of `tokio::fs`, and more | [`fs`] |
//! | a cursor: tokio's `File` with its traits, and Python's modes | [`File`], [`async_open`] |
//! | everything by offset, many ranges at once, O_DIRECT | [`AioFile`], [`OpenOptions`] |
//! | reading from front to back, by chunks or lines | [`Reader`], [`LineReader`] |
//! | lines of a file that grows | [`LineReader::follow`] |
//! | writing from front to back | [`Writer`], [`BufferedWriter`] |
//! | text in any encoding | [`text`](mod@text), of the feature `text`, which is on by default |
//! | temporary files and directories | [`tempfile`] |
//! | the standard streams | [`stdin()`], [`stdout()`], [`stderr()`] |
//! | a context of one's own: limits, the backend | [`context`], [`Config`], [`BackendKind`] |
//! | another context below code that names none, as in tests | [`with_context`], [`spawn`] |
//! | what an error knows | [`Error::of`] |
//! | hashes, split, merge, directories made alike, watches | the crate `aiofile-util` |
//!
//! Outside of tokio everything works too; a thread then waits for completions.
#![deny(unsafe_code)]

mod aio_file;
mod async_open;
mod boxed;
mod file;
pub mod fs;
mod handover;
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
    AlignedBuffer, AtomicWriteLimits, BackendKind, Buffer, BufferOwner, BufferPool, BufferedWrites,
    Choice, Config, Context, ContextBuilder, Error, ErrorKind, FileClass, Info, IntoBuffer,
    Metrics, OwnedBuffer, OwnedBufferMut, PooledBuffer, SharedFile, flags,
};
pub use file::{Chunks, File, Lines};
pub use line_reader::{Follow, FollowEvent, LineReader, LineStream};
pub use mode::Mode;
pub use options::OpenOptions;
pub use reader::{ChunkStream, Reader};
pub use runtime::{
    context, default_context, drop_elsewhere, set_default_context, spawn, with_context,
};
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
