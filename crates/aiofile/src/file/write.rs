//! Writes, truncation, sync and close.

use std::future::poll_fn;
use std::io;

use caio::{Buffer, OwnedBuffer, Result};

use super::File;
use super::pending_write::WriteOutcome;

impl File {
    /// Writes the buffer at the cursor, or at the end of a file opened to append: all of it, unless
    /// an error comes in between, and then as much as was accepted before. The cursor moves behind
    /// what was written; with append to the end of the file. Takes any owned bytes.
    ///
    /// Costs one hop, or none where the file system can take it without waiting (XFS, btrfs,
    /// tmpfs), and with append one fstat(2). Nothing is buffered.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where the write would end beyond
    /// 2^63 - 1; [`ErrorKind::Closed`](crate::ErrorKind::Closed); else what the system answers. The
    /// cursor has not moved then. Also the error of an earlier write whose future was dropped;
    /// nothing is written then.
    ///
    /// # Cancel safety
    /// Dropping the future before its first poll does nothing. After it the write goes on as long
    /// as the handle lives, and the next operation waits for it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("log");
    /// let mut log = aiofile::async_open(&path, "a").await?;
    /// assert_eq!(log.write("started\n").await?, 8);
    /// assert_eq!(log.write(vec![b'.'; 3]).await?, 3);
    /// assert_eq!(log.tell(), 11);
    ///
    /// let mut full = aiofile::async_open("/dev/full", "w").await?;
    /// assert!(full.write("x").await.is_err());
    /// assert_eq!(full.tell(), 0);
    /// # Ok(()) }
    /// ```
    pub async fn write(&mut self, buffer: impl OwnedBuffer) -> io::Result<usize> {
        Ok(self.put(buffer.into_buffer(), false).await?.written()?)
    }

    /// Writes all of the buffer, as [`write`](Self::write) does.
    ///
    /// # Errors
    /// As for [`write`](Self::write). What was accepted before the error is behind the cursor.
    ///
    /// # Cancel safety
    /// As for [`write`](Self::write).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// let mut file = aiofile::async_open(&path, "w").await?;
    /// file.write_all("first, ").await?;
    /// file.write_all(b"second".to_vec()).await?;
    /// assert_eq!(file.tell(), 13);
    /// assert_eq!(aiofile::fs::read(&path).await?, b"first, second");
    /// # Ok(()) }
    /// ```
    pub async fn write_all(&mut self, buffer: impl OwnedBuffer) -> io::Result<()> {
        Ok(self.put(buffer.into_buffer(), true).await?.complete()?)
    }

    /// Cuts or extends the file to `length` bytes, or to where the cursor is, and returns its new
    /// length. The cursor stays. One hop.
    ///
    /// # Errors
    /// Where the file is not open for writing (EINVAL), the length is beyond 2^63 - 1, or the
    /// system says no. Also the error of an earlier write whose future was dropped.
    ///
    /// # Cancel safety
    /// As for [`write`](Self::write).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("file");
    /// use std::io::SeekFrom;
    ///
    /// let mut file = aiofile::async_open(&path, "w+").await?;
    /// file.write("0123456789").await?;
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

    /// Waits for a write whose future was dropped, and reports its error. Otherwise there is
    /// nothing to do: nothing is buffered.
    ///
    /// # Errors
    /// That of an earlier write whose future was dropped.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use futures_util::FutureExt;
    ///
    /// let mut file = aiofile::async_open(&path, "w").await?;
    /// drop(file.write("begun").now_or_never()); // polled once, and dropped
    /// file.flush().await?;
    /// assert_eq!(aiofile::fs::read(&path).await?, b"begun");
    /// # Ok(()) }
    /// ```
    pub async fn flush(&mut self) -> io::Result<()> {
        Ok(poll_fn(|cx| self.poll_flushed(cx)).await?)
    }

    /// fsync(2): everything written by this file's handles so far reaches the device, with the
    /// metadata. See [`AioFile::fsync`](crate::AioFile::fsync).
    ///
    /// # Errors
    /// As for [`AioFile::fsync`](crate::AioFile::fsync) and [`flush`](Self::flush).
    ///
    /// # Cancel safety
    /// Dropping the future says nothing about whether the data reached the device.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// let mut file = aiofile::async_open(&path, "w").await?;
    /// file.write("safe").await?;
    /// let before = file.file().context().metrics();
    /// file.fsync().await?;
    /// assert!(file.file().context().metrics().submitted > before.submitted);
    /// # Ok(()) }
    /// ```
    pub async fn fsync(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.file.fsync().await
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
    /// let mut journal = aiofile::async_open(&path, "a").await?;
    /// journal.write("paid 10\n").await?;
    /// let before = journal.file().context().metrics();
    /// journal.fdatasync().await?;
    /// assert!(journal.file().context().metrics().submitted > before.submitted);
    /// # Ok(()) }
    /// ```
    pub async fn fdatasync(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.file.fdatasync().await
    }

    /// Closes this handle; later calls fail with [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    /// The last handle on the file closes the descriptor and reports what close(2) says. Syncs
    /// nothing. Closing again does nothing.
    ///
    /// # Errors
    /// What close(2) answers, and that of an earlier write whose future was dropped. The handle is
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
    /// assert!(file.read(1).await.is_err());
    /// # Ok(()) }
    /// ```
    pub async fn close(&mut self) -> io::Result<()> {
        let flushed = self.flush().await;
        self.give_up_reading();
        flushed.and(self.file.close().await)
    }

    /// As [`close`](Self::close), after an [`fsync`](Self::fsync).
    ///
    /// # Errors
    /// Those of both. The handle is closed all the same.
    ///
    /// # Cancel safety
    /// As for both.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// let mut file = aiofile::async_open(&path, "w").await?;
    /// file.write("safe").await?;
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

    async fn put(&mut self, buffer: Buffer, all: bool) -> Result<WriteOutcome> {
        self.begin_write().await?;
        if buffer.is_empty() {
            return Ok(WriteOutcome::default());
        }
        self.start_write(buffer, all, None);
        Ok(self.outcome().await)
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
