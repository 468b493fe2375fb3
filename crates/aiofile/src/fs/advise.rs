//! Telling the system how a file will be read.

use std::io;
use std::num::NonZeroU64;
use std::ops::RangeBounds;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{Advice as System, fadvise};

use super::Fs;
use super::extent::Extent;
use super::hop::shown;

/// How a part of a file will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// Nothing is known.
    Normal,
    /// From front to back: the system reads farther ahead.
    Sequential,
    /// Here and there: the system reads nothing ahead.
    Random,
    /// Once: it need not stay in the cache.
    NoReuse,
    /// Soon: the system begins to read it.
    WillNeed,
    /// Not any more: what is in the cache and is written can go.
    DontNeed,
}

/// Tells the system how these bytes of an open file will be used. One hop, since it may begin to
/// read.
///
/// # Errors
/// ESPIPE for a pipe; [`InvalidInput`](io::ErrorKind::InvalidInput) for a range that no file has.
///
/// # Cancel safety
/// A future that is dropped may have told it.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use aiofile::fs::{Advice, advise};
///
/// let program = std::fs::File::open("/proc/self/exe")?;
/// advise(&program, .., Advice::Sequential).await?;
/// # Ok(()) }
/// ```
#[doc(alias = "posix_fadvise")]
pub async fn advise(
    file: &(impl AsFd + Sync),
    range: impl RangeBounds<u64>,
    advice: Advice,
) -> io::Result<()> {
    Fs::current().await?.advise(file, range, advice).await
}

/// Has the system read these bytes of an open file into its cache, without waiting until they are
/// there. One hop.
///
/// # Errors
/// As for [`advise`].
///
/// # Cancel safety
/// As for [`advise`].
pub async fn readahead(file: &(impl AsFd + Sync), range: impl RangeBounds<u64>) -> io::Result<()> {
    Fs::current().await?.readahead(file, range).await
}

impl Fs {
    /// As [`fs::advise`](advise()).
    pub async fn advise(
        &self,
        file: &(impl AsFd + Sync),
        range: impl RangeBounds<u64>,
        advice: Advice,
    ) -> io::Result<()> {
        let extent = Extent::new(range.start_bound().cloned(), range.end_bound().cloned());
        let Extent { start, length } =
            extent.map_err(|error| error.doing("advise").on(&shown(file.as_fd())))?;
        // A length of 0 would mean all that follows.
        if length == Some(0) {
            return Ok(());
        }
        let advice = match advice {
            Advice::Normal => System::Normal,
            Advice::Sequential => System::Sequential,
            Advice::Random => System::Random,
            Advice::NoReuse => System::NoReuse,
            Advice::WillNeed => System::WillNeed,
            Advice::DontNeed => System::DontNeed,
        };
        let length = length.and_then(NonZeroU64::new);
        let advise = move |file: BorrowedFd<'_>| Ok(fadvise(file, start, length, advice)?);
        self.call_on_file("advise", file, advise).await
    }

    /// As [`fs::readahead`](readahead()).
    pub async fn readahead(
        &self,
        file: &(impl AsFd + Sync),
        range: impl RangeBounds<u64>,
    ) -> io::Result<()> {
        self.advise(file, range, Advice::WillNeed).await
    }
}
