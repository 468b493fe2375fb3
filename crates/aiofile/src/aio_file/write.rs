//! Writing by offset, and at the end of a file opened to append.

use std::io;

use caio::{Buffer, Error, ErrorKind, IntoBuffer, OpKind, OwnedBuffer, Result};

use super::AioFile;

impl AioFile {
    /// Writes the buffer at `offset`: all of it, unless an error comes in between, and then as much
    /// as was accepted before. Takes any bytes, see [`IntoBuffer`]; what is owned is not copied,
    /// and what is borrowed only where the file system cannot take it without waiting.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an extent beyond 2^63 - 1, for a file opened to
    /// append (whose offset Linux would ignore) and for a misaligned write to an O_DIRECT file;
    /// [`ErrorKind::Closed`]; else what the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future cancels what has not begun; any part may still be written.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// let file = aiofile::AioFile::open(&path, "w+").await?;
    /// assert_eq!(file.write_at("later", 6).await?, 5);
    /// assert_eq!(file.write_at(String::from("first "), 0).await?, 6);
    /// assert_eq!(file.read_to_end(0).await?, "first later");
    /// # Ok(()) }
    /// ```
    pub async fn write_at(&self, buffer: impl IntoBuffer, offset: u64) -> io::Result<usize> {
        self.check_positional(offset)?;
        Ok(self.write_bytes(buffer, offset).await.0?)
    }

    /// Writes all of the buffer at `offset`.
    ///
    /// # Errors
    /// As for [`write_at`](Self::write_at); an unknown part was written then.
    ///
    /// # Cancel safety
    /// As for [`write_at`](Self::write_at).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("squares");
    /// use futures_util::future::try_join_all;
    ///
    /// let file = aiofile::AioFile::open(&path, "w+").await?;
    /// let square = |n: u64| file.write_all_at(format!("{:02}\n", n * n), n * 3);
    /// try_join_all((0..4).map(square)).await?;
    /// assert_eq!(file.read_to_end(0).await?, "00\n01\n04\n09\n");
    /// # Ok(()) }
    /// ```
    pub async fn write_all_at(&self, buffer: impl IntoBuffer, offset: u64) -> io::Result<()> {
        self.check_positional(offset)?;
        Ok(self.write_all(buffer, offset).await.1?)
    }

    /// As [`write_at`](Self::write_at), and the buffer comes back either way.
    ///
    /// # Errors
    /// As for [`write_at`](Self::write_at).
    ///
    /// # Cancel safety
    /// As for [`write_at`](Self::write_at).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("records");
    /// let file = aiofile::AioFile::open(&path, "w+").await?;
    /// let mut record = Vec::with_capacity(64);
    /// for number in 0..3u64 {
    ///     record.clear();
    ///     record.extend_from_slice(format!("record {number}\n").as_bytes());
    ///     let written;
    ///     (written, record) = file.write_from(record, number * 9).await;
    ///     assert_eq!(written?, 9);
    /// }
    /// assert_eq!(file.read_at(9, 18).await?, "record 2\n");
    /// # Ok(()) }
    /// ```
    pub async fn write_from<B: OwnedBuffer>(
        &self,
        buffer: B,
        offset: u64,
    ) -> (io::Result<usize>, B) {
        if let Err(error) = self.check_positional(offset) {
            return (Err(error.into()), buffer);
        }
        let (result, buffer) = self.write_whole(buffer.into_buffer(), offset).await;
        (result.map_err(io::Error::from), B::from_buffer(buffer))
    }

    /// Writes all of the buffer at the end of a file opened to append, wherever that is by then.
    /// Records of several handles and processes do not overlap.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where the file was not opened to append; else what the system
    /// answers.
    ///
    /// # Cancel safety
    /// As for [`write_at`](Self::write_at).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("log");
    /// use aiofile::AioFile;
    ///
    /// let (one, other) = (AioFile::open(&path, "a").await?, AioFile::open(&path, "a").await?);
    /// one.append("first\n").await?;
    /// other.append("second\n").await?;
    /// one.append("third\n").await?;
    /// assert_eq!(aiofile::fs::read(&path).await?, b"first\nsecond\nthird\n");
    /// # Ok(()) }
    /// ```
    pub async fn append(&self, buffer: impl IntoBuffer) -> io::Result<()> {
        let file = self.file()?;
        if !file.is_append() {
            let error = Error::new(ErrorKind::InvalidInput, "the file was not opened to append");
            let error = error.during(OpKind::Write).on(file.path());
            return Err(error.hint("open it with mode \"a\", or use write_all_at").into());
        }
        Ok(self.write_all(buffer, 0).await.1?)
    }

    /// Writes the contents of several buffers, one after the other, at `offset`: one operation. The
    /// buffers come back either way.
    ///
    /// # Errors
    /// As for [`write_at`](Self::write_at).
    ///
    /// # Cancel safety
    /// As for [`write_at`](Self::write_at).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("message");
    /// let file = aiofile::AioFile::open(&path, "w+").await?;
    /// let (written, parts) = file.write_vectored_at(vec!["head, ", "body, ", "tail"], 0).await;
    /// assert_eq!((written?, parts.len()), (16, 3));
    /// assert_eq!(file.read_to_end(0).await?, "head, body, tail");
    /// # Ok(()) }
    /// ```
    pub async fn write_vectored_at<B: OwnedBuffer>(
        &self,
        buffers: Vec<B>,
        offset: u64,
    ) -> (io::Result<usize>, Vec<B>) {
        let file = match self.check_positional(offset).and_then(|()| self.file()) {
            Ok(file) => file,
            Err(error) => return (Err(error.into()), buffers),
        };
        let buffers = buffers.into_iter().map(B::into_buffer).collect();
        let (result, buffers) = self.write_buffers(file, buffers, offset).await;
        (result.map_err(io::Error::from), buffers.into_iter().map(B::from_buffer).collect())
    }

    /// Writes all of a buffer, without asking whether the file was opened to append: how much was
    /// accepted, and the error that came then.
    pub(crate) async fn write_all(
        &self,
        bytes: impl IntoBuffer,
        offset: u64,
    ) -> (usize, Result<()>) {
        let (length, mut done) = (bytes.as_slice().len(), 0);
        let (mut result, mut buffer) = self.write_bytes(bytes, offset).await;
        loop {
            match result {
                Ok(bytes) => done += bytes,
                Err(error) => return (done, Err(error)),
            }
            if done == length {
                return (done, Ok(()));
            }
            // In a box, since it is rare and would be a part of each write that waits.
            let (rest, at) = (done..length, offset + done as u64);
            (result, buffer) = Box::pin(self.write_buffer(buffer, rest, at)).await;
        }
    }

    /// Writes all bytes, as [`write_buffer`](Self::write_buffer) does. What is borrowed is copied
    /// where it has to wait; else the buffer that comes back is empty.
    async fn write_bytes(&self, bytes: impl IntoBuffer, offset: u64) -> (Result<usize>, Buffer) {
        match self.file() {
            Ok(file) if !file.is_direct() => self.context.write_bytes(file, bytes, offset).await,
            _ => self.write_whole(bytes.into_owned_buffer(), offset).await,
        }
    }

    fn check_positional(&self, offset: u64) -> Result<()> {
        let file = self.file()?;
        if file.is_append() {
            let message = "the file was opened to append, where Linux ignores a write's offset";
            let error = Error::new(ErrorKind::InvalidInput, message);
            let error = error.during(OpKind::Write).on(file.path()).at(offset);
            return Err(error.hint("use append, or open it without append"));
        }
        Ok(())
    }
}
