//! Reading by offset.

use std::future::poll_fn;
use std::io;

use bytes::Bytes;
use caio::{Error, ErrorKind, FileClass, OpKind, OwnedBufferMut, SharedFile};

use super::direct::{cut_within, goes_as_it_is};
use super::{AioFile, closed};

impl AioFile {
    /// Reads up to `length` bytes at `offset`. Fewer come only at the end of the file; from a pipe,
    /// a socket or a terminal, what is there.
    ///
    /// Cached data costs one system call on the calling thread and no hop.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an extent beyond 2^63 - 1; [`ErrorKind::Closed`]; else what
    /// the system answers, such as EISDIR for a directory.
    ///
    /// # Cancel safety
    /// Dropping the future cancels the read and loses nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, "hello world")?;
    /// let file = aiofile::AioFile::open(&path, "r").await?; // hello world
    /// assert_eq!(file.read_at(5, 0).await?, "hello");
    /// assert_eq!(file.read_at(100, 6).await?, "world");
    /// assert!(file.read_at(100, 11).await?.is_empty());
    /// # Ok(()) }
    /// ```
    pub async fn read_at(&self, length: usize, offset: u64) -> io::Result<Bytes> {
        Ok(self.read_new(self.file()?, length, offset).await?)
    }

    /// Reads exactly `length` bytes at `offset`.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedEof`] where the file ends before; else as for
    /// [`read_at`](Self::read_at).
    ///
    /// # Cancel safety
    /// As for [`read_at`](Self::read_at).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, "hello world")?;
    /// use aiofile::AioFile;
    /// use std::io::ErrorKind;
    ///
    /// let file = AioFile::open(&path, "r").await?; // hello world
    /// assert_eq!(file.read_exact_at(5, 6).await?, "world");
    /// let error = file.read_exact_at(6, 6).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    /// # Ok(()) }
    /// ```
    pub async fn read_exact_at(&self, length: usize, offset: u64) -> io::Result<Bytes> {
        let bytes = if comes_in_pieces(self.file()?) {
            Box::pin(self.read_growing(length, length, offset, true)).await?
        } else {
            self.read_new(self.file()?, length, offset).await?
        };
        if bytes.len() < length {
            return Err(self.ended(bytes.len(), length, offset).into());
        }
        Ok(bytes)
    }

    /// Reads into a buffer of the caller's, which comes back either way: `Vec<u8>`, `BytesMut`,
    /// `AlignedBuffer`, `PooledBuffer`. Fills its capacity from the start and sets its length.
    ///
    /// Allocates nothing for cached data; otherwise nothing in the steady state.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a buffer without capacity, since it would look like the end
    /// of the file; else as for [`read_at`](Self::read_at).
    ///
    /// # Cancel safety
    /// Dropping the future cancels the read; the buffer is freed when the kernel is done with it.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// let file = aiofile::AioFile::open("/proc/self/exe", "r").await?;
    /// let (read, buffer) = file.read_into(Vec::with_capacity(4), 0).await;
    /// assert_eq!((read?, &buffer[..]), (4, &b"\x7fELF"[..]));
    /// # Ok(()) }
    /// ```
    pub async fn read_into<B: OwnedBufferMut>(
        &self,
        buffer: B,
        offset: u64,
    ) -> (io::Result<usize>, B) {
        let buffer = buffer.into_buffer();
        let length = buffer.capacity();
        let Ok(file) = self.file() else { return (Err(closed().into()), B::from_buffer(buffer)) };
        if length == 0 {
            return (Err(no_capacity(file, OpKind::Read, offset).into()), B::from_buffer(buffer));
        }
        // Many wait below at once, so what is rare is in boxes, no other `async fn` is between,
        // which keeps twice what it is given, and the buffer that was tried with, to which there
        // were references, ends here.
        let (tried, fits, buffer) = {
            let mut buffer = buffer;
            // What is cached is read right here, so that in a loop of reads no function returns
            // between one system call and the next: after a system call that is slow.
            let read =
                poll_fn(|cx| self.context.poll_try_read(cx, file, &mut buffer, 0..length, offset));
            let tried = match read.await {
                Ok(Some(bytes)) if bytes == length || bytes == 0 => {
                    return (Ok(bytes), B::from_buffer(buffer));
                }
                Ok(tried) => tried,
                Err(error) => return (Err(error.into()), B::from_buffer(buffer)),
            };
            (tried, goes_as_it_is(file, &buffer, &(0..length), offset), buffer)
        };
        let (result, buffer) = match tried {
            None if fits => self.context.read_elsewhere(file, buffer, 0..length, offset).await,
            None => Box::pin(self.read_buffer(buffer, 0..length, offset)).await,
            Some(done) => {
                let rest = self.context.read(file, buffer, done..length, offset + done as u64);
                let (result, mut buffer) = rest.await;
                // What an error keeps away is met again by the next read.
                let bytes = done + result.unwrap_or(0);
                buffer.set_len(bytes);
                (Ok(bytes), buffer)
            }
        };
        let (result, buffer) = match cut_within(file, &result, length) {
            Some(block) => {
                let rest = self.read_on(file, block, result, buffer, 0..length, offset);
                Box::pin(rest).await
            }
            None => (result, buffer),
        };
        (result.map_err(io::Error::from), B::from_buffer(buffer))
    }

