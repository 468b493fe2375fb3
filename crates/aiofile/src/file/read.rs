//! Reads: so many bytes, all that are left, or a line.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use caio::{Error, ErrorKind, OpKind, Result};

use super::ahead::CHUNK_BYTES;
use super::pending_write::Half;
use super::{File, has_length};

/// What is reserved at once for a read, in bytes; a longer one first asks how long the file is.
const READ_BYTES_MAX: usize = 1 << 20;

impl File {
    /// Reads up to `length` bytes. Fewer come only at the end of the file, none only there; from
    /// a stream, what is there. Any length will do: memory is taken for what the file holds.
    ///
    /// Cached data costs one system call on the calling thread and no hop; bytes ahead cost
    /// neither. A length of 0 costs nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`]; else what the system answers, such as EISDIR for a directory and
    /// EBADF for a file not opened to read. The cursor has not moved then.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
    /// let mut file = aiofile::async_open("/proc/self/exe", "rb").await?;
    /// assert_eq!(file.read_bytes(4).await?, &b"\x7fELF"[..]);
    /// assert_eq!(file.tell(), 4);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "read")]
    pub async fn read_bytes(&mut self, length: usize) -> io::Result<Bytes> {
        self.begin_read().await?;
        let ahead = self.ahead().len();
        if length == 0 || length <= ahead {
            return Ok(self.take_ahead(length));
        }
        if self.is_seekable() {
            let bytes = self.read_up_to(length).await?;
            self.pass(bytes.len());
            return Ok(bytes);
        }
        if ahead == 0 {
            poll_fn(|cx| self.poll_fill(cx, length.min(CHUNK_BYTES))).await?;
        }
        Ok(self.take_ahead(length.min(self.ahead().len())))
    }

    /// Reads exactly `length` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedEof`] where the file ends before; else as for
    /// [`read_bytes`](Self::read_bytes). The cursor has not moved then, and nothing is lost.
    ///
    /// # Cancel safety
    /// As for [`read_bytes`](Self::read_bytes).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
    /// let mut file = aiofile::async_open("/dev/zero", "r").await?;
    /// assert_eq!(file.read_exact_bytes(100_000).await?.len(), 100_000);
    /// let mut file = aiofile::async_open("/dev/null", "r").await?;
    /// let error = file.read_exact_bytes(1).await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    /// # Ok(()) }
    /// ```
    pub async fn read_exact_bytes(&mut self, length: usize) -> io::Result<Bytes> {
        self.begin_read().await?;
        if self.ahead().len() < length && self.is_stepwise()? {
            while self.ahead().len() < length {
                let missing = (length - self.ahead().len()).min(READ_BYTES_MAX);
                if poll_fn(|cx| self.poll_fill(cx, missing)).await? == 0 {
                    return Err(self.ended(self.ahead().len(), length).into());
                }
            }
        }
        if length <= self.ahead().len() {
            return Ok(self.take_ahead(length));
        }
        let bytes = self.read_up_to(length).await?;
        if bytes.len() < length {
            return Err(self.ended(bytes.len(), length).into());
        }
        self.pass(length);
        Ok(bytes)
    }

    /// Reads all that is left, up to the end of the file wherever that is by then: the length that
    /// the system reports is only where to start.
    ///
    /// # Errors
    /// As for [`read_bytes`](Self::read_bytes).
    ///
    /// # Cancel safety
    /// As for [`read_bytes`](Self::read_bytes).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
    /// let mut file = aiofile::async_open("/proc/self/status", "r").await?;
    /// assert!(file.read_all().await?.starts_with(b"Name:"));
    /// assert!(file.read_all().await?.is_empty());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "read_to_end")]
    pub async fn read_all(&mut self) -> io::Result<Bytes> {
        self.begin_read().await?;
        if self.is_seekable() && !self.is_stepwise()? {
            let bytes = self.file.read_to_end(self.position).await?;
            self.pass(bytes.len());
            return Ok(bytes);
        }
        while poll_fn(|cx| self.poll_fill(cx, CHUNK_BYTES)).await? > 0 {}
        Ok(self.take_ahead(self.ahead().len()))
    }

    /// Reads a line, with its `\n`. The last line may have none; at the end of the file the line
    /// is empty, and only there.
    ///
    /// A line costs no copy and no system call, a chunk of 64 KiB one. The line shares the chunk's
    /// memory: copy what is kept for long. A line may be of any length; `LineReader` has a limit.
    ///
    /// # Errors
    /// As for [`read_bytes`](Self::read_bytes).
    ///
    /// # Cancel safety
    /// As for [`read_bytes`](Self::read_bytes).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
    /// let mut file = aiofile::async_open("/proc/self/status", "r").await?;
    /// let line = file.readline().await?;
    /// assert!(line.starts_with(b"Name:") && line.ends_with(b"\n"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "read_line")]
    pub async fn readline(&mut self) -> io::Result<Bytes> {
        self.readline_with("\n").await
    }

