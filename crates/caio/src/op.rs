//! What is to be done: a closed set of plain values, checked when they are made.

mod check;
mod job;
mod memory;
mod path_call;

use std::ffi::{CString, OsStr, OsString};
use std::fmt;
use std::fs::Metadata;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub(crate) use check::{check_extent, check_read, check_write};
pub use job::Job;
pub(crate) use job::Place;
pub(crate) use memory::Vectors;
pub use path_call::PathCall;

use crate::buffer::Buffer;
use crate::error::Error;
use crate::file::SharedFile;

/// The most bytes that Linux moves in one read or write, whatever was asked for
/// (`MAX_RW_COUNT`, see read(2)). Longer operations are cut to it and continued.
pub const TRANSFER_BYTES_MAX: usize = 0x7fff_f000;

/// The most buffers that one vectored operation takes (`IOV_MAX`, see readv(2)).
pub const VECTOR_BUFFERS_MAX: usize = 1024;

/// The most bytes of a file that [`Op::ReadFile`] reads in one go.
pub const READ_FILE_BYTES_MAX: usize = 1 << 20;

/// One operation, with the memory it works on.
///
/// The set is closed: a backend matches on it without a wildcard, so that a new operation is a
/// compile error in each backend until it has been thought about.
///
/// ```
/// use caio::{Buffer, Op};
///
/// let op = Op::read(Buffer::from(Vec::with_capacity(4096)), 0..4096, 8192)?;
/// assert_eq!(op.kind().to_string(), "read");
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug)]
pub enum Op {
    /// pread(2): fill `range` of the buffer's capacity from the file at `offset`.
    Read {
        /// Where the bytes go.
        buffer: Buffer,
        /// The part of the buffer's capacity to fill.
        range: Range<usize>,
        /// Byte offset in the file; ignored where the file cannot seek.
        offset: u64,
    },
    /// pwrite(2): write `range` of the buffer to the file at `offset`.
    Write {
        /// Where the bytes come from.
        buffer: Buffer,
        /// The part of the buffer's contents to write.
        range: Range<usize>,
        /// Byte offset in the file; ignored where the file cannot seek.
        offset: u64,
    },
    /// preadv(2): fill the buffers' capacities, one after the other, from `offset`.
    ReadVectored {
        /// Where the bytes go, at most [`VECTOR_BUFFERS_MAX`] buffers.
        buffers: Vec<Buffer>,
        /// Bytes of the buffers' joint capacity that are filled already.
        skip: usize,
        /// Byte offset in the file of the first byte after `skip`.
        offset: u64,
    },
    /// pwritev(2): write the buffers' contents, one after the other, to `offset`.
    WriteVectored {
        /// Where the bytes come from, at most [`VECTOR_BUFFERS_MAX`] buffers.
        buffers: Vec<Buffer>,
        /// Bytes of the buffers' joint contents that are written already.
        skip: usize,
        /// Byte offset in the file of the first byte after `skip`.
        offset: u64,
    },
    /// fsync(2): data and metadata reach the device.
    Fsync,
    /// fdatasync(2): data, and the metadata needed to read it back, reach the device.
    Fdatasync,
    /// open(2) with `O_CLOEXEC`. Completes with [`Output::File`]. Needs no open file.
    Open {
        /// The path, relative to the working directory where it is not absolute.
        path: CString,
        /// The `O_*` flags.
        flags: i32,
        /// The mode of a file that this call creates, before the umask.
        mode: u32,
    },
    /// open(2), read(2) to the end and close(2) of a whole file, in one go. Completes with
    /// [`Output::Contents`], or with [`Output::File`] where the file is no regular one or larger
    /// than [`READ_FILE_BYTES_MAX`]: it is open then, and to be read on. Needs no open file.
    ReadFile {
        /// The path, relative to the working directory where it is not absolute.
        path: CString,
    },
    /// fstat(2). Completes with [`Output::Metadata`].
    Metadata,
    /// ftruncate(2): cut or extend to `length` bytes.
    SetLength {
        /// The new length in bytes.
        length: u64,
    },
    /// close(2) of the given descriptor, reporting its error. Needs no other open file.
    Close {
        /// The descriptor to close.
        file: OwnedFd,
    },
    /// A call on paths, such as rename(2). Needs no open file.
    Path {
        /// The call.
        call: PathCall,
    },
    /// Whatever a closure does, on a thread that may block. Needs no open file.
    Run {
        /// The closure.
        job: Job,
    },
}

