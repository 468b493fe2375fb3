//! Asynchronous file I/O engine.
#![deny(unsafe_code)]

pub mod backend;
mod buffer;
mod capability;
mod config;
mod context;
mod counters;
mod error;
mod file;
pub mod flags;
mod in_place;
mod limit;
mod op;
mod request;
mod route;
mod runtime;
mod select;
mod slot;
mod sync;
mod sys;
#[cfg(test)]
mod testing;

pub use backend::{Backend, BackendKind, Lanes};
pub use buffer::{
    AlignedBuffer, Buffer, BufferPool, DEFAULT_ALIGNMENT, OwnedBuffer, OwnedBufferMut, PooledBuffer,
};
pub use capability::{Capability, ClassSet, OpSet};
pub use config::{BufferedWrites, Config, UringConfig};
pub use context::{Context, ContextBuilder, Hold, Operation, Transfer, VectoredTransfer};
pub use counters::Snapshot;
pub use error::{Error, ErrorKind, Result};
pub use file::{DirectAlignment, FileClass, FileSystem, Released, SharedFile};
pub use op::{Op, OpKind, Output, TRANSFER_BYTES_MAX, VECTOR_BUFFERS_MAX};
pub use request::{Request, Token};
pub use runtime::{NoRuntime, Runtime, Source, Watch};
pub use select::{Choice, ConfigFile, FileState, Info, Refusal, RequestedBy};
pub use slot::Outcome;
