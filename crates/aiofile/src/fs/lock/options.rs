//! Which lock is wanted, and for how long to wait for it.
//!
//! Waiting is trying again. A thread that waits in the system for each lock would take the pool
//! from all else, and could not be told that the wait is over: it might get the lock when nobody
//! wants it any more.

use std::io;
use std::ops::{Bound, RangeBounds};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use caio::{Context, Error, ErrorKind, delay};
use rustix::io::Errno;

use super::super::extent::Extent;
use super::super::hop::{own, shown};
use super::{Attempt, FileLock, attempt};
use crate::runtime::{chosen_context, hold_paused_clock};

/// The first pause between two tries, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// Which lock, on which bytes, and for how long to wait. Without further words: an exclusive one on
/// the whole file, without end.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("table");
/// use aiofile::fs::LockOptions;
/// use std::{fs::File, io::ErrorKind, time::Duration};
///
/// let (first, second) = (File::create(&path)?, File::create(&path)?);
/// let _page = LockOptions::new().range(0..4096).lock(&first).await?;
/// let _next = LockOptions::new().range(4096..8192).lock(&second).await?;
///
/// let mut patient = LockOptions::new();
/// patient.range(..100).timeout(Duration::from_millis(5));
/// let error = patient.lock(&second).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::TimedOut);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct LockOptions {
    shared: bool,
    range: (Bound<u64>, Bound<u64>),
    timeout: Option<Duration>,
    context: Option<Context>,
}

impl LockOptions {
    /// An exclusive lock on the whole file, waited for without end.
    #[must_use]
    pub fn new() -> Self {
        let range = (Bound::Unbounded, Bound::Unbounded);
        Self { shared: false, range, timeout: None, context: None }
    }

    /// Whether others may have it, too, that want a shared one.
    pub fn shared(&mut self, shared: bool) -> &mut Self {
        self.shared = shared;
        self
    }

    /// The bytes to lock. They need not be there: a file may grow into them.
    pub fn range(&mut self, range: impl RangeBounds<u64>) -> &mut Self {
        self.range = (range.start_bound().cloned(), range.end_bound().cloned());
        self
    }

    /// How long to wait, by the system's clock. Where a runtime's clock is paused, it stays so.
    pub fn timeout(&mut self, timeout: Duration) -> &mut Self {
        self.timeout = Some(timeout);
        self
    }

    /// On which context; else on the default one of the task.
    pub fn context(&mut self, context: &Context) -> &mut Self {
        self.context = Some(context.clone());
        self
    }

    /// Locks, and waits until that can be had. As for [`lock()`](super::lock()).
    ///
    /// # Errors
    /// [`TimedOut`](io::ErrorKind::TimedOut) after the timeout;
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for an empty range or one that no file has;
    /// EBADF for a file that is not open for writing (a shared lock: for reading).
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing locked.
    pub async fn lock(&self, file: &(impl AsFd + Sync)) -> io::Result<FileLock> {
        let path = shown(file.as_fd());
        let describe = |error: Error| error.doing("lock").on(&path);
        let begun = Instant::now();
        let mut pause = PAUSE_MIN;
        let mut next = self.first_attempt(file).await?;
        let mut clock = None;
        loop {
            let own = match next {
                Attempt::Held(lock) => return Ok(lock),
                Attempt::Refused(own) => own,
            };
            let left = self.timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()));
            if left == Some(Duration::ZERO) {
                let error = describe(Error::system(Errno::TIMEDOUT.into()));
                return Err(error.hint("another open file still has the lock").into());
            }
            clock = clock.or_else(hold_paused_clock);
            delay(pause.min(left.unwrap_or(pause)))
                .await
                .map_err(|error| describe(Error::system(error)))?;
            pause = (pause * 2).min(PAUSE_MAX);
            let context = chosen_context(self.context.as_ref()).await?;
            next = attempt(&context, own, self.extent()?, self.shared).await?;
        }
    }

    /// Locks, if that can be had now; else `None`. One hop.
    ///
    /// # Errors
    /// As for [`lock`](Self::lock), but for the timeout.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing locked.
    pub async fn try_lock(&self, file: &(impl AsFd + Sync)) -> io::Result<Option<FileLock>> {
        match self.first_attempt(file).await? {
            Attempt::Held(lock) => Ok(Some(lock)),
            Attempt::Refused(_) => Ok(None),
        }
    }

    async fn first_attempt(&self, file: &(impl AsFd + Sync)) -> io::Result<Attempt> {
        let path = shown(file.as_fd());
        let describe = |error: Error| error.doing("lock").on(&path);
        let extent = self.extent().map_err(describe)?;
        let own = own(file).map_err(|error| describe(Error::system(error)))?;
        let context = chosen_context(self.context.as_ref()).await?;
        Ok(attempt(&context, own, extent, self.shared).await?)
    }

    fn extent(&self) -> Result<Extent, Error> {
        match Extent::new(self.range.0, self.range.1)? {
            Extent { length: Some(0), .. } => {
                Err(Error::new(ErrorKind::InvalidInput, "an empty range cannot be locked"))
            }
            extent => Ok(extent),
        }
    }
}

impl Default for LockOptions {
    fn default() -> Self {
        Self::new()
    }
}
