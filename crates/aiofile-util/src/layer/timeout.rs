//! How long callers wait.

use std::time::Duration;

use caio::{Layer, OpInfo, OpKind, Stage};

/// Ends the wait for operations that take too long: the caller gets
/// [`ErrorKind::TimedOut`](aiofile::ErrorKind::TimedOut), of [`std::io::ErrorKind::TimedOut`]. The
/// time covers all of an operation: the wait in other layers, all attempts, and pauses.
///
/// The operation itself ends when it ends, as if its future had been dropped: what has begun may
/// still take effect, its buffer is lost, and other layers are told of its real end.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use std::sync::Arc;
/// use std::time::Duration;
/// use aiofile_util::layer::Timeout;
///
/// let timeout = Timeout::new().reads(Duration::from_millis(20));
/// let context = aiofile::context().layer(Arc::new(timeout)).build()?;
/// let (silent, _writer) = std::io::pipe()?;
/// let silent = std::fs::File::from(std::os::fd::OwnedFd::from(silent));
/// let silent = aiofile::SharedFile::new(silent, "pipe")?;
/// let (read, _) = context.read(&silent, Vec::with_capacity(1).into(), 0..1, 0).await;
/// assert_eq!(read.unwrap_err().kind(), aiofile::ErrorKind::TimedOut);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Timeout {
    reads: Option<Duration>,
    writes: Option<Duration>,
    syncs: Option<Duration>,
    others: Option<Duration>,
}

impl Timeout {
    /// Without any deadline.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For each read and each whole file.
    #[must_use]
    pub fn reads(mut self, deadline: Duration) -> Self {
        self.reads = Some(deadline);
        self
    }

    /// For each write.
    #[must_use]
    pub fn writes(mut self, deadline: Duration) -> Self {
        self.writes = Some(deadline);
        self
    }

    /// For each sync. One that has timed out goes on, and says nothing about the data.
    #[must_use]
    pub fn syncs(mut self, deadline: Duration) -> Self {
        self.syncs = Some(deadline);
        self
    }

    /// For opens, metadata, lengths, and what is done in closures: listing, renaming, copying.
    /// Closes are left alone.
    #[must_use]
    pub fn others(mut self, deadline: Duration) -> Self {
        self.others = Some(deadline);
        self
    }
}

impl Layer for Timeout {
    fn stage(&self) -> Stage {
        Stage::Deadline
    }

    fn deadline(&self, op: &OpInfo) -> Option<Duration> {
        match op.kind() {
            OpKind::Read | OpKind::ReadVectored | OpKind::ReadFile => self.reads,
            OpKind::Write | OpKind::WriteVectored => self.writes,
            OpKind::Fsync | OpKind::Fdatasync => self.syncs,
            OpKind::Close => None,
            _ => self.others,
        }
    }
}
