//! What concerns a file as a whole: its end, its length, its metadata, sync and close.

use std::fs::{self, FileTimes, Metadata, Permissions};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use caio::{Context, FileClass, Result};

use super::AioFile;

/// What a read to the end starts with where the length is unknown or made up, in bytes.
const UNKNOWN_LENGTH_BYTES: usize = 8 * 1024;

impl AioFile {
    /// Reads from `offset` to the end of the file, wherever that is: the length that the system
    /// reports is only where to start, so that files of `/proc` and files that grow are read whole.
    ///
    /// # Errors
    /// As for [`read_at`](Self::read_at).
    ///
    /// # Cancel safety
    /// Dropping the future cancels the read. What was read from a pipe is lost.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// let file = aiofile::AioFile::open("/proc/version", "r").await?;
    /// assert_eq!(file.len().await?, 0);
    /// let text = file.read_to_end(0).await?;
    /// assert!(text.starts_with(b"Linux") && text.ends_with(b"\n"));
    /// assert_eq!(file.read_to_end(5).await?, text[5..]);
    /// # Ok(()) }
    /// ```
    pub async fn read_to_end(&self, offset: u64) -> io::Result<Bytes> {
        let file = self.file()?;
        let expected = match file.class() {
            FileClass::Regular => self.metadata().await?.len().saturating_sub(offset),
            _ => 0,
        };
        // One byte more than expected, so that the end shows without another allocation.
        let expected = usize::try_from(expected).unwrap_or(usize::MAX - 1) + 1;
        let size = expected.max(UNKNOWN_LENGTH_BYTES);
        Ok(self.read_growing(size, usize::MAX, offset, super::comes_in_pieces(file)).await?)
    }

    /// Cuts or extends the file to `length` bytes, after the writes that have started. One hop.
    ///
    /// # Errors
    /// Where the file is not open for writing (EINVAL), the length is beyond 2^63 - 1, or the
    /// system says no.
    ///
    /// # Cancel safety
    /// Dropping the future before a thread has begun leaves all as it was; later, it is done.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("digits");
    /// let file = aiofile::AioFile::open(&path, "w+").await?;
    /// file.write_all_at("0123456789", 0).await?;
    /// file.set_len(4).await?;
    /// assert_eq!(file.read_to_end(0).await?, "0123");
    /// file.set_len(6).await?;
    /// assert_eq!(file.read_to_end(0).await?, "0123\0\0");
    /// # Ok(()) }
    /// ```
    pub async fn set_len(&self, length: u64) -> io::Result<()> {
        Ok(self.context.set_length(self.file()?, length).await?)
    }

    /// The length in bytes, as fstat(2) says: 0 for most files of `/proc`.
    ///
    /// # Errors
    /// As for [`metadata`](Self::metadata).
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("sparse");
    /// let file = aiofile::AioFile::open(&path, "w").await?;
    /// file.write_all_at("end", 1 << 20).await?;
    /// assert_eq!(file.len().await?, (1 << 20) + 3);
    /// # Ok(()) }
    /// ```
    #[allow(clippy::len_without_is_empty, reason = "the length is asked of the system each time")]
    pub async fn len(&self) -> io::Result<u64> {
        Ok(self.metadata().await?.len())
    }

    /// What fstat(2) says. No hop on local file systems.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), or what the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// let file = aiofile::AioFile::open(&path, "w").await?;
    /// file.write_all_at("12345", 0).await?;
    /// let metadata = file.metadata().await?;
    /// assert!(metadata.is_file() && metadata.len() == 5);
    /// # Ok(()) }
    /// ```
    pub async fn metadata(&self) -> io::Result<Metadata> {
        Ok(self.context.metadata(self.file()?).await?)
    }

