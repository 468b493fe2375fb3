//! An asynchronous file I/O engine for Linux.
//!
//! Files are addressed by offset, so that one open file serves any number of reads and writes at
//! once. Below one API lie four [backends](BackendKind): io_uring, kernel AIO, and two pools of
//! threads. Which of them a [`Context`] uses is chosen when it is built, by a real probe, and
//! [`Context::info`] tells which, asked for by whom, and what was refused and why. (On other Unix
//! systems there is [`BackendKind::Rust`] alone, and nothing is done in place.)
//!
//! Most programs want the crate `aiofile`, which adds paths, cursors, lines and tokio's reactor.
//! Use this one to write a backend or to serve another runtime.
//!
//! ```
//! use caio::{Buffer, Context, flags};
//! # fn block_on<F: std::future::Future>(future: F) -> F::Output {
//! #     let mut future = std::pin::pin!(future);
//! #     let mut task = std::task::Context::from_waker(std::task::Waker::noop());
//! #     loop {
//! #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut task) {
//! #             return output;
//! #         }
//! #         std::thread::yield_now();
//! #     }
//! # }
//! # let directory = std::env::temp_dir().join(format!("caio-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory).unwrap();
//! # let path = directory.join("greeting");
//!
//! let context = Context::builder().max_requests(64).build()?;
//! block_on(async {
//!     let file = context.open(&path, flags::O_RDWR | flags::O_CREAT, 0o600).await?;
//!     let (written, _) = context.write(&file, Buffer::from(&b"Hello"[..]), 0..5, 0).await;
//!     assert_eq!(written?, 5);
//!     context.sync(&file, false).await?;
//!     let empty = Buffer::from(Vec::with_capacity(16));
//!     let (read, buffer) = context.read(&file, empty, 0..16, 0).await;
//!     assert_eq!((read?, buffer.as_slice()), (5, &b"Hello"[..]));
//!     context.close(file, true).await
//! })?;
//! # std::fs::remove_dir_all(&directory).unwrap();
//! # Ok::<(), caio::Error>(())
//! ```
//!
//! # What an operation costs
//!
//! A hop is a hand-over and back: to the kernel's queue (one system call for what one call of
//! [`Context::submit_all`] or one completion hands over together) or to a thread of a pool.
//!
//! | operation | on the calling thread | hops |
//! | --- | --- | --- |
//! | read of cached data | 1 system call for a MiB | none |
//! | read of other data, buffered | 1, which finds that it would wait | 1 |
//! | transfer with O_DIRECT | none | 1 |
//! | write, buffered, on XFS, btrfs or tmpfs | 1 | none, or 1 where it would wait |
//! | write, buffered, on ext4 | none | 1, to the pool |
//! | [`Context::sync`] | none | 1, shared by the syncs that are asked for meanwhile |
//! | [`Context::open`] | none: the file is opened and examined elsewhere | 1 |
//! | [`Context::read_file`], up to 128 KiB, cached, on a mount known to be local | 6 | none |
//! | [`Context::read_file`] of any other file | 1, which finds that out, if any | 1 for a MiB |
//! | [`Context::metadata`] | 1 on a local file system | none there, else 1 |
//! | [`Context::set_length`], [`Context::close`] of the last share | none | 1 |
//! | [`Context::on_path`] | none | 1 |
//!
//! In steady state a read or a write allocates nothing.
//!
//! # Cancellation
//!
//! Any future may be dropped, or kept and not polled any more: that holds up no other operation.
//! The request owns its buffer and its file until the kernel has finished with both. What has not
//! begun does not begin: what waits for room, for a thread, or in a pipe's queue. What a thread or
//! the kernel has begun goes on to its end. A dropped read of a file has no effect; a dropped write
//! may have written all, a part or nothing; a dropped open closes the descriptor it is given.
//!
//! # Where to go next
//!
//! [`Context`] is the engine, [`Config`] every limit, [`Choice`] the choice of a backend,
//! [`Backend`] the contract for a new one, [`Runtime`] what another runtime provides, [`Layer`]
//! what is done around every operation. There are no cargo features.
#![deny(unsafe_code)]
#![cfg_attr(
    not(all(target_os = "linux", not(caio_portable))),
    allow(dead_code, reason = "some of it is for the backends that are Linux's own")
)]

#[cfg(not(unix))]
compile_error!("caio needs a Unix system: Linux, and with less to offer macOS or FreeBSD");

pub mod backend;
mod buffer;
mod capability;
mod completion;
mod config;
mod context;
mod delay;
mod detached;
mod error;
mod file;
mod in_place;
mod layer;
mod metrics;
#[cfg(all(test, any(caio_loom, caio_shuttle)))]
mod models;
mod op;
mod pending_count;
mod per_process;
#[cfg(target_os = "linux")]
mod range_lock;
mod recent;
mod request;
mod route;
mod runtime;
mod select;
mod semaphore;
mod sync;
mod sys;
#[cfg(test)]
mod testing;
mod waker_set;
mod worker_thread;

pub use backend::{Backend, BackendKind, QueueId};
pub use buffer::{
    AlignedBuffer, Buffer, BufferOwner, BufferPool, DEFAULT_ALIGNMENT, IntoBuffer, OwnedBuffer,
    OwnedBufferMut, PooledBuffer,
};
pub use capability::{Capability, ClassSet, OpSet};
pub use completion::Outcome;
pub use config::{
    BreakerConfig, BufferedWrites, Config, LimitsConfig, MetricsConfig, RatesConfig, Reactor,
    RetryConfig, TimeoutsConfig, UringConfig,
};
pub use context::{Context, ContextBuilder, Operation, Transfer, VectoredTransfer, look_at_mount};
pub use delay::delay;
pub use error::{Error, ErrorKind, Result};
pub use file::{
    AtomicWriteLimits, DirectAlignment, FileClass, FileSystem, SharedFile, closed_descriptor,
};
pub use layer::{
    Admission, Clock, Ending, Layer, OpInfo, OpRoute, Priority, Sleep, Stage, with_priority,
};
pub use metrics::Metrics;
pub use op::{
    Job, Op, OpKind, Output, PathCall, READ_FILE_BYTES_MAX, TRANSFER_BYTES_MAX, VECTOR_BUFFERS_MAX,
};
pub use per_process::PerProcess;
#[cfg(target_os = "linux")]
pub use range_lock::{RangeLock, set_range_lock};
pub use request::{Request, Token};
pub use runtime::{NoRuntime, Registration, Runtime, Watch};
pub use select::{Choice, ConfigFile, FileState, Info, Refusal, RequestedBy};
pub use sync::wake_all;
pub use sys::process::Process;
pub use waker_set::{WakerSet, WakerSlot};

/// Descriptors whose reads wait until something happens: for watching files and for waiting on any
/// executor, without a thread. They are streams to the engine, which reads them as any other.
pub mod event {
    pub use crate::sys::event::*;
}

/// The `O_*` flags of open(2), for [`Context::open`](crate::Context::open). `O_DIRECT`,
/// `O_NOATIME`, `O_PATH` and `O_TMPFILE` are there on Linux alone.
///
/// ```
/// use caio::flags;
///
/// assert_eq!(flags::O_RDWR & flags::O_WRONLY, 0);
/// ```
pub mod flags {
    pub use libc::{
        O_APPEND, O_CREAT, O_DIRECTORY, O_DSYNC, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR,
        O_SYNC, O_TRUNC, O_WRONLY,
    };

    pub use crate::sys::open_flags::*;
}
