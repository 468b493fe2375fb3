//! Reading a file line by line, whatever ends a line.

mod follow;
mod scan;
mod stream;

use std::future::poll_fn;
use std::io;
use std::str::Utf8Error;
use std::task::{Context as TaskContext, Poll, ready};

use caio::{Error, ErrorKind, OpKind, Result};

use crate::aio_file::{AioFile, no_memory};
use crate::reader::Chunks;
pub use follow::{Follow, FollowEvent};
use scan::{Found, Line, Scan};
pub use stream::LineStream;

/// The longest line unless said otherwise. Real lines are far below, and what goes beyond is a
/// file that has no lines at all.
const LINE_BYTES_MAX: usize = 256 << 20;

/// Reads lines: pieces of a file that end with a separator of one or more bytes. It holds a cursor
/// and nothing else.
///
/// [`next_line`](Self::next_line) lends each line where it was read, and allocates nothing for it.
/// [`next_str`](Self::next_str) checks that it is UTF-8. The [`Stream`](futures_core::Stream)
/// gives lines away, and [`lines`](Self::lines) makes one of strings.
///
/// A line is what lies between two separators, so that an empty line is an empty slice. The last
/// line needs no separator behind it; a file that ends with a separator has no empty line after it.
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("log");
/// # std::fs::write(&path, "first\r\n\r\nthird").unwrap();
/// use aiofile::{AioFile, LineReader};
///
/// let file = AioFile::open(&path, "r").await?; // first\r\n \r\n third
/// let mut lines = LineReader::new(&file).crlf(true);
/// assert_eq!(lines.next_line().await?, Some(&b"first"[..]));
/// assert_eq!(lines.next_str().await?, Some(""));
/// assert_eq!(lines.position(), 9);
/// assert_eq!(lines.next_str().await?, Some("third"));
/// assert_eq!(lines.next_line().await?, None);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct LineReader {
    chunks: Chunks,
    scan: Scan,
    line_bytes_max: usize,
    /// The end of the file came with the last line, and has not been reported yet.
    ended: bool,
    /// The stream ended with an error, and has not said so yet.
    failed: bool,
}