/// What an operation gave.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// # let context = caio::Context::builder().build()?;
/// # let file = doc::file_with(b"some text")?;
/// use caio::{Op, Output};
///
/// let outcome = context.submit(Some(&file), Op::Metadata).await;
/// match outcome.result? {
///     Output::Metadata(metadata) => assert_eq!(metadata.len(), 9),
///     other => unreachable!("fstat gives no {other:?}"),
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Bytes moved by a read or write; 0 from a read is the end of the file.
    Bytes(usize),
    /// Done, with nothing to report.
    Done,
    /// A freshly opened file, examined where it was opened. Dropping it closes it, so a dropped
    /// open leaks nothing.
    File(SharedFile),
    /// The bytes of a whole file.
    Contents(Vec<u8>),
    /// What fstat(2) said.
    Metadata(Box<Metadata>),
    /// The names in a directory, in no order, each with what lstat(2) said of it.
    Entries(Vec<(OsString, Metadata)>),
    /// A path without symbolic links.
    Path(PathBuf),
}

/// An operation's name, as its system call has it.
///
/// ```
/// use caio::{Op, OpKind};
///
/// assert_eq!(Op::Fsync.kind(), OpKind::Fsync);
/// assert_eq!(OpKind::SetLength.to_string(), "ftruncate");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum OpKind {
    /// [`Op::Read`]
    Read,
    /// [`Op::Write`]
    Write,
    /// [`Op::ReadVectored`]
    ReadVectored,
    /// [`Op::WriteVectored`]
    WriteVectored,
    /// [`Op::Fsync`]
    Fsync,
    /// [`Op::Fdatasync`]
    Fdatasync,
    /// [`Op::Open`]
    Open,
    /// [`Op::ReadFile`]
    ReadFile,
    /// [`Op::Metadata`]
    Metadata,
    /// [`Op::SetLength`]
    SetLength,
    /// [`Op::Close`]
    Close,
    /// [`Op::Path`]
    Path,
    /// [`Op::Run`]
    Run,
}

impl Op {
    /// A read of `range` of the buffer's capacity from `offset`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) when the range lies outside the
    /// capacity, the buffer cannot be written to, or the read would end beyond the largest offset
    /// (2^63 - 1).
    ///
    /// ```
    /// use caio::{Buffer, Op};
    ///
    /// assert!(Op::read(Buffer::from(Vec::with_capacity(8)), 0..8, 4096).is_ok());
    /// assert!(Op::read(Buffer::from(&b"constant"[..]), 0..8, 4096).is_err());
    /// ```
    pub fn read(buffer: Buffer, range: Range<usize>, offset: u64) -> Result<Self, Error> {
        let op = Self::Read { buffer, range, offset };
        op.check()?;
        Ok(op)
    }

    /// A write of `range` of the buffer's contents to `offset`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) when the range lies outside the
    /// contents or the write would end beyond the largest offset (2^63 - 1).
    ///
    /// ```
    /// use caio::{Buffer, Op};
    ///
    /// assert!(Op::write(Buffer::from(&b"constant"[..]), 0..8, 4096).is_ok());
    /// // There is room for eight bytes, but nothing to write yet.
    /// assert!(Op::write(Buffer::from(Vec::with_capacity(8)), 0..8, 4096).is_err());
    /// ```
    pub fn write(buffer: Buffer, range: Range<usize>, offset: u64) -> Result<Self, Error> {
        let op = Self::Write { buffer, range, offset };
        op.check()?;
        Ok(op)
    }

