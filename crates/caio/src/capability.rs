//! What a backend can do: a plain struct, probed when the backend opens and never guessed from
//! the kernel's version.

use crate::file::FileClass;
use crate::op::OpKind;

/// What a backend can do on this machine.
///
/// ```
/// use caio::backend::pool::ThreadPool;
/// use caio::{Backend, Config, FileClass, OpKind};
///
/// let pool = ThreadPool::open(&Config::from_toml("max_requests = 8", "built in".as_ref())?)?;
/// let capability = pool.capability();
/// assert_eq!(capability.requests_max, 8);
/// assert!(capability.operations.contains(OpKind::Fsync));
/// assert!(capability.classes.contains(FileClass::Stream));
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// The operations it takes.
    pub operations: OpSet,
    /// The classes of file it serves without blocking its caller.
    pub classes: ClassSet,
    /// The most requests it holds at once.
    pub requests_max: usize,
    /// Whether a buffered write does not block the caller, but is slower than by a thread on a file
    /// system without non-blocking buffered writes (ext4), so that the context may prefer its pool.
    pub writes_buffered_slowly: bool,
    /// Whether it serves only files opened with `O_DIRECT` without blocking its caller.
    pub direct_only: bool,
    /// Whether a file on a remote file system, where any call may wait for a server, would hold up
    /// others.
    pub local_only: bool,
    /// Whether it completes requests on threads of its own, or while they are queued or committed,
    /// so that nothing has to be waited for with
    /// [`Backend::descriptor`](crate::Backend::descriptor) and
    /// [`Backend::reap`](crate::Backend::reap).
    pub completes_by_itself: bool,
    /// Whether its files are its own, so that no call of the system with one of their paths leads
    /// to them, and what a closure does it does elsewhere: then all is done by operations.
    pub own_files: bool,
    /// Whether its writes are atomic where [`SharedFile::rw_flags`](crate::SharedFile::rw_flags)
    /// says so; else the context's pool does these.
    pub atomic_writes: bool,
    /// Facts worth a line in a report: kernel features in use, limits met.
    pub features: Vec<String>,
}

impl Capability {
    /// Everything on every class of file, `requests_max` at once; an operation that has begun goes
    /// on to its end. What a backend has found to be otherwise it says in the fields.
    ///
    /// ```
    /// use caio::{Capability, OpKind, OpSet};
    ///
    /// let reads = OpSet::default().with(OpKind::Read);
    /// let capability = Capability { operations: reads, ..Capability::all(64) };
    /// assert!(!capability.operations.contains(OpKind::Write));
    /// assert_eq!(capability.requests_max, 64);
    /// ```
    #[must_use]
    pub fn all(requests_max: usize) -> Self {
        Self {
            operations: OpSet::all(),
            classes: ClassSet::all(),
            requests_max,
            writes_buffered_slowly: false,
            direct_only: false,
            local_only: false,
            completes_by_itself: true,
            own_files: false,
            atomic_writes: false,
            features: Vec::new(),
        }
    }
}

/// A set of operations.
///
/// ```
/// use caio::{OpKind, OpSet};
///
/// let reading = OpSet::default().with(OpKind::Read).with(OpKind::ReadVectored);
/// assert!(reading.contains(OpKind::Read) && !reading.contains(OpKind::Write));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpSet(u32);

impl OpSet {
    /// Every operation there is.
    ///
    /// ```
    /// use caio::{OpKind, OpSet};
    ///
    /// assert!(OpKind::ALL.into_iter().all(|kind| OpSet::all().contains(kind)));
    /// ```
    #[must_use]
    pub fn all() -> Self {
        OpKind::ALL.into_iter().fold(Self::default(), Self::with)
    }

    /// This set and `kind`.
    ///
    /// ```
    /// use caio::{OpKind, OpSet};
    ///
    /// let kinds = [OpKind::Fsync, OpKind::Fdatasync];
    /// let syncs = kinds.into_iter().fold(OpSet::default(), OpSet::with);
    /// assert!(kinds.into_iter().all(|kind| syncs.contains(kind)));
    /// ```
    #[must_use]
    pub fn with(self, kind: OpKind) -> Self {
        Self(self.0 | 1 << kind as u32)
    }

    /// Whether `kind` is in the set.
    ///
    /// ```
    /// use caio::{OpKind, OpSet};
    ///
    /// let writing = OpSet::default().with(OpKind::Write);
    /// assert!(writing.contains(OpKind::Write) && !writing.contains(OpKind::Read));
    /// ```
    #[must_use]
    pub fn contains(self, kind: OpKind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// The operations in the set.
    ///
    /// ```
    /// use caio::{OpKind, OpSet};
    ///
    /// let set = OpSet::default().with(OpKind::Write).with(OpKind::Read);
    /// assert_eq!(set.iter().collect::<Vec<_>>(), [OpKind::Read, OpKind::Write]);
    /// ```
    pub fn iter(self) -> impl Iterator<Item = OpKind> {
        OpKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

/// A set of file classes.
///
/// ```
/// use caio::{ClassSet, FileClass};
///
/// let disks = ClassSet::default().with(FileClass::Regular).with(FileClass::Block);
/// assert!(disks.contains(FileClass::Block) && !disks.contains(FileClass::Stream));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassSet(u32);

impl ClassSet {
    /// Every class there is.
    ///
    /// ```
    /// use caio::{ClassSet, FileClass};
    ///
    /// assert!(FileClass::ALL.into_iter().all(|class| ClassSet::all().contains(class)));
    /// ```
    #[must_use]
    pub fn all() -> Self {
        FileClass::ALL.into_iter().fold(Self::default(), Self::with)
    }

    /// This set and `class`.
    ///
    /// ```
    /// use caio::{ClassSet, FileClass};
    ///
    /// let classes = ClassSet::default().with(FileClass::Regular).with(FileClass::Regular);
    /// assert_eq!(classes.iter().count(), 1);
    /// ```
    #[must_use]
    pub fn with(self, class: FileClass) -> Self {
        Self(self.0 | 1 << class as u32)
    }

    /// Whether `class` is in the set.
    ///
    /// ```
    /// use caio::{ClassSet, FileClass};
    ///
    /// let classes = ClassSet::default().with(FileClass::Regular);
    /// assert!(classes.contains(FileClass::Regular) && !classes.contains(FileClass::Pseudo));
    /// ```
    #[must_use]
    pub fn contains(self, class: FileClass) -> bool {
        self.0 & (1 << class as u32) != 0
    }

    /// The classes in the set.
    ///
    /// ```
    /// use caio::{ClassSet, FileClass};
    ///
    /// let set = ClassSet::default().with(FileClass::Block).with(FileClass::Regular);
    /// assert_eq!(set.iter().collect::<Vec<_>>(), [FileClass::Regular, FileClass::Block]);
    /// ```
    pub fn iter(self) -> impl Iterator<Item = FileClass> {
        FileClass::ALL.into_iter().filter(move |class| self.contains(*class))
    }
}