impl LineReader {
    /// Lines that end with `\n`, from the start of the file, with a handle of its own on it: takes
    /// an [`AioFile`] or a reference to one.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("numbers");
    /// # std::fs::write(&path, "one\ntwo\n")?;
    /// let file = aiofile::AioFile::open(&path, "r").await?; // one\n two\n
    /// let mut lines = aiofile::LineReader::new(&file);
    /// drop(file); // the reader has a handle of its own
    /// assert_eq!(lines.next_str().await?, Some("one"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(file: impl Into<AioFile>) -> Self {
        Self {
            chunks: Chunks::new(file.into()),
            scan: Scan::new(b"\n"),
            line_bytes_max: LINE_BYTES_MAX,
            ended: false,
            failed: false,
        }
    }

    /// Starts at this byte offset, which is taken for the start of a line.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("numbers");
    /// # std::fs::write(&path, "one\ntwo\n")?;
    /// let file = aiofile::AioFile::open(&path, "r").await?; // one\n two\n
    /// let mut lines = aiofile::LineReader::new(&file).offset(4);
    /// assert_eq!(lines.next_str().await?, Some("two"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn offset(mut self, offset: u64) -> Self {
        self.jump(offset);
        self
    }

    /// What ends a line: any bytes, `\n` unless said. Without any byte, the file is one line.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("numbers");
    /// # std::fs::write(&path, "one, two, three")?;
    /// use aiofile::{AioFile, LineReader};
    /// use futures_util::TryStreamExt;
    ///
    /// let file = AioFile::open(&path, "r").await?; // one, two, three
    /// let words: Vec<_> = LineReader::new(&file).separator(", ").lines().try_collect().await?;
    /// assert_eq!(words, ["one", "two", "three"]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn separator(mut self, separator: impl AsRef<[u8]>) -> Self {
        self.scan.set_separator(separator.as_ref());
        self
    }

    /// Takes one `\r` off the end of a line, so that both `\n` and `\r\n` end lines. A last line
    /// without separator keeps its `\r`.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("mixed");
    /// # std::fs::write(&path, "one\r\ntwo\n")?;
    /// use aiofile::{AioFile, LineReader};
    /// use futures_util::TryStreamExt;
    ///
    /// let file = AioFile::open(&path, "r").await?; // one\r\n two\n
    /// let lines: Vec<_> = LineReader::new(&file).crlf(true).lines().try_collect().await?;
    /// assert_eq!(lines, ["one", "two"]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn crlf(mut self, crlf: bool) -> Self {
        self.scan.set_crlf(crlf);
        self
    }

    /// Refuses lines of more bytes, not counting the separator: 256 MiB unless said. What does not
    /// fit is an error, and never more than this and one chunk is held in memory.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("upload");
    /// # std::fs::write(&path, "short\nfar too long\nshort\n")?;
    /// use aiofile::{AioFile, Error, ErrorKind, LineReader};
    ///
    /// let file = AioFile::open(&path, "r").await?; // short\n far too long\n short\n
    /// let mut lines = LineReader::new(&file).max_line_bytes(8);
    /// assert_eq!(lines.next_line().await?, Some(&b"short"[..]));
    /// let error = Error::from(lines.next_line().await.unwrap_err());
    /// assert_eq!((error.kind(), error.offset()), (ErrorKind::InvalidData, Some(6)));
    /// assert!(lines.skip_line().await?);
    /// assert_eq!(lines.next_line().await?, Some(&b"short"[..]));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.line_bytes_max = bytes;
        self
    }

    /// Reads so many bytes at once: 64 KiB unless said. With 0 every read fails.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("log");
    /// # std::fs::write(&path, "an entry\n".repeat(1000))?;
    /// // For the first line alone not much has to be read.
    /// let file = aiofile::AioFile::open(&path, "r").await?; // 9000 bytes
    /// let mut lines = aiofile::LineReader::new(&file).chunk_size(512);
    /// assert_eq!(lines.next_str().await?, Some("an entry"));
    /// assert!(file.context().metrics().bytes_read < 9000);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn chunk_size(mut self, bytes: usize) -> Self {
        self.chunks.set_chunk_bytes(bytes);
        self
    }

    /// Reads so many chunks ahead where the file is not cached; see
    /// [`Reader::read_ahead`](crate::Reader::read_ahead).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("log");
    /// # std::fs::write(&path, "an entry\n".repeat(1000))?;
    /// let file = aiofile::AioFile::open(&path, "r").await?; // 9000 bytes
    /// let mut lines = aiofile::LineReader::new(&file).chunk_size(512).read_ahead(0);
    /// assert_eq!(lines.next_str().await?, Some("an entry"));
    /// assert_eq!(file.context().metrics().bytes_read, 512);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn read_ahead(mut self, chunks: usize) -> Self {
        self.chunks.set_chunks_ahead(chunks);
        self
    }

    /// Byte offset of the next line. After an error, of the line that it is about.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("numbers");
    /// # std::fs::write(&path, "one\ntwo\n")?;
    /// let file = aiofile::AioFile::open(&path, "r").await?; // one\n two\n
    /// let mut lines = aiofile::LineReader::new(&file);
    /// assert_eq!(lines.next_str().await?, Some("one"));
    /// assert_eq!(lines.position(), 4);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn position(&self) -> u64 {
        self.scan.position()
    }

    /// Goes on from another offset, which is taken for the start of a line.
    ///
    /// # Errors
    /// As for [`Reader::seek_to`](crate::Reader::seek_to).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("numbers");
    /// # std::fs::write(&path, "one\ntwo\nthree\n")?;
    /// let file = aiofile::AioFile::open(&path, "r").await?; // one\n two\n three\n
    /// let mut lines = aiofile::LineReader::new(&file);
    /// lines.skip_line().await?;
    /// let second = lines.position();
    /// while lines.skip_line().await? {}
    /// lines.seek_to(second)?;
    /// assert_eq!(lines.next_str().await?, Some("two"));
    /// # Ok(()) }
    /// ```
    pub fn seek_to(&mut self, offset: u64) -> io::Result<()> {
        self.chunks.check_seekable()?;
        self.jump(offset);
        Ok(())
    }

    /// The file that is read.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("numbers");
    /// # std::fs::write(&path, "one\ntwo\n")?;
    /// let file = aiofile::AioFile::open(&path, "r").await?; // one\n two\n
    /// let mut lines = aiofile::LineReader::new(&file);
    /// lines.skip_line().await?;
    /// let percent = 100 * lines.position() / lines.file().len().await?;
    /// assert_eq!(percent, 50);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn file(&self) -> &AioFile {
        self.chunks.file()
    }

    /// The next line without its separator, lent until the next call; `None` at the end of the
    /// file. Asked again after the end, it looks whether the file has grown.
    ///
    /// A line within a chunk is lent in place; one that crosses chunks is put together in a buffer
    /// that is used again. One read for each chunk, whatever the lines are like.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] for a line beyond
    /// [`max_line_bytes`](Self::max_line_bytes), with the offset where it starts; the cursor stays
    /// in front of it until [`skip_line`](Self::skip_line). Else what the system answers; the next
    /// call tries again.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing, also from a pipe.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("text");
    /// # std::fs::write(&path, b"short\n\nthe longest \xff\nlast")?;
    /// let file = aiofile::AioFile::open(&path, "r").await?; // short\n \n the longest \xff\n last
    /// let mut lines = aiofile::LineReader::new(&file);
    /// let (mut count, mut longest) = (0, 0);
    /// while let Some(line) = lines.next_line().await? {
    ///     count += 1;
    ///     longest = longest.max(line.len());
    /// }
    /// assert_eq!((count, longest), (4, 13));
    /// # Ok(()) }
    /// ```
    #[inline]
    pub async fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        let line = match self.scan.in_chunk(self.line_bytes_max) {
            Some(line) => line,
            None => match poll_fn(|cx| self.poll_line(cx)).await? {
                Some(line) => line,
                None => return Ok(None),
            },
        };
        Ok(Some(self.scan.memory.bytes(line)))
    }

    /// The next line as text; `None` at the end of the file.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] for a line that is not UTF-8, with the offset of the first wrong
    /// byte; the cursor stays in front of the line, for [`next_line`](Self::next_line) to give its
    /// bytes or [`skip_line`](Self::skip_line) to pass over it. Else as for
    /// [`next_line`](Self::next_line).
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("mixed");
    /// # std::fs::write(&path, b"fine\nbad \xff\nfine").unwrap();
    /// let file = aiofile::AioFile::open(&path, "r").await?; // fine\n bad \xff\n fine
    /// let mut lines = aiofile::LineReader::new(&file);
    /// assert_eq!(lines.next_str().await?, Some("fine"));
    /// let error = aiofile::Error::from(lines.next_str().await.unwrap_err());
    /// assert_eq!((error.offset(), lines.position()), (Some(9), 5));
    /// assert_eq!(lines.next_line().await?, Some(&b"bad \xff"[..]));
    /// assert_eq!(lines.next_str().await?, Some("fine"));
    /// # Ok(()) }
    /// ```
    #[inline]
    pub async fn next_str(&mut self) -> io::Result<Option<&str>> {
        let line = match self.scan.in_chunk(self.line_bytes_max) {
            Some(line) => line,
            None => match poll_fn(|cx| self.poll_line(cx)).await? {
                Some(line) => line,
                None => return Ok(None),
            },
        };
        match std::str::from_utf8(self.scan.memory.bytes(line)) {
            Ok(text) => Ok(Some(text)),
            Err(error) => {
                self.scan.cursor.put_back(line);
                Err(not_text(&self.chunks, self.scan.cursor.position(), &error).into())
            }
        }
    }

    /// Passes over the next line, however long it is; whether there was one.
    ///
    /// # Errors
    /// What the system answers; the next call goes on.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the rest of the line to be passed over by the next call,
    /// whichever it is.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("table");
    /// # std::fs::write(&path, "name,size\npear,3\n")?;
    /// let file = aiofile::AioFile::open(&path, "r").await?; // name,size\n pear,3\n
    /// let mut lines = aiofile::LineReader::new(&file);
    /// assert!(lines.skip_line().await?, "the heading");
    /// assert_eq!(lines.next_str().await?, Some("pear,3"));
    /// assert!(!lines.skip_line().await?, "the end");
    /// # Ok(()) }
    /// ```
    pub async fn skip_line(&mut self) -> io::Result<bool> {
        self.scan.begin_skip();
        Ok(poll_fn(|cx| self.poll_skip(cx)).await?)
    }

    /// A stream of the lines as strings. An error ends it.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::{AioFile, LineReader};
    /// use futures_util::TryStreamExt;
    ///
    /// let file = AioFile::open("/proc/self/status", "r").await?;
    /// let lines: Vec<String> = LineReader::new(&file).lines().try_collect().await?;
    /// assert!(lines.iter().any(|line| line.starts_with("VmRSS:")));
    /// # Ok(()) }
    /// ```
    pub fn lines(self) -> LineStream {
        LineStream::new(self)
    }

    fn poll_line(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Option<Line>>> {
        if self.scan.is_skipping() {
            ready!(self.poll_skip(cx))?;
        }
        loop {
            match self.scan.next(self.line_bytes_max) {
                Found::Line(line) => return Poll::Ready(Ok(Some(line))),
                Found::TooLong => return Poll::Ready(Err(self.too_long())),
                Found::NoMemory(length) => return Poll::Ready(Err(self.no_memory(length))),
                Found::Nothing => {}
            }
            if ready!(self.poll_feed(cx))? {
                continue;
            }
            return Poll::Ready(match self.scan.finish(self.line_bytes_max) {
                Found::Line(line) => {
                    self.ended = true;
                    Ok(Some(line))
                }
                Found::TooLong => Err(self.too_long()),
                Found::NoMemory(length) => Err(self.no_memory(length)),
                Found::Nothing => Ok(None),
            });
        }
    }

    fn poll_skip(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<bool>> {
        loop {
            if self.scan.skip() {
                return Poll::Ready(Ok(true));
            }
            if !ready!(self.poll_feed(cx))? {
                self.ended = self.scan.finish_skip();
                return Poll::Ready(Ok(self.ended));
            }
        }
    }

    /// Gets the next chunk; false at the end of the file.
    fn poll_feed(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<bool>> {
        if std::mem::take(&mut self.ended) {
            return Poll::Ready(Ok(false));
        }
        self.chunks.recycle(self.scan.release());
        let Some(chunk) = ready!(self.chunks.poll_next(cx))? else {
            return Poll::Ready(Ok(false));
        };
        self.scan.feed(chunk);
        Poll::Ready(Ok(true))
    }

    fn jump(&mut self, offset: u64) {
        self.chunks.seek_to(offset);
        self.scan.seek_to(offset);
        self.ended = false;
    }

    fn too_long(&self) -> Error {
        let message = format!("the line is longer than {} bytes", self.line_bytes_max);
        let error = Error::new(ErrorKind::InvalidData, message).during(OpKind::Read);
        let hint = "raise max_line_bytes, set the right separator, or pass over it with skip_line";
        on(&self.chunks, error.at(self.position())).hint(hint)
    }

    fn no_memory(&self, length: usize) -> Error {
        let hint = "lower max_line_bytes, or pass over the line with skip_line";
        on(&self.chunks, no_memory(length).at(self.position())).hint(hint)
    }
}

/// Says what is wrong with a line that starts at `start`.
fn not_text(chunks: &Chunks, start: u64, error: &Utf8Error) -> Error {
    let at = start + error.valid_up_to() as u64;
    let message = format!("the line at offset {start} is not UTF-8");
    let error = Error::new(ErrorKind::InvalidData, message).during(OpKind::Read).at(at);
    on(chunks, error).hint("take its bytes with next_line, or pass over it with skip_line")
}

fn on(chunks: &Chunks, error: Error) -> Error {
    match chunks.file().path() {
        Some(path) => error.on(path),
        None => error,
    }
}
