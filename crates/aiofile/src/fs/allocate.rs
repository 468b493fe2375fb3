//! Room of a file: taken before it is written, and given back.

use std::io;
use std::ops::Bound::{Excluded, Included};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};

use caio::Error;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::retry_on_intr;

use super::Fs;
use super::extent::Extent;
use super::hop::shown;

/// Takes room on the disk for these bytes of an open file, so that writing them cannot fail for the
/// want of it. The file becomes so long, filled with zeros; what is there already stays. One hop.
///
/// # Errors
/// [`StorageFull`](io::ErrorKind::StorageFull) where there is no room;
/// [`Unsupported`](io::ErrorKind::Unsupported) where the file system cannot promise any; EBADF for
/// a file that is not open for writing; EFBIG for one that would be too long;
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a range that no file has.
///
/// # Cancel safety
/// A future that is dropped may have taken the room.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// aiofile::fs::allocate(&file, 0..1 << 20).await?;
/// assert_eq!(file.metadata()?.len(), 1 << 20);
/// # Ok(()) }
/// ```
#[doc(alias = "fallocate")]
#[doc(alias = "posix_fallocate")]
pub async fn allocate(file: &(impl AsFd + Sync), range: Range<u64>) -> io::Result<()> {
    Fs::current().await?.allocate(file, range).await
}

/// Gives the room of these bytes of an open file back: they are zeros from then on, and the file
/// stays as long as it is. One hop.
///
/// # Errors
/// As for [`allocate`], but for the want of room.
///
/// # Cancel safety
/// A future that is dropped may have done it.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # use std::{io::Write, os::unix::fs::FileExt};
/// # let mut file = tempfile::tempfile()?;
/// file.write_all(&[7; 8192])?;
/// aiofile::fs::punch_hole(&file, 0..4096).await?;
/// let mut around = [1; 2];
/// file.read_exact_at(&mut around, 4095)?;
/// assert_eq!(around, [0, 7]);
/// # Ok(()) }
/// ```
#[doc(alias = "fallocate")]
pub async fn punch_hole(file: &(impl AsFd + Sync), range: Range<u64>) -> io::Result<()> {
    Fs::current().await?.punch_hole(file, range).await
}

/// Makes zeros of these bytes of an open file, with room for them on the disk and mostly without
/// writing. The file becomes as long as the range demands. One hop.
///
/// # Errors
/// As for [`allocate`].
///
/// # Cancel safety
/// A future that is dropped may have done it.
#[doc(alias = "fallocate")]
pub async fn zero_range(file: &(impl AsFd + Sync), range: Range<u64>) -> io::Result<()> {
    Fs::current().await?.zero_range(file, range).await
}

impl Fs {
    /// As [`fs::allocate`](allocate()).
    pub async fn allocate(&self, file: &(impl AsFd + Sync), range: Range<u64>) -> io::Result<()> {
        self.fallocate("allocate", file, range, FallocateFlags::empty()).await
    }

    /// As [`fs::punch_hole`](punch_hole()).
    pub async fn punch_hole(&self, file: &(impl AsFd + Sync), range: Range<u64>) -> io::Result<()> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        self.fallocate("punch_hole", file, range, flags).await
    }

    /// As [`fs::zero_range`](zero_range()).
    pub async fn zero_range(&self, file: &(impl AsFd + Sync), range: Range<u64>) -> io::Result<()> {
        self.fallocate("zero_range", file, range, FallocateFlags::ZERO_RANGE).await
    }

    /// Each of these. An empty range is done at once.
    async fn fallocate(
        &self,
        name: &'static str,
        file: &(impl AsFd + Sync),
        range: Range<u64>,
        flags: FallocateFlags,
    ) -> io::Result<()> {
        let path = shown(file.as_fd());
        let describe = |error: Error| error.doing(name).on(&path);
        let extent = Extent::new(Included(range.start), Excluded(range.end)).map_err(describe)?;
        let Extent { start, length: Some(length @ 1..) } = extent else { return Ok(()) };
        let call = move |file: BorrowedFd<'_>| {
            Ok(retry_on_intr(|| fallocate(file, flags, start, length))?)
        };
        self.call_on_file(name, file, call).await.map_err(|error| match error.kind() {
            io::ErrorKind::Unsupported => {
                Error::system(error).hint("this file system cannot do that").into()
            }
            _ => error,
        })
    }
}
