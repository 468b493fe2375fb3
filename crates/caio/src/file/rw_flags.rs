//! The flags of preadv2(2) and pwritev2(2) that a program asks for, for all that it reads and
//! writes through one open file.

use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, OnceLock};

use super::{FileClass, FileSystem, SharedFile};
use crate::error::{Error, ErrorKind, Result};
use crate::op::Op;
use crate::per_process::PerProcess;
use crate::recent::Recent;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sys::nowait::{RWF_ATOMIC, RWF_DONTCACHE};
use crate::sys::statx;

/// Whether the file systems that the process uses have refused `RWF_DONTCACHE`, by their devices.
static REFUSALS: PerProcess<Recent<Arc<AtomicBool>>> = PerProcess::new();

/// What was asked for, of one file.
#[derive(Debug, Clone, Default)]
pub(super) struct RwFlags {
    /// Whether `RWF_DONTCACHE` was refused, if it is asked for.
    dont_cache: OnceLock<Arc<AtomicBool>>,
    /// What `RWF_ATOMIC` demands, if it is asked for.
    atomic: OnceLock<AtomicWriteLimits>,
}

/// Which writes a file takes whole or not at all (`RWF_ATOMIC`), in bytes: powers of two from
/// `unit_min` to `unit_max`, each at a multiple of its own length, with `O_DIRECT`.
///
/// ```
/// use caio::SharedFile;
///
/// let file = SharedFile::new(std::fs::File::open("/proc/version")?, "/proc/version")?;
/// assert_eq!(file.atomic_write_limits(), None);
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtomicWriteLimits {
    /// The shortest such write.
    pub unit_min: usize,
    /// The longest.
    pub unit_max: usize,
    /// So many buffers at most make one; so far 1.
    pub segments_max: usize,
}

impl SharedFile {
    /// Has what is read and written through this file leave the page cache when it was copied, or
    /// is on the device: `RWF_DONTCACHE`, since Linux 6.14. What was cached before stays. Where the
    /// file system or the kernel has no such thing, where the file is opened with `O_DIRECT`, and
    /// where a backend from outside leaves it out, it has no effect; which file systems refuse it
    /// is remembered by their devices.
    ///
    /// Writes are done by no thread of an executor then, since the kernel begins at once to write
    /// out what they wrote.
    pub fn set_dont_cache(&self) {
        if !self.is_direct() && matches!(self.class(), FileClass::Regular | FileClass::Block) {
            let refusal = || REFUSALS.get().get_or_insert(self.inode().device, Arc::default);
            self.inner.rw_flags.dont_cache.get_or_init(refusal);
        }
    }

    /// Has each write to this file be there whole or not at all after a loss of power, or be
    /// refused: `RWF_ATOMIC`, since Linux 6.11. A write that [the limits](AtomicWriteLimits) do not
    /// allow is an error before anything is written.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where the file was not opened with `O_DIRECT` and to be written,
    /// or to append; EOPNOTSUPP where the kernel, the file system or its device has no such writes.
    pub fn set_atomic_writes(&self) -> Result<()> {
        let refuse = |error: Error| Err(error.doing("set up atomic writes").on(self.path()));
        if !self.is_direct() || self.is_append() || !self.is_writable() {
            let message = "atomic writes need O_DIRECT, and a file that is written by offset";
            return refuse(Error::new(ErrorKind::InvalidInput, message));
        }
        let Some(limits) = self.atomic_write_limits() else {
            let error = Error::system(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
            return refuse(error.hint(
                "this file system, or its device, has no atomic writes: XFS has since Linux 6.16, \
                 and ext4 since 6.13 where its device does",
            ));
        };
        let _ = self.inner.rw_flags.atomic.set(limits);
        Ok(())
    }

    /// Which atomic writes this file takes, from statx(2) with `STATX_WRITE_ATOMIC`, on the calling
    /// thread and without asking a server; `None` where there are none.
    #[must_use]
    pub fn atomic_write_limits(&self) -> Option<AtomicWriteLimits> {
        match self.file_system() {
            FileSystem::Remote | FileSystem::Memory => None,
            _ => statx::atomic_write_limits(self.as_fd()),
        }
    }

    /// The flags that a transfer of this file is to have: `RWF_DONTCACHE`, where it was asked for
    /// and was not refused, and of a write `RWF_ATOMIC`. A backend may leave the one out, and the
    /// other where it does not say [`Capability::atomic_writes`](crate::Capability).
    ///
    /// ```
    /// use caio::SharedFile;
    ///
    /// let file = SharedFile::new(std::fs::File::open("/proc/self/exe")?, "exe")?;
    /// assert_eq!(file.rw_flags(false), 0);
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn rw_flags(&self, write: bool) -> i32 {
        let RwFlags { dont_cache, .. } = &self.inner.rw_flags;
        let dont_cache = match dont_cache.get() {
            Some(refused) if !refused.load(Ordering::Relaxed) => RWF_DONTCACHE,
            _ => 0,
        };
        if write && self.writes_atomically() { dont_cache | RWF_ATOMIC } else { dont_cache }
    }

    #[inline]
    pub(crate) fn writes_atomically(&self) -> bool {
        self.inner.rw_flags.atomic.get().is_some()
    }

    /// Notes that the file system has no `RWF_DONTCACHE`.
    pub(crate) fn refuse_dont_cache(&self) {
        let refusal = self.inner.rw_flags.dont_cache.get();
        refusal.iter().for_each(|refused| refused.store(true, Ordering::Relaxed));
    }

    /// Refuses a write that the kernel would refuse because it cannot be atomic.
    pub(crate) fn check_atomic(&self, op: &Op) -> Result<()> {
        let Some(limits) = self.inner.rw_flags.atomic.get().filter(|_| op.is_write()) else {
            return Ok(());
        };
        let (length, offset) = (op.length(), op.offset().unwrap_or_default());
        let buffers = match op {
            Op::WriteVectored { buffers, .. } => buffers.len(),
            _ => 1,
        };
        let AtomicWriteLimits { unit_min, unit_max, segments_max } = *limits;
        let fits = length.is_power_of_two()
            && (unit_min..=unit_max).contains(&length)
            && offset.is_multiple_of(length as u64)
            && buffers <= segments_max;
        if fits || length == 0 {
            return Ok(());
        }
        let error = Error::new(
            ErrorKind::InvalidInput,
            format!(
                "an atomic write to this file is a power of two of {unit_min} to {unit_max} bytes \
                 at a multiple of its length, from at most {segments_max} buffers, not {length} \
                 bytes from {buffers}"
            ),
        );
        Err(error
            .hint("write whole blocks of such a length, or open the file without atomic writes"))
    }
}

/// Whether the kernel, a file system or a filter for system calls has no such call or flag.
pub(crate) fn is_refusal(error: &io::Error) -> bool {
    let refusals = [libc::EOPNOTSUPP, libc::ENOSYS, libc::EINVAL, libc::EPERM];
    error.raw_os_error().is_some_and(|errno| refusals.contains(&errno))
}
