//! Locks on files, or on ranges of them, between open files of any processes.

mod options;

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use caio::{Context, Error, Process, RangeLock, set_range_lock};
use rustix::io::Errno;

use super::Fs;
use super::extent::Extent;
use super::hop::shown;
pub use options::LockOptions;

/// Locks a file for this open file alone, and waits until that can be had. For shared locks, ranges
/// and timeouts see [`LockOptions`].
///
/// It is an open file description lock of Linux (`F_OFD_SETLK`): it is held by the open file. Two
/// `File`s that were opened apart exclude each other, also within one process; clones of one `File`
/// do not, and dropping one of two locks on the same bytes of them frees these bytes. It is
/// advisory, and conflicts with the POSIX locks of fcntl(2), but not with those of flock(2), which
/// [`std::fs::File::lock`] takes.
///
/// # Costs
/// One hop; while it waits, one for each try, after 1 ms, 2 ms and so on up to 50 ms. No
/// thread waits for it.
///
/// # Errors
/// EBADF for a file that is not open for writing; else what the system answers.
///
/// # Cancel safety
/// Dropping the future leaves nothing locked.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("state");
/// use aiofile::fs;
/// use std::fs::File;
///
/// let mine = File::create(&path)?;
/// let lock = fs::lock(&mine).await?;
///
/// let other = File::create(&path)?;
/// assert!(fs::try_lock(&other).await?.is_none());
/// drop(lock);
/// assert!(fs::try_lock(&other).await?.is_some());
/// # Ok(()) }
/// ```
#[doc(alias = "flock")]
#[doc(alias = "lockf")]
pub async fn lock(file: &(impl AsFd + Sync)) -> io::Result<FileLock> {
    Fs::current().await?.lock(file).await
}

/// Locks a file against those that [`lock()`] it, and not against others that lock it so. Needs a
/// file that is open for reading.
///
/// # Errors
/// EBADF for a file that is not open for reading; else what the system answers.
///
/// # Cancel safety
/// As for [`lock()`].
pub async fn lock_shared(file: &(impl AsFd + Sync)) -> io::Result<FileLock> {
    Fs::current().await?.lock_shared(file).await
}

/// [`lock()`], if that can be had now; else `None`. One hop.
///
/// # Errors
/// As for [`lock()`].
///
/// # Cancel safety
/// As for [`lock()`].
pub async fn try_lock(file: &(impl AsFd + Sync)) -> io::Result<Option<FileLock>> {
    Fs::current().await?.try_lock(file).await
}

/// [`lock_shared`], if that can be had now; else `None`. One hop.
///
/// # Errors
/// As for [`lock_shared`].
///
/// # Cancel safety
/// As for [`lock()`].
pub async fn try_lock_shared(file: &(impl AsFd + Sync)) -> io::Result<Option<FileLock>> {
    Fs::current().await?.try_lock_shared(file).await
}

impl Fs {
    /// As [`fs::lock`](lock()).
    pub async fn lock(&self, file: &(impl AsFd + Sync)) -> io::Result<FileLock> {
        LockOptions::new().context(self.context()).lock(file).await
    }

    /// As [`fs::lock_shared`](lock_shared()).
    pub async fn lock_shared(&self, file: &(impl AsFd + Sync)) -> io::Result<FileLock> {
        LockOptions::new().shared(true).context(self.context()).lock(file).await
    }

    /// As [`fs::try_lock`](try_lock()).
    pub async fn try_lock(&self, file: &(impl AsFd + Sync)) -> io::Result<Option<FileLock>> {
        LockOptions::new().context(self.context()).try_lock(file).await
    }

    /// As [`fs::try_lock_shared`](try_lock_shared()).
    pub async fn try_lock_shared(&self, file: &(impl AsFd + Sync)) -> io::Result<Option<FileLock>> {
        LockOptions::new().shared(true).context(self.context()).try_lock(file).await
    }
}

/// A lock that is held. Dropping it unlocks, on the calling thread; on a file system in the network
/// [`unlock`](Self::unlock) is better. The file stays open and locked as long as this lives, even
/// where the program has closed it.
#[derive(Debug)]
#[must_use = "dropping it unlocks the file"]
pub struct FileLock {
    /// A descriptor of the same open file; `None` when it is unlocked.
    file: Option<OwnedFd>,
    extent: Extent,
    owner: Process,
    /// The one that took it.
    context: Option<Context>,
}

impl FileLock {
    /// Unlocks, in one hop.
    ///
    /// # Errors
    /// What the system answers. The lock is given up all the same.
    ///
    /// # Cancel safety
    /// Dropping the future unlocks.
    pub async fn unlock(mut self) -> io::Result<()> {
        let (Some(context), Some(file)) = (self.context.take(), &self.file) else {
            return self.release();
        };
        let path = shown(file.as_fd());
        Ok(context.run_on("unlock", &path, move || Ok(self.release()?)).await?)
    }

    fn release(&mut self) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        // A forked child shares the open file, and the lock is its parent's.
        if !self.owner.is_current() {
            return Ok(());
        }
        let Extent { start, length } = self.extent;
        set_range_lock(file.as_fd(), RangeLock::Unlocked, start, length).map(drop)
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // There is nobody to tell, and closing the last descriptor unlocks, too.
        let _ = self.release();
    }
}

/// What comes of a try.
enum Attempt {
    Held(FileLock),
    /// Somebody else has it; the descriptor is for the next try.
    Refused(OwnedFd),
}

/// Tries once, in a hop. A lock whose future is gone meanwhile is dropped where it was taken.
async fn attempt(
    context: &Context,
    file: OwnedFd,
    extent: Extent,
    shared: bool,
) -> Result<Attempt, Error> {
    let lock = if shared { RangeLock::Shared } else { RangeLock::Exclusive };
    let path = shown(file.as_fd());
    let try_it = move || {
        if !set_range_lock(file.as_fd(), lock, extent.start, extent.length)? {
            return Ok(Attempt::Refused(file));
        }
        let owner = Process::current();
        Ok(Attempt::Held(FileLock { file: Some(file), extent, owner, context: None }))
    };
    let tried = context.run_on("lock", &path, try_it).await.map(|mut tried| {
        if let Attempt::Held(lock) = &mut tried {
            lock.context = Some(context.clone());
        }
        tried
    });
    tried.map_err(|error| {
        let is_not_open = error.raw_os_error() == Some(Errno::BADF.raw_os_error());
        match lock {
            RangeLock::Shared if is_not_open => error.hint("open it for reading, too"),
            _ if is_not_open => error.hint("open it for writing, or take a shared lock"),
            _ => error,
        }
    })
}