    /// Fills the capacities of several buffers, one after the other, from `offset`: one operation.
    /// The buffers come back either way.
    ///
    /// # Errors
    /// As for [`read_into`](Self::read_into).
    ///
    /// # Cancel safety
    /// As for [`read_into`](Self::read_into).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, "headbody")?;
    /// let file = aiofile::AioFile::open(&path, "r").await?; // headbody
    /// let buffers = vec![Vec::with_capacity(4), Vec::with_capacity(100)];
    /// let (read, buffers) = file.read_vectored_at(buffers, 0).await;
    /// assert_eq!((read?, buffers), (8, vec![b"head".to_vec(), b"body".to_vec()]));
    /// # Ok(()) }
    /// ```
    pub async fn read_vectored_at<B: OwnedBufferMut>(
        &self,
        buffers: Vec<B>,
        offset: u64,
    ) -> (io::Result<usize>, Vec<B>) {
        let file = match self.file() {
            Ok(file) => file,
            Err(error) => return (Err(error.into()), buffers),
        };
        let buffers: Vec<_> = buffers.into_iter().map(B::into_buffer).collect();
        let has_capacity = buffers.iter().any(|buffer| buffer.capacity() > 0);
        let (result, buffers) = match has_capacity {
            true => self.read_buffers(file, buffers, offset).await,
            false => (Err(no_capacity(file, OpKind::ReadVectored, offset)), buffers),
        };
        (result.map_err(io::Error::from), buffers.into_iter().map(B::from_buffer).collect())
    }

    fn ended(&self, had: usize, wanted: usize, offset: u64) -> Error {
        let message = format!("the file ended after {had} of {wanted} bytes");
        let error = Error::new(ErrorKind::UnexpectedEof, message).during(OpKind::Read).at(offset);
        match &self.file {
            Some(file) => error.on(file.path()),
            None => error,
        }
    }
}

/// The error for memory that nothing fits into, which would make any place look like the end of the
/// file.
fn no_capacity(file: &SharedFile, kind: OpKind, offset: u64) -> Error {
    let message = "there is nothing to read into: the capacity is 0 bytes";
    let error = Error::new(ErrorKind::InvalidInput, message).during(kind);
    let hint = "a read fills the capacity: make the buffer with `with_capacity`";
    error.on(file.path()).at(offset).hint(hint)
}

/// Whether a read may give less than was asked for although more will come.
pub(crate) fn comes_in_pieces(file: &SharedFile) -> bool {
    matches!(file.class(), FileClass::Stream | FileClass::Character)
}
