//! When a file was read and written last.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT};

use super::Fs;

/// Sets the times of what is at a path; of a symbolic link, of what it leads to. utimensat(2). The
/// file is not opened.
///
/// # Costs
/// One hop.
///
/// # Errors
/// What the system answers: EPERM where the file is another's.
///
/// # Cancel safety
/// Dropping the future before a thread has begun leaves all as it was; later, the times are set.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("old");
/// # std::fs::write(&path, "text")?;
/// use aiofile::fs::{self, FileTimes};
/// use std::time::{Duration, SystemTime};
///
/// let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
/// fs::set_times(&path, FileTimes::new().set_modified(then)).await?;
/// assert_eq!(fs::metadata(&path).await?.modified()?, then);
/// # Ok(()) }
/// ```
#[doc(alias("utime"))]
pub async fn set_times(path: impl AsRef<Path>, times: FileTimes) -> io::Result<()> {
    Fs::current().await?.set_times(path, times).await
}

/// Sets the time of the last modification alone. See [`set_times`].
///
/// # Costs
/// One hop.
///
/// # Errors
/// As for [`set_times`].
///
/// # Cancel safety
/// As for [`set_times`].
pub async fn set_modified(path: impl AsRef<Path>, time: SystemTime) -> io::Result<()> {
    Fs::current().await?.set_modified(path, time).await
}

/// The times to set, as tokio's type of that name; those that are not set stay as they are.
#[derive(Debug, Clone, Default)]
#[must_use = "times are nothing until they are given to a file"]
pub struct FileTimes {
    accessed: Option<SystemTime>,
    modified: Option<SystemTime>,
}

impl FileTimes {
    /// Neither.
    pub fn new() -> Self {
        Self::default()
    }

    /// The time of the last access.
    pub fn set_accessed(mut self, time: SystemTime) -> Self {
        self.accessed = Some(time);
        self
    }

    /// The time of the last modification.
    pub fn set_modified(mut self, time: SystemTime) -> Self {
        self.modified = Some(time);
        self
    }
}

impl From<FileTimes> for std::fs::FileTimes {
    fn from(times: FileTimes) -> Self {
        let mut converted = Self::new();
        if let Some(accessed) = times.accessed {
            converted = converted.set_accessed(accessed);
        }
        if let Some(modified) = times.modified {
            converted = converted.set_modified(modified);
        }
        converted
    }
}

impl Fs {
    /// As [`fs::set_times`](set_times()).
    pub async fn set_times(&self, path: impl AsRef<Path>, times: FileTimes) -> io::Result<()> {
        let set = move |path: &Path| {
            let times = Timestamps {
                last_access: timespec(times.accessed)?,
                last_modification: timespec(times.modified)?,
            };
            Ok(rustix::fs::utimensat(CWD, path, &times, AtFlags::empty())?)
        };
        self.call("set_times", path.as_ref(), set).await
    }

    /// As [`fs::set_modified`](set_modified()).
    pub async fn set_modified(&self, path: impl AsRef<Path>, time: SystemTime) -> io::Result<()> {
        self.set_times(path, FileTimes::new().set_modified(time)).await
    }
}

/// A time in the system's form, which counts nanoseconds upwards before 1970, too.
fn timespec(time: Option<SystemTime>) -> io::Result<Timespec> {
    let Some(time) = time else { return Ok(Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }) };
    let (seconds, nanoseconds) = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).ok(), after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let seconds = i64::try_from(before.as_secs()).ok();
            match before.subsec_nanos() {
                0 => (seconds.map(|seconds| -seconds), 0),
                nanoseconds => (seconds.map(|seconds| -seconds - 1), 1_000_000_000 - nanoseconds),
            }
        }
    };
    let beyond = || io::Error::new(io::ErrorKind::InvalidInput, "the time is too far away");
    Ok(Timespec { tv_sec: seconds.ok_or_else(beyond)?, tv_nsec: nanoseconds.into() })
}
