//! Where a file has data, and where holes.

use std::fs::{File, metadata};
use std::io;
use std::ops::Range;
use std::path::Path;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::Fs;
use super::disk_usage::allocated_bytes;

/// The parts of a file that have data; what lies between them are holes, which read as zeros. A
/// file system that keeps no account of holes has one part, the whole file. One hop; 16 bytes of
/// memory for each part.
///
/// # Errors
/// What opening and seeking answer.
///
/// # Cancel safety
/// Dropping the future has no effect.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # use std::os::unix::fs::FileExt;
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("sparse");
/// std::fs::File::create(&path)?.write_at(b"far away", 1 << 30)?;
/// let data = aiofile::fs::data_ranges(&path).await?;
/// assert_eq!(data.last().map(|range| range.end), Some((1 << 30) + 8));
/// # Ok(()) }
/// ```
#[doc(alias = "SEEK_DATA")]
#[doc(alias = "SEEK_HOLE")]
pub async fn data_ranges(path: impl AsRef<Path>) -> io::Result<Vec<Range<u64>>> {
    Fs::current().await?.data_ranges(path).await
}

/// Whether a file takes less room than it is long: it has holes, or is compressed. One hop.
///
/// # Errors
/// What the system answers.
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn is_sparse(path: impl AsRef<Path>) -> io::Result<bool> {
    Fs::current().await?.is_sparse(path).await
}

impl Fs {
    /// As [`fs::data_ranges`](data_ranges()).
    pub async fn data_ranges(&self, path: impl AsRef<Path>) -> io::Result<Vec<Range<u64>>> {
        self.call("data_ranges", path.as_ref(), find_data).await
    }

    /// As [`fs::is_sparse`](is_sparse()).
    pub async fn is_sparse(&self, path: impl AsRef<Path>) -> io::Result<bool> {
        let look = |path: &Path| {
            let metadata = metadata(path)?;
            Ok(metadata.is_file() && allocated_bytes(&metadata) < metadata.len())
        };
        self.call("is_sparse", path.as_ref(), look).await
    }
}

fn find_data(path: &Path) -> io::Result<Vec<Range<u64>>> {
    // Seeking moves a cursor, so it is done in an open file that nobody else has.
    let file = File::open(path)?;
    let mut ranges = Vec::new();
    let mut from = 0;
    loop {
        let start = match seek(&file, SeekFrom::Data(from)) {
            Ok(start) => start,
            // There is no data behind this.
            Err(Errno::NXIO) => return Ok(ranges),
            Err(errno) => return Err(errno.into()),
        };
        from = match seek(&file, SeekFrom::Hole(start)) {
            Ok(end) => end,
            // It was cut meanwhile.
            Err(Errno::NXIO) => return Ok(ranges),
            Err(errno) => return Err(errno.into()),
        };
        ranges.push(start..from);
    }
}
