//! What a backend can do: a plain struct, probed when the backend opens and never guessed from
//! the kernel's version.

use crate::file::FileClass;
use crate::op::OpKind;

/// What a backend can do on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// The operations it takes.
    pub operations: OpSet,
    /// The classes of file it serves without blocking its caller.
    pub classes: ClassSet,
    /// The most requests it holds at once.
    pub requests_max: usize,
    /// Whether it can end an operation that the kernel has begun.
    pub cancels_running: bool,
    /// Whether a buffered write blocks nobody but is slower than a thread on a file system
    /// without non-blocking buffered writes (ext4), so that the context may prefer its pool.
    pub writes_buffered_slowly: bool,
    /// Facts worth a line in a report: kernel features in use, limits met.
    pub features: Vec<String>,
}

/// A set of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpSet(u32);

impl OpSet {
    /// Every operation there is.
    #[must_use]
    pub fn all() -> Self {
        OpKind::ALL.into_iter().fold(Self::default(), Self::with)
    }

    /// This set and `kind`.
    #[must_use]
    pub fn with(self, kind: OpKind) -> Self {
        Self(self.0 | 1 << kind as u32)
    }

    /// Whether `kind` is in the set.
    #[must_use]
    pub fn contains(self, kind: OpKind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// The operations in the set.
    pub fn iter(self) -> impl Iterator<Item = OpKind> {
        OpKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

/// A set of file classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassSet(u32);

impl ClassSet {
    /// Every class there is.
    #[must_use]
    pub fn all() -> Self {
        FileClass::ALL.into_iter().fold(Self::default(), Self::with)
    }

    /// This set and `class`.
    #[must_use]
    pub fn with(self, class: FileClass) -> Self {
        Self(self.0 | 1 << class as u32)
    }

    /// Whether `class` is in the set.
    #[must_use]
    pub fn contains(self, class: FileClass) -> bool {
        self.0 & (1 << class as u32) != 0
    }

    /// The classes in the set.
    pub fn iter(self) -> impl Iterator<Item = FileClass> {
        FileClass::ALL.into_iter().filter(move |class| self.contains(*class))
    }
}