    /// The operation's name.
    ///
    /// ```
    /// use caio::{Buffer, Op, OpKind};
    ///
    /// assert_eq!(Op::write(Buffer::from(vec![0; 8]), 0..8, 0)?.kind(), OpKind::Write);
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn kind(&self) -> OpKind {
        match self {
            Self::Read { .. } => OpKind::Read,
            Self::Write { .. } => OpKind::Write,
            Self::ReadVectored { .. } => OpKind::ReadVectored,
            Self::WriteVectored { .. } => OpKind::WriteVectored,
            Self::Fsync => OpKind::Fsync,
            Self::Fdatasync => OpKind::Fdatasync,
            Self::Open { .. } => OpKind::Open,
            Self::ReadFile { .. } => OpKind::ReadFile,
            Self::Metadata => OpKind::Metadata,
            Self::SetLength { .. } => OpKind::SetLength,
            Self::Close { .. } => OpKind::Close,
            Self::Path { .. } => OpKind::Path,
            Self::Run { .. } => OpKind::Run,
        }
    }

    /// The byte offset, for the operations that have one.
    ///
    /// ```
    /// use caio::{Buffer, Op};
    ///
    /// assert_eq!(Op::write(Buffer::from(vec![0; 8]), 0..8, 4096)?.offset(), Some(4096));
    /// assert_eq!(Op::Fsync.offset(), None);
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        match self {
            Self::Read { offset, .. }
            | Self::Write { offset, .. }
            | Self::ReadVectored { offset, .. }
            | Self::WriteVectored { offset, .. } => Some(*offset),
            _ => None,
        }
    }

    /// How many bytes this operation wants to move; 0 for those that move none, and for a value
    /// that skips more than it has.
    ///
    /// ```
    /// use caio::{Buffer, Op};
    ///
    /// assert_eq!(Op::write(Buffer::from(vec![0; 8]), 2..8, 0)?.length(), 6);
    /// assert_eq!(Op::Fsync.length(), 0);
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn length(&self) -> usize {
        match self {
            Self::Read { range, .. } | Self::Write { range, .. } => range.len(),
            Self::ReadVectored { buffers, skip, .. } => {
                check::total(buffers, Buffer::capacity).saturating_sub(*skip)
            }
            Self::WriteVectored { buffers, skip, .. } => {
                check::total(buffers, Buffer::len).saturating_sub(*skip)
            }
            Self::ReadFile { .. } => READ_FILE_BYTES_MAX,
            _ => 0,
        }
    }

    /// The path of an operation that names one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Open { path, .. } | Self::ReadFile { path } => {
                Some(OsStr::from_bytes(path.as_bytes()).as_ref())
            }
            Self::Path { call } => Some(call.path()),
            Self::Run { job } => job.path(),
            _ => None,
        }
    }

    /// Whether it works on several buffers.
    pub(crate) fn is_vectored(&self) -> bool {
        matches!(self, Self::ReadVectored { .. } | Self::WriteVectored { .. })
    }

    /// Whether it changes the file's contents, so that a later sync has to wait for it.
    ///
    /// ```
    /// use caio::{Buffer, Op};
    ///
    /// assert!(Op::write(Buffer::from(vec![0; 8]), 0..8, 0)?.is_write());
    /// assert!(!Op::read(Buffer::from(vec![0; 8]), 0..8, 0)?.is_write());
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn is_write(&self) -> bool {
        matches!(self, Self::Write { .. } | Self::WriteVectored { .. })
    }
}

impl OpKind {
    /// Every kind, in the order of their declaration.
    pub const ALL: [OpKind; 13] = [
        OpKind::Read,
        OpKind::Write,
        OpKind::ReadVectored,
        OpKind::WriteVectored,
        OpKind::Fsync,
        OpKind::Fdatasync,
        OpKind::Open,
        OpKind::ReadFile,
        OpKind::Metadata,
        OpKind::SetLength,
        OpKind::Close,
        OpKind::Path,
        OpKind::Run,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::ReadVectored => "readv",
            Self::WriteVectored => "writev",
            Self::Fsync => "fsync",
            Self::Fdatasync => "fdatasync",
            Self::Open => "open",
            Self::ReadFile => "read whole",
            Self::Metadata => "fstat",
            Self::SetLength => "ftruncate",
            Self::Close => "close",
            Self::Path => "path",
            Self::Run => "run",
        }
    }
}

impl fmt::Display for OpKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
