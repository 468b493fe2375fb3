//! Writes, truncation and close.

use std::future::poll_fn;
use std::io;

use caio::{IntoBuffer, Result};

use super::File;
use super::pending_write::WriteOutcome;

impl File {
    /// Writes all of the buffer at the cursor, or at the end of a file opened to append. The cursor
    /// moves behind it; with append to the end of the file. Takes any bytes, and does not copy what
    /// is owned.
    ///
    /// Costs one hop, or none where the file system can take it without waiting (XFS, btrfs,
    /// tmpfs), and with append one fstat(2). Nothing is buffered.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where the write would end beyond
    /// 2^63 - 1; [`ErrorKind::Closed`](crate::ErrorKind::Closed); else what the system answers.
    /// What was accepted before the error is behind the cursor. Also the error of an earlier write
    /// that was not told yet; nothing is written then.
    ///
    /// # Cancel safety
    /// Dropping the future before its first poll does nothing. After it the write goes on as long
    /// as the file lives, and the next operation waits for it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("log");
    /// let mut log = aiofile::async_open(&path, "a").await?;
    /// log.write_owned("started\n").await?;
    /// log.write_owned(vec![b'.'; 3]).await?;
    /// assert_eq!(log.tell(), 11);
    ///
    /// let mut full = aiofile::async_open("/dev/full", "w").await?;
    /// assert!(full.write_owned("x").await.is_err());
    /// assert_eq!(full.tell(), 0);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "write")]
    #[doc(alias = "write_all")]
    pub async fn write_owned(&mut self, buffer: impl IntoBuffer) -> io::Result<()> {
        let buffer = buffer.into_owned_buffer();
        self.begin_write().await?;
        if buffer.is_empty() {
            return Ok(());
        }
        self.start_write(buffer, None);
        Ok(self.outcome().await.complete()?)
    }

    /// Cuts or extends the file to `length` bytes, or to where the cursor is, and returns its new
    /// length. The cursor stays. One hop.
    ///
    /// # Errors
    /// Where the file is not open for writing (EINVAL), the length is beyond 2^63 - 1, or the
    /// system says no. Also the error of an earlier write that was not told yet.
    ///
    /// # Cancel safety
    /// As for [`write_owned`](Self::write_owned).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("file");
    /// use std::io::SeekFrom;
    /// use tokio::io::AsyncSeekExt;
    ///
    /// let mut file = aiofile::async_open(&path, "w+").await?;
    /// file.write_owned("0123456789").await?;
    /// file.seek(SeekFrom::Start(4)).await?;
    /// assert_eq!(file.truncate(None).await?, 4);
    /// assert_eq!(file.truncate(100).await?, 100);
    /// assert_eq!(file.tell(), 4);
    /// # Ok(()) }
    /// ```
    pub async fn truncate(&mut self, length: impl Into<Option<u64>>) -> io::Result<u64> {
        self.begin_write().await?;
        let length = length.into().unwrap_or(self.position);
        self.start_truncate(length);
        self.outcome().await.complete()?;
        Ok(length)
    }

    /// Closes this file; later calls fail with [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    /// The last clone on the descriptor closes the descriptor and reports what close(2) says. Syncs
    /// nothing. Closing again does nothing.
    ///
    /// # Errors
    /// What close(2) answers, and that of an earlier write that was not told yet. The file is
    /// closed all the same.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the closing to the last use of the file.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
    /// let mut file = aiofile::async_open("/proc/self/stat", "r").await?;
    /// file.close().await?;
    /// file.close().await?;
    /// assert!(file.read_bytes(1).await.is_err());
    /// # Ok(()) }
    /// ```
    pub async fn close(&mut self) -> io::Result<()> {
        let flushed = poll_fn(|cx| self.poll_flushed(cx)).await;
        self.give_up_reading();
        let closed = self.file.close().await;
        flushed?;
        closed
    }

    /// As [`close`](Self::close), after an [`fsync`](Self::fsync).
    ///
    /// # Errors
    /// Those of both. The file is closed all the same.
    ///
    /// # Cancel safety
    /// As for both.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// let mut file = aiofile::async_open(&path, "w").await?;
    /// file.write_owned("safe").await?;
    /// file.close_synced().await?;
    /// assert!(file.is_closed());
    /// assert_eq!(aiofile::fs::read(&path).await?, b"safe");
    /// # let mut nothing_to_sync = aiofile::async_open("/proc/version", "r").await?;
    /// # assert!(nothing_to_sync.close_synced().await.is_err() && nothing_to_sync.is_closed());
    /// # Ok(()) }
    /// ```
    pub async fn close_synced(&mut self) -> io::Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        let synced = self.fsync().await;
        synced.and(self.close().await)
    }

    async fn begin_write(&mut self) -> Result<()> {
        poll_fn(|cx| self.poll_flushed(cx)).await?;
        self.adopt_position();
        self.file.file().map(drop)
    }

    async fn outcome(&mut self) -> WriteOutcome {
        let outcome = poll_fn(|cx| self.poll_outcome(cx)).await;
        outcome.expect("a change was begun")
    }
}
