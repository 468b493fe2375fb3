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
//! try_join_all((0..10u64).map(|i| file.write_all_at(&line[..], i * 12))).await?;
//! file.fsync().await?;
//! assert_eq!(file.read_exact_at(120, 0).await?, line.repeat(10));
//!
//! // With a cursor, as files elsewhere have it.
//! let mut handle = async_open(&path, "r").await?;
//! assert_eq!(handle.readline().await?, &line[..]);
//! assert_eq!(handle.read_all().await?.len(), 9 * 12);
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
//! | open | one hop |
//! | [`fs::read`] of a small cached file on a known local mount | six system calls, no hop |
//! | [`fs::read`] of any other | one hop for a MiB |
//! | a line of [`LineReader`] or of the handle | no system call; one for each chunk of the file |
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
//! | a file-like handle with tokio's traits | [`async_open`], [`FileHandle`] |
//! | reading from front to back | [`Reader`], [`LineReader`] |
//! | writing from front to back | [`Writer`], [`BufferedWriter`] |
//! | text in any encoding | [`text`](mod@text), of the feature `text`, which is on by default |
//! | limits, and the choice of the backend | [`context`], [`Config`], [`BackendKind`] |
//!
//! Outside of tokio everything works too; a thread then waits for completions.
#![forbid(unsafe_code)]

mod async_open;
mod boxed;
mod file;
pub mod fs;
mod handle;
mod line_reader;
mod mode;
mod options;
mod reader;
mod runtime;
#[cfg(feature = "text")]
pub mod text;
mod writer;

pub use async_open::{Target, async_open};
pub use caio::{
    AlignedBuffer, BackendKind, Buffer, BufferPool, Config, Context, ContextBuilder, Error,
    ErrorKind, OwnedBuffer, OwnedBufferMut, PooledBuffer, Result,
};
pub use file::{AioFile, RangeOptions, RangeStream};
pub use handle::{Chunks, FileHandle, Lines};
pub use line_reader::{LineReader, LineStream};
pub use mode::Mode;
pub use options::OpenOptions;
pub use reader::Reader;
pub use runtime::{context, default_context};
pub use writer::{BufferedWriter, Writer};
