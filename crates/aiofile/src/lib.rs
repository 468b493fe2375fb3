//! Asynchronous files for tokio on Linux.
#![forbid(unsafe_code)]

mod async_open;
mod file;
pub mod fs;
mod handle;
mod line_reader;
mod mode;
mod options;
mod reader;
mod runtime;
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