    /// As [`readline`](Self::readline), with any separator of one byte or more.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an empty separator; else as for
    /// [`read_bytes`](Self::read_bytes).
    ///
    /// # Cancel safety
    /// As for [`read_bytes`](Self::read_bytes).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
    /// let mut file = aiofile::async_open("/proc/self/environ", "r").await?;
    /// let variable = file.readline_with([0]).await?;
    /// # assert!(variable.is_empty() || variable.ends_with(&[0]));
    /// # Ok(()) }
    /// ```
    pub async fn readline_with(&mut self, separator: impl AsRef<[u8]>) -> io::Result<Bytes> {
        let separator = separator.as_ref();
        check_separator(separator)?;
        self.begin_read().await?;
        Ok(poll_fn(|cx| self.poll_line(cx, separator, usize::MAX)).await?)
    }

    /// As [`readline`](Self::readline), and of a longer line the first `most` bytes: what is left
    /// of it comes next. None for a `most` of 0.
    ///
    /// # Errors
    /// As for [`read_bytes`](Self::read_bytes).
    ///
    /// # Cancel safety
    /// As for [`read_bytes`](Self::read_bytes).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
    /// let mut file = aiofile::async_open("/proc/self/status", "r").await?;
    /// assert_eq!(file.readline_up_to(3).await?, "Nam");
    /// assert!(file.readline_up_to(1000).await?.ends_with(b"\n"));
    /// # Ok(()) }
    /// ```
    pub async fn readline_up_to(&mut self, most: usize) -> io::Result<Bytes> {
        self.begin_read().await?;
        Ok(poll_fn(|cx| self.poll_line(cx, b"\n", most)).await?)
    }

    /// A line with its separator, up to so many bytes. The file has been refreshed.
    pub(super) fn poll_line(
        &mut self,
        cx: &mut Context<'_>,
        separator: &[u8],
        most: usize,
    ) -> Poll<Result<Bytes>> {
        loop {
            let seen = self.ahead().len().min(most);
            if let Some(start) = find(&self.ahead()[..seen], separator) {
                return Poll::Ready(Ok(self.take_ahead(start + separator.len())));
            }
            if seen == most {
                return Poll::Ready(Ok(self.take_ahead(most)));
            }
            if ready!(self.poll_fill(cx, CHUNK_BYTES))? == 0 {
                return Poll::Ready(Ok(self.take_ahead(self.ahead().len())));
            }
        }
    }

    async fn begin_read(&mut self) -> Result<()> {
        self.file.file()?;
        if self.is_seekable() {
            poll_fn(|cx| self.poll_no_write(cx, Half::Read)).await;
        }
        self.refresh_all();
        Ok(())
    }

    /// Whether a read may come back short although more will come.
    fn is_stepwise(&self) -> Result<bool> {
        let file = self.file.file()?;
        Ok(!file.is_seekable() || !has_length(file) && file.class() != caio::FileClass::Block)
    }

    /// Reads from the cursor, and leaves it there. Takes no more memory than the file is long.
    async fn read_up_to(&self, length: usize) -> Result<Bytes> {
        if length <= READ_BYTES_MAX {
            return Ok(self.file.read_at(length, self.position).await?);
        }
        let left = match has_length(self.file.file()?) {
            true => self.file.len().await?.saturating_sub(self.position),
            false => 0,
        };
        let step = usize::try_from(left).unwrap_or(usize::MAX).max(READ_BYTES_MAX).min(length);
        self.file.read_growing(step, length, self.position, false).await
    }

    fn ended(&self, had: usize, wanted: usize) -> Error {
        let message = format!("the file ended after {had} of {wanted} bytes");
        let error = Error::new(ErrorKind::UnexpectedEof, message).during(OpKind::Read);
        match self.file.file() {
            Ok(file) => error.at(self.position).on(file.path()),
            Err(_) => error,
        }
    }
}

pub(super) fn check_separator(separator: &[u8]) -> Result<()> {
    if separator.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "the separator of lines is empty"));
    }
    Ok(())
}

fn find(bytes: &[u8], separator: &[u8]) -> Option<usize> {
    match separator {
        [byte] => memchr::memchr(*byte, bytes),
        _ => memchr::memmem::find(bytes, separator),
    }
}
