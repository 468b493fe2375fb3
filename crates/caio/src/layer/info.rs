//! What a layer is told of an operation.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Clock;
use super::priority::Priority;
use crate::error::Error;
use crate::file::{FileClass, SharedFile};
use crate::op::{Op, OpKind};

/// An operation, as layers see it. All of its attempts have the same.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// # let file = doc::file_with(b"some text")?;
/// use std::sync::{Arc, Mutex};
/// use caio::{Buffer, Context, Ending, Layer, OpInfo};
///
/// #[derive(Debug, Default)]
/// struct Log(Mutex<Vec<String>>);
///
/// impl Layer for Log {
///     fn finished(&self, op: &OpInfo, ending: &Ending<'_>) {
///         let line = format!("{} at {:?}: {:?}", op.kind(), op.offset(), ending.result);
///         self.0.lock().unwrap().push(line);
///     }
/// }
///
/// let log = Arc::new(Log::default());
/// let context = Context::builder().layer(log.clone()).build()?;
/// let buffer = Buffer::from(Vec::with_capacity(4));
/// context.read(&file, buffer, 0..4, 5).await.0?;
/// assert_eq!(*log.0.lock().unwrap(), ["read at Some(5): Ok(4)"]);
/// # Ok(())
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct OpInfo {
    id: u64,
    kind: OpKind,
    name: &'static str,
    bytes: usize,
    offset: Option<u64>,
    class: Option<FileClass>,
    path: Option<Arc<Path>>,
    priority: Priority,
    repeatable: bool,
    clock: Arc<dyn Clock>,
}

impl OpInfo {
    pub(super) fn new(file: Option<&SharedFile>, op: &Op, clock: Arc<dyn Clock>) -> Self {
        let is_seekable = file.is_some_and(SharedFile::is_seekable);
        let name = match op {
            Op::Path { call } => call.name(),
            Op::Run { job } => job.name(),
            op => op.kind().name(),
        };
        Self {
            name,
            bytes: op.length(),
            offset: op.offset().filter(|_| is_seekable),
            path: file.map(SharedFile::shared_path).or_else(|| op.path().map(Arc::from)),
            repeatable: changes_nothing(op, is_seekable),
            ..Self::bare(file.map(SharedFile::class), op.kind(), clock)
        }
    }

    /// Of a kind that moves no bytes and is never repeated.
    pub(super) fn without_op(
        file: Option<&SharedFile>,
        kind: OpKind,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let class = file.map(SharedFile::class);
        Self { path: file.map(SharedFile::shared_path), ..Self::bare(class, kind, clock) }
    }

    fn bare(class: Option<FileClass>, kind: OpKind, clock: Arc<dyn Clock>) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self {
            id: LAST.fetch_add(1, Ordering::Relaxed) + 1,
            kind,
            name: kind.name(),
            bytes: 0,
            offset: None,
            class,
            path: None,
            priority: Priority::current(),
            repeatable: false,
            clock,
        }
    }

    /// A number that no other operation of the process has.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What it does.
    #[must_use]
    pub fn kind(&self) -> OpKind {
        self.kind
    }

    /// The name of what it does: that of its kind; of a [`PathCall`](crate::PathCall) its own; of a
    /// closure, what [`Context::run`](crate::Context::run) was given.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The bytes that it is to move at most; 0 for what moves none.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The byte offset of a transfer on a file that can seek.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.offset
    }

    /// The class of its file; `None` where it has no open file.
    #[must_use]
    pub fn class(&self) -> Option<FileClass> {
        self.class
    }

    /// The path of its file, as far as it is known (`/dev/fd/N` for a bare descriptor); of a
    /// closure that of [`run_on`](crate::Context::run_on).
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// How urgent it is, see [`with_priority`](crate::with_priority).
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// Whether it can be made again after it failed, since it changes nothing: a read at an offset,
    /// a whole file of a path, what fstat(2) says, the names in a directory, an open that neither
    /// creates nor cuts. Never a
    /// write, an append, a sync, a closure or a read of a stream: it may have happened.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    /// The clock that it goes by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The error with what is known of the operation.
    pub(crate) fn describe(&self, error: Error) -> Error {
        let error = error.during(self.kind);
        let error = match self.offset {
            Some(offset) => error.at(offset),
            None => error,
        };
        match &self.path {
            Some(path) => error.on(path),
            None => error,
        }
    }
}

fn changes_nothing(op: &Op, is_seekable: bool) -> bool {
    match op {
        Op::Read { .. } | Op::ReadVectored { .. } => is_seekable,
        Op::ReadFile { .. } | Op::Metadata => true,
        Op::Path { call } => call.changes_nothing(),
        Op::Open { flags, .. } => flags & (libc::O_CREAT | libc::O_EXCL | libc::O_TRUNC) == 0,
        Op::Write { .. }
        | Op::WriteVectored { .. }
        | Op::Fsync
        | Op::Fdatasync
        | Op::SetLength { .. }
        | Op::Close { .. }
        | Op::Run { .. } => false,
    }
}
