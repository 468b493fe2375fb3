//! What a writer has done.

/// What a [`BatchWriter`](super::BatchWriter) has done since it was opened; made by
/// [`BatchWriter::report`](super::BatchWriter::report) and
/// [`close`](super::BatchWriter::close).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BatchReport {
    /// Records that the kernel has.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Writes that brought them there.
    pub batches: u64,
    /// Syncs that were asked of the system, without those of rotations.
    pub syncs: u64,
    /// Files that were put aside.
    pub rotations: u64,
    /// Files put aside that were compressed.
    pub compressed: u64,
    /// Files put aside that were removed, since there were too many, too large or too old ones.
    pub removed: u64,
    /// Records that were queued and are not in a file, since a write failed.
    pub lost: u64,
}
