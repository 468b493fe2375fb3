//! Asynchronous files for tokio on Linux.
#![forbid(unsafe_code)]

mod file;
pub mod fs;
mod mode;
mod options;
mod runtime;

pub use caio::{
    AlignedBuffer, BackendKind, Buffer, BufferPool, Config, Context, ContextBuilder, Error,
    ErrorKind, OwnedBuffer, OwnedBufferMut, PooledBuffer, Result,
};
pub use file::AioFile;
pub use mode::Mode;
pub use options::OpenOptions;
pub use runtime::{context, default_context};
