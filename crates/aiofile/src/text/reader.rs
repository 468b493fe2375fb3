//! Text from anything that reads bytes.

use std::future::poll_fn;
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncBufRead, AsyncSeek};

use super::encoding::Encoding;
use super::errors::Errors;
use super::input::Input;
use super::lines::TextLines;
use super::options::TextOptions;

/// Reads text from any [`AsyncBufRead`]: a file, standard input, a socket in tokio's `BufReader`,
/// a slice of bytes. It decodes up to 64 KiB at once and serves characters and lines from there.
///
/// # Errors of decoding
/// They name the offset and the bytes, and move no cursor: the characters before them can be had
/// with [`read`](Self::read), whole lines before them with each of the methods. The error repeats
/// until [`set_errors`](Self::set_errors) says what else to do.
///
/// # Cancel safety
/// Dropping the future of any read loses nothing: what came is there for the next one.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// use aiofile::text::{Encoding, TextOptions, TextReader};
///
/// let options = TextOptions::new().encoding(Encoding::UTF_16);
/// let bytes = b"\xfe\xff\0a\0\r\0\n\0b";
/// let mut reader = TextReader::new(&bytes[..], &options);
/// assert_eq!(reader.next_line().await?, Some("a"));
/// assert_eq!(reader.tell(), 8);
/// assert_eq!(reader.read_to_end().await?, "b");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct TextReader<R> {
    inner: R,
    input: Input,
}

impl<R> TextReader<R> {
    /// Reads from here on, which is taken for the start of a file.
    #[must_use]
    pub fn new(inner: R, options: &TextOptions) -> Self {
        Self { inner, input: Input::new(options) }
    }

    /// What to do about malformed bytes from now on, those of the last error included.
    pub fn set_errors(&mut self, errors: Errors) {
        self.input.set_errors(errors);
    }

    /// The longest line from now on, see [`TextOptions::max_line`].
    pub fn set_max_line(&mut self, bytes: usize) {
        self.input.set_max_line(bytes);
    }

    /// The encoding; `None` where it is to be found by the first chunk, and that was not read.
    #[must_use]
    pub fn encoding(&self) -> Option<Encoding> {
        self.input.chosen.then(|| self.input.decoder.encoding())
    }

    /// The byte offset of the cursor, which is at a border between characters, counted from where
    /// the reader began. Costs no call; where the text is not what the bytes are (anything but
    /// UTF-8, `\r\n`), it decodes up to 64 KiB again.
    pub fn tell(&mut self) -> u64 {
        self.input.position()
    }

    /// What it reads from. Its cursor is ahead of the text's.
    #[must_use]
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// Gives back what it read from. What was read ahead is lost.
    #[must_use]
    pub fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: AsyncBufRead + Unpin> TextReader<R> {
    /// So many characters; fewer at the end of the file, and where bytes after them are malformed.
    ///
    /// # Errors
    /// [`InvalidData`](io::ErrorKind::InvalidData) where the next bytes are no text; else what the
    /// reader below answers.
    pub async fn read(&mut self, characters: usize) -> io::Result<String> {
        self.input.read(&mut self.inner, characters).await
    }

    /// All that follows, in memory.
    ///
    /// # Errors
    /// As for [`read`](Self::read), for any bytes to the end. The cursor is where it was then.
    pub async fn read_to_end(&mut self) -> io::Result<String> {
        self.input.read_all(&mut self.inner).await
    }

    /// The next line with its end; an empty string at the end of the file.
    ///
    /// # Errors
    /// As for [`next_line`](Self::next_line).
    pub async fn readline(&mut self) -> io::Result<String> {
        self.input.readline(&mut self.inner).await
    }

    /// The next line without its end, lent; `None` at the end of the file. The last line needs no
    /// end.
    ///
    /// # Errors
    /// [`InvalidData`](io::ErrorKind::InvalidData) where its bytes are no text, and where it is
    /// longer than [`max_line`](TextOptions::max_line); else what the reader below answers. The
    /// cursor is at its start then.
    #[inline]
    pub async fn next_line(&mut self) -> io::Result<Option<&str>> {
        self.input.next_line(&mut self.inner).await
    }

    /// The lines from the cursor on, without their ends, as a stream of strings.
    pub fn lines(&mut self) -> TextLines<'_, Self> {
        TextLines::new(self, Self::poll_next_line)
    }

    fn poll_next_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<String>>> {
        self.input.poll_string(Pin::new(&mut self.inner), cx)
    }
}

impl<R: AsyncBufRead + AsyncSeek + Unpin> TextReader<R> {
    /// Moves the cursor to the start, to an offset that [`tell`](Self::tell) has given, or to the
    /// end, and returns its byte offset. At any other offset, what is read next is what its bytes
    /// mean to the encoding.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a distance from the end or the cursor, and
    /// within text whose meaning depends on what is before it (iso-2022-jp). The cursor has not
    /// moved then. Else what the reader below answers.
    ///
    /// # Cancel safety
    /// Where the cursor is after the future was dropped is not known: seek again.
    pub async fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match self.input.check_seek(to)? {
            Some(to) => to,
            None => return Ok(self.input.position()),
        };
        self.input.learn_order(&mut self.inner, to).await?;
        let inner = &mut self.inner;
        Pin::new(&mut *inner).start_seek(to)?;
        let offset = poll_fn(|cx| Pin::new(&mut *inner).poll_complete(cx)).await?;
        self.input.restart(offset);
        Ok(offset)
    }
}
