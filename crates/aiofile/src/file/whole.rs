//! What concerns the file as a whole and moves no cursor.

use std::fs::{FileTimes, Metadata, Permissions};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::File;

impl File {
    /// fsync(2), after the write that is under way: everything written through this file and its
    /// clones so far reaches the device, with the metadata. See
    /// [`AioFile::fsync`](crate::AioFile::fsync). One hop.
    ///
    /// # Errors
    /// What the system answers, now or at the first failure, and the error of an earlier write that
    /// was not told yet.
    ///
    /// # Cancel safety
    /// Dropping the future says nothing about whether the data reached the device.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// let mut file = aiofile::File::create(&path).await?;
    /// file.write_owned("safe").await?;
    /// let before = file.file().context().metrics();
    /// file.sync_all().await?;
    /// assert!(file.file().context().metrics().submitted > before.submitted);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "fsync")]
    pub async fn sync_all(&self) -> io::Result<()> {
        self.settled().await?;
        self.file.fsync().await
    }

    /// fdatasync(2): as [`sync_all`](Self::sync_all), without metadata that reading does not need.
    ///
    /// # Errors
    /// As for [`sync_all`](Self::sync_all).
    ///
    /// # Cancel safety
    /// As for [`sync_all`](Self::sync_all).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("journal");
    /// let mut journal = aiofile::async_open(&path, "a").await?;
    /// journal.write_owned("paid 10\n").await?;
    /// let before = journal.file().context().metrics();
    /// journal.sync_data().await?;
    /// assert!(journal.file().context().metrics().submitted > before.submitted);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "fdatasync")]
    pub async fn sync_data(&self) -> io::Result<()> {
        self.settled().await?;
        self.file.fdatasync().await
    }

    /// [`sync_all`](Self::sync_all), by the name of the system call.
    ///
    /// # Errors
    /// As for [`sync_all`](Self::sync_all).
    ///
    /// # Cancel safety
    /// As for [`sync_all`](Self::sync_all).
    pub async fn fsync(&self) -> io::Result<()> {
        self.sync_all().await
    }

    /// [`sync_data`](Self::sync_data), by the name of the system call.
    ///
    /// # Errors
    /// As for [`sync_all`](Self::sync_all).
    ///
    /// # Cancel safety
    /// As for [`sync_all`](Self::sync_all).
    pub async fn fdatasync(&self) -> io::Result<()> {
        self.sync_data().await
    }

    /// Cuts or extends the file to `size` bytes, after the write that is under way. The cursor
    /// stays. One hop.
    ///
    /// # Errors
    /// Where the file is not open for writing (EINVAL), the length is beyond 2^63 - 1, or the
    /// system says no. Also the error of an earlier write that was not told yet.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it open whether the length was changed.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("digits");
    /// let mut file = aiofile::async_open(&path, "w+").await?;
    /// file.write_owned("0123456789").await?;
    /// file.set_len(4).await?;
    /// assert_eq!((file.tell(), file.metadata().await?.len()), (10, 4));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ftruncate")]
    pub async fn set_len(&self, size: u64) -> io::Result<()> {
        self.settled().await?;
        let _changed = Changed(&self.generation);
        self.file.set_len(size).await
    }

    /// What fstat(2) says. No hop on local file systems.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), or what the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// assert!(aiofile::File::open("/proc/version").await?.metadata().await?.is_file());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "fstat")]
    pub async fn metadata(&self) -> io::Result<Metadata> {
        self.change_ended().await;
        self.file.metadata().await
    }

    /// fchmod(2). One hop.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), or what the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it open whether the permissions were changed.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("notes");
    /// let file = aiofile::File::create(&path).await?;
    /// let mut permissions = file.metadata().await?.permissions();
    /// permissions.set_readonly(true);
    /// file.set_permissions(permissions).await?;
    /// assert!(file.metadata().await?.permissions().readonly());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "chmod")]
    pub async fn set_permissions(&self, perm: Permissions) -> io::Result<()> {
        self.file.set_permissions(perm).await
    }

    /// Sets when the file was read and changed last, with futimens(2), after the write that is
    /// under way. Takes std's `FileTimes` and [`fs::FileTimes`](crate::fs::FileTimes). One hop.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), or what the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it open whether the times were set.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::fs::FileTimes;
    /// use std::time::{Duration, SystemTime};
    ///
    /// let file = aiofile::File::create(&path).await?;
    /// let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    /// file.set_times(FileTimes::new().set_accessed(long_ago).set_modified(long_ago)).await?;
    /// assert_eq!(file.metadata().await?.modified()?, long_ago);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "utime")]
    #[doc(alias = "futimens")]
    pub async fn set_times(&self, times: impl Into<FileTimes>) -> io::Result<()> {
        self.change_ended().await;
        self.file.set_times(times).await
    }

    /// [`set_times`](Self::set_times) with the time of the last change alone.
    ///
    /// # Errors
    /// As for [`set_times`](Self::set_times).
    ///
    /// # Cancel safety
    /// As for [`set_times`](Self::set_times).
    pub async fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.set_times(FileTimes::new().set_modified(time)).await
    }

    /// The most that one poll of tokio's traits reads or writes, in bytes: 2 MiB unless said.
    #[must_use]
    pub fn max_buf_size(&self) -> usize {
        self.poll_bytes_max
    }

    /// Has a poll of tokio's traits read or write so many bytes at most.
    ///
    /// # Panics
    /// For 0, as tokio's does.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use tokio::io::AsyncReadExt;
    ///
    /// let mut file = aiofile::File::open("/proc/version").await?;
    /// file.set_max_buf_size(3);
    /// assert_eq!(file.read(&mut [0; 100]).await?, 3);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn set_max_buf_size(&mut self, max_buf_size: usize) {
        assert!(max_buf_size > 0, "`max_buf_size` must be greater than 0");
        self.poll_bytes_max = max_buf_size;
    }
}

/// Makes what was read ahead worthless once the file's length has been changed, or may have been.
struct Changed<'a>(&'a AtomicU64);

impl Drop for Changed<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}