    /// fchmod(2). One hop.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), or what the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future before a thread has begun leaves all as it was; later, it is done.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("key");
    /// use std::fs::Permissions;
    /// use std::os::unix::fs::PermissionsExt;
    ///
    /// let file = aiofile::AioFile::create(&path).await?;
    /// file.set_permissions(Permissions::from_mode(0o600)).await?;
    /// assert_eq!(file.metadata().await?.permissions().mode() & 0o777, 0o600);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "fchmod")]
    pub async fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        self.change("set permissions of", |file| file.set_permissions(permissions)).await
    }

    /// Sets when the file was read and changed last, with futimens(2). One hop.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), or what the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future before a thread has begun leaves all as it was; later, it is done.
    #[doc(alias = "futimens")]
    pub async fn set_times(&self, times: impl Into<FileTimes>) -> io::Result<()> {
        let times = times.into();
        self.change("set times of", move |file| file.set_times(times)).await
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

    /// fsync(2): everything written by this file's handles so far reaches the device, with the
    /// metadata.
    ///
    /// A sync that failed stays failed for all handles of the file, since the kernel forgets lost
    /// data after reporting it once; nothing retries it.
    ///
    /// # Errors
    /// What the system answers, now or at the first failure.
    ///
    /// # Cancel safety
    /// Dropping the future says nothing about whether the data reached the device.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("set");
    /// # let (directory, temporary) = (directory.path(), directory.path().join("new"));
    /// use aiofile::AioFile;
    ///
    /// // A file that is replaced as a whole or not at all, also when the power fails.
    /// let file = AioFile::open(&temporary, "x").await?;
    /// file.write_all_at("theme = dark\n", 0).await?;
    /// # let before = file.context().metrics();
    /// file.fsync().await?;
    /// # assert!(file.context().metrics().submitted > before.submitted);
    /// std::fs::rename(&temporary, &path)?;
    /// AioFile::open(directory, "r").await?.fsync().await?;
    /// assert_eq!(aiofile::fs::read(&path).await?, b"theme = dark\n");
    /// # Ok(()) }
    /// ```
    pub async fn fsync(&self) -> io::Result<()> {
        Ok(self.sync(false).await?)
    }

    /// fdatasync(2): as [`fsync`](Self::fsync), without metadata that reading does not need.
    ///
    /// # Errors
    /// As for [`fsync`](Self::fsync).
    ///
    /// # Cancel safety
    /// As for [`fsync`](Self::fsync).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("journal");
    /// let file = aiofile::AioFile::open(&path, "w").await?;
    /// file.write_all_at("paid 10\n", 0).await?;
    /// let before = file.context().metrics();
    /// file.fdatasync().await?;
    /// assert!(file.context().metrics().submitted > before.submitted);
    /// # Ok(()) }
    /// ```
    pub async fn fdatasync(&self) -> io::Result<()> {
        Ok(self.sync(true).await?)
    }

    /// Closes this handle; later calls fail with [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    /// The last handle waits for the operations in flight, closes the descriptor and reports what
    /// close(2) says. Syncs nothing. Closing again does nothing.
    ///
    /// # Errors
    /// What close(2) answers. The descriptor is gone all the same.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the closing to the last use of the file.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, Error, ErrorKind};
    ///
    /// let mut file = AioFile::open(&path, "w").await?;
    /// file.write_all_at("done", 0).await?;
    /// file.close().await?;
    /// let error = Error::from(file.write_at("more", 4).await.unwrap_err());
    /// assert_eq!(error.kind(), ErrorKind::Closed);
    /// # Ok(()) }
    /// ```
    pub async fn close(&mut self) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let handles = std::mem::replace(&mut self.handles, Arc::new(()));
        let second = self.bounce.take();
        let last = Arc::into_inner(handles).is_some();
        let Some(second) = second else { return Ok(self.context.close(file, last).await?) };
        // Both are closed, whatever the first one says.
        let closed = self.context.close(second, last).await;
        Ok(self.context.close(file, last).await.and(closed)?)
    }

    /// Whether this handle was closed.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// let mut file = aiofile::AioFile::open("/proc/version", "r").await?;
    /// let other = file.clone();
    /// file.close().await?;
    /// assert!(file.is_closed() && !other.is_closed());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.file.is_none()
    }

    /// The path that the file was opened by; `/dev/fd/N` for a file from std, and nothing once
    /// closed.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use std::path::Path;
    ///
    /// let mut file = aiofile::AioFile::open("/proc/version", "r").await?;
    /// assert_eq!(file.path(), Some(Path::new("/proc/version")));
    /// file.close().await?;
    /// assert_eq!(file.path(), None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(caio::SharedFile::path)
    }

    /// The context that does this file's operations.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// let file = aiofile::AioFile::open("/proc/version", "r").await?;
    /// file.read_exact_at(5, 0).await?;
    /// assert_eq!(file.context().metrics().bytes_read, 5);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Forgets a failed sync, for a caller that has written everything again.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # use caio::{Capability, OpKind, OpSet, Output};
    /// # use std::sync::atomic::{AtomicBool, Ordering};
    /// # let capability = Capability {
    /// #     operations: OpSet::default().with(OpKind::Fsync), ..Capability::all(1)
    /// # };
    /// # // The first sync fails, as where a device loses what was written.
    /// # let has_failed = AtomicBool::new(false);
    /// # let backend = caio_testkit::Null::answering(capability, move |_, _| {
    /// #     match has_failed.swap(true, Ordering::Relaxed) {
    /// #         false => Err(std::io::Error::from_raw_os_error(5)),
    /// #         true => Ok(Output::Done),
    /// #     }
    /// # });
    /// # let backend = std::sync::Arc::new(backend);
    /// # let context = aiofile::context().custom(backend).build()?;
    /// # let mut options = aiofile::OpenOptions::new();
    /// # options.write(true).create(true).context(&context);
    /// # let file = options.open_aio(&path).await?;
    /// file.write_all_at("everything", 0).await?;
    /// assert!(file.fsync().await.is_err(), "the device has lost it");
    /// assert!(file.fsync().await.is_err(), "and will not find it again");
    /// file.clear_sync_error();
    /// file.write_all_at("everything", 0).await?;
    /// file.fsync().await?;
    /// # Ok(()) }
    /// ```
    pub fn clear_sync_error(&self) {
        if let Some(file) = &self.file {
            file.clear_sync_error();
        }
    }

    /// One call on the descriptor, on a thread that may wait.
    async fn change(
        &self,
        name: &'static str,
        call: impl FnOnce(&fs::File) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let file = self.file()?.clone();
        let path = file.path().to_owned();
        Ok(self.context.run_on(name, &path, move || Ok(call(file.file())?)).await?)
    }

    async fn sync(&self, data_only: bool) -> Result<()> {
        self.context.sync(self.file()?, data_only).await
    }
}
