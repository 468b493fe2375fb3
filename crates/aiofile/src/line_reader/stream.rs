//! Lines as streams: of bytes, and of strings.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use futures_core::Stream;

use super::{LineReader, not_text};

/// The lines of a file as strings. Made by [`LineReader::lines`].
///
/// An error ends the stream: the one about a line that is not UTF-8 or too long leaves the cursor
/// in front of it, and [`get_mut`](Self::get_mut) gives the reader to pass over it. Asked once more
/// after the end, the stream goes on from where the cursor stands.
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("fruit");
/// # std::fs::write(&path, "apple\npear\n").unwrap();
/// let file = aiofile::AioFile::open(&path, "r").await?; // apple\n pear\n
/// let mut lines = aiofile::LineReader::new(&file).lines();
/// let mut letters = 0;
/// while let Some(line) = lines.next().await {
///     letters += line?.len();
/// }
/// assert_eq!(letters, 9);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct LineStream {
    reader: LineReader,
}

impl LineStream {
    pub(super) fn new(reader: LineReader) -> Self {
        Self { reader }
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// As for [`LineReader::next_str`].
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<io::Result<String>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The reader underneath.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("numbers");
    /// # std::fs::write(&path, "one\ntwo\n")?;
    /// use aiofile::{AioFile, LineReader};
    /// use futures_util::TryStreamExt;
    ///
    /// let file = AioFile::open(&path, "r").await?; // one\n two\n
    /// let mut lines = LineReader::new(&file).lines();
    /// assert_eq!(lines.try_next().await?.as_deref(), Some("one"));
    /// assert_eq!(lines.get_ref().position(), 4);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn get_ref(&self) -> &LineReader {
        &self.reader
    }

    /// The reader underneath. Lines taken from it are missing in the stream.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("mixed");
    /// # std::fs::write(&path, b"\xff\nfine\n")?;
    /// use aiofile::{AioFile, LineReader};
    /// use futures_util::TryStreamExt;
    ///
    /// let file = AioFile::open(&path, "r").await?; // \xff\n fine\n
    /// let mut lines = LineReader::new(&file).lines();
    /// assert!(lines.try_next().await.is_err());
    /// assert_eq!(lines.try_next().await?, None);
    /// lines.get_mut().skip_line().await?;
    /// assert_eq!(lines.try_next().await?.as_deref(), Some("fine"));
    /// # Ok(()) }
    /// ```
    pub fn get_mut(&mut self) -> &mut LineReader {
        &mut self.reader
    }

    /// Gives the reader back, at the next line.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("message");
    /// # std::fs::write(&path, b"kind: raw\n\xff\xfe\n")?;
    /// use aiofile::{AioFile, LineReader};
    /// use futures_util::TryStreamExt;
    ///
    /// let file = AioFile::open(&path, "r").await?; // kind: raw\n \xff\xfe\n
    /// let mut lines = LineReader::new(&file).lines();
    /// assert_eq!(lines.try_next().await?.as_deref(), Some("kind: raw"));
    /// let mut rest = lines.into_inner();
    /// assert_eq!(rest.next_line().await?, Some(&b"\xff\xfe"[..]));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn into_inner(self) -> LineReader {
        self.reader
    }
}

impl LineReader {
    /// The next line in memory of its own, as the [`Stream`] gives it; `None` at the end of the
    /// file.
    ///
    /// # Errors
    /// As for [`next_line`](Self::next_line). An error ends the stream; asked once more after that,
    /// it tries again from where it stands.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for LineReader {
    type Item = io::Result<Vec<u8>>;

    /// Each line in memory of its own. An error ends the stream; asked once more after that, it
    /// tries again from where it stands.
    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<io::Result<Vec<u8>>>> {
        let reader = &mut *self;
        if std::mem::take(&mut reader.failed) {
            return Poll::Ready(None);
        }
        let line = match reader.scan.in_chunk(reader.line_bytes_max) {
            Some(line) => Ok(Some(line)),
            None => ready!(reader.poll_line(cx)),
        };
        reader.failed = line.is_err();
        let line = line.map(|line| line.map(|line| reader.scan.memory.bytes(line).to_vec()));
        Poll::Ready(line.map_err(io::Error::from).transpose())
    }
}

impl Stream for LineStream {
    type Item = io::Result<String>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<io::Result<String>>> {
        let reader = &mut self.reader;
        if std::mem::take(&mut reader.failed) {
            return Poll::Ready(None);
        }
        let line = match reader.scan.in_chunk(reader.line_bytes_max) {
            Some(line) => line,
            None => match ready!(reader.poll_line(cx)) {
                Ok(Some(line)) => line,
                Ok(None) => return Poll::Ready(None),
                Err(error) => {
                    reader.failed = true;
                    return Poll::Ready(Some(Err(error.into())));
                }
            },
        };
        match std::str::from_utf8(reader.scan.memory.bytes(line)) {
            Ok(text) => Poll::Ready(Some(Ok(text.to_owned()))),
            Err(error) => {
                reader.scan.cursor.put_back(line);
                reader.failed = true;
                let start = reader.scan.position();
                Poll::Ready(Some(Err(not_text(&reader.chunks, start, &error).into())))
            }
        }
    }
}
