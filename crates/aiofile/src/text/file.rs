//! A text file: one cursor, characters in and out.

mod open;
mod turn;

use std::future::poll_fn;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use caio::Error;
use tokio::io::{AsyncBufRead, AsyncSeek, AsyncWrite};

use super::encoding::Encoding;
use super::errors::Errors;
use super::input::Input;
use super::lines::TextLines;
use super::options::TextOptions;
use super::output::Output;
use crate::file::File;
use turn::Turn;

/// A file of characters, as Python's `open` gives it in text mode.
///
/// It decodes and encodes over any file with tokio's traits, this crate's by default. Reads and
/// writes go on at one cursor, which is at a border between characters. What it says of
/// [errors of decoding](super::TextReader#errors-of-decoding) holds as for the reader.
///
/// # Cancel safety
/// Dropping the future of a read loses nothing. After a write, a part may be written; the next
/// operation writes the rest first.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("poem");
/// use std::io::SeekFrom;
/// use aiofile::text::{Encoding, TextFile, TextOptions};
///
/// let options = TextOptions::new().encoding(Encoding::UTF_16);
/// let mut file = TextFile::open_with(&path, "w+", &options).await?;
/// file.write("eins\nzwei\ndrei\n").await?;
/// file.seek(SeekFrom::Start(0)).await?;
/// assert_eq!(file.next_line().await?, Some("eins"));
/// let second = file.tell().await?;
/// assert_eq!(file.readline().await?, "zwei\n");
/// file.seek(SeekFrom::Start(second)).await?;
/// assert_eq!(file.read(3).await?, "zwe");
///
/// let mut lines = file.lines();
/// assert_eq!(lines.next().await.transpose()?.as_deref(), Some("i"));
/// assert_eq!(lines.next().await.transpose()?.as_deref(), Some("drei"));
/// assert!(lines.next().await.is_none());
/// file.close().await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct TextFile<F = File> {
    file: F,
    path: Option<PathBuf>,
    input: Input,
    output: Output,
    turn: Turn,
    /// Writes go to the end of the file, wherever the cursor is.
    appends: bool,
    seekable: bool,
    /// A seek of the file below that was begun.
    seeking: Option<SeekFrom>,
}

impl<F> TextFile<F> {
    /// Characters of a file that is open, from its cursor on.
    #[must_use]
    pub fn new(file: F, options: &TextOptions) -> Self {
        Self {
            file,
            path: None,
            input: Input::new(options),
            output: Output::new(options),
            turn: Turn::Unknown,
            appends: false,
            seekable: true,
            seeking: None,
        }
    }

    /// What to do about malformed bytes from now on, those of the last error included. Of
    /// unencodable characters, the options decide.
    pub fn set_errors(&mut self, errors: Errors) {
        self.input.set_errors(errors);
    }

    /// The longest line from now on, see [`TextOptions::max_line`].
    pub fn set_max_line(&mut self, bytes: usize) {
        self.input.set_max_line(bytes);
    }

    /// The encoding in which it reads; `None` where that is to be found by the first chunk, and
    /// that was not read.
    #[must_use]
    pub fn encoding(&self) -> Option<Encoding> {
        self.input.chosen.then(|| self.input.decoder.encoding())
    }

    /// The file below. Its cursor is not the text's.
    #[must_use]
    pub fn get_ref(&self) -> &F {
        &self.file
    }

    /// The path that it was opened by.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    fn named(&self) -> impl FnOnce(io::Error) -> io::Error + use<'_, F> {
        named(self.path.as_deref())
    }
}

/// Says which file an error is about.
fn named(path: Option<&Path>) -> impl FnOnce(io::Error) -> io::Error {
    move |error| match path {
        Some(path) => Error::system(error).on(path).into(),
        None => error,
    }
}

impl<F: AsyncBufRead + AsyncWrite + AsyncSeek + Unpin> TextFile<F> {
    /// So many characters; fewer at the end of the file, and where bytes after them are malformed.
    ///
    /// Costs a read of 64 KiB for each chunk of the file.
    ///
    /// # Errors
    /// [`InvalidData`](io::ErrorKind::InvalidData) where the next bytes are no text; else what the
    /// file answers.
    pub async fn read(&mut self, characters: usize) -> io::Result<String> {
        self.reading().await?;
        self.input.read(&mut self.file, characters).await.map_err(named(self.path.as_deref()))
    }

    /// All that follows, in memory.
    ///
    /// # Errors
    /// As for [`read`](Self::read), for any bytes to the end. The cursor is where it was then.
    #[doc(alias = "read_to_end")]
    pub async fn read_all(&mut self) -> io::Result<String> {
        self.reading().await?;
        self.input.read_all(&mut self.file).await.map_err(named(self.path.as_deref()))
    }

    /// The next line with its end; an empty string at the end of the file.
    ///
    /// # Errors
    /// As for [`next_line`](Self::next_line).
    pub async fn readline(&mut self) -> io::Result<String> {
        self.reading().await?;
        self.input.readline(&mut self.file).await.map_err(named(self.path.as_deref()))
    }

    /// As [`readline`](Self::readline), and of a longer line the first `most` characters: what is
    /// left of it comes next. An empty string for a `most` of 0.
    ///
    /// # Errors
    /// As for [`read`](Self::read). The cursor is where it was then.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?; let path = directory.path().join("text");
    /// # std::fs::write(&path, "größer\nals")?;
    /// let mut file = aiofile::text::TextFile::open(&path, "r").await?;
    /// assert_eq!(file.readline_up_to(4).await?, "größ");
    /// assert_eq!(file.readline_up_to(4).await?, "er\n");
    /// assert_eq!(file.readline_up_to(4).await?, "als");
    /// # Ok(()) }
    /// ```
    pub async fn readline_up_to(&mut self, most: usize) -> io::Result<String> {
        self.reading().await?;
        let line = self.input.readline_up_to(&mut self.file, most).await;
        line.map_err(named(self.path.as_deref()))
    }

    /// The next line without its end, lent; `None` at the end of the file. The last line needs no
    /// end.
    ///
    /// # Errors
    /// [`InvalidData`](io::ErrorKind::InvalidData) where its bytes are no text, and where it is
    /// longer than [`max_line`](TextOptions::max_line); else what the file answers. The cursor is
    /// at its start then.
    #[inline]
    pub async fn next_line(&mut self) -> io::Result<Option<&str>> {
        self.reading().await?;
        self.input.next_line(&mut self.file).await.map_err(named(self.path.as_deref()))
    }

    /// The lines from the cursor on, without their ends, as a stream of strings.
    pub fn lines(&mut self) -> TextLines<'_, Self> {
        TextLines::new(self, Self::poll_next_line)
    }

    fn poll_next_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<String>>> {
        if self.turn != Turn::Reading {
            ready!(self.poll_reading(cx)).map_err(self.named())?;
        }
        let line = self.input.poll_string(Pin::new(&mut self.file), cx);
        line.map_err(named(self.path.as_deref()))
    }

    /// Writes the text at the cursor, or at the end of a file that was opened to append, and
    /// returns how many characters it has. Unless
    /// [bytes are collected](TextOptions::write_buffer), the file has it all then.
    ///
    /// Characters may have another length than those that they replace; nothing is moved for that.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a character that the encoding lacks,
    /// before anything was written; else what the file answers. A part may be written then, and
    /// the rest is written no more, unless bytes are collected: then the next flush tries again.
    pub async fn write(&mut self, text: &str) -> io::Result<usize> {
        poll_fn(|cx| self.poll_writing(cx)).await.map_err(self.named())?;
        let outcome = self.output.put(text);
        let characters = outcome.map_err(self.named())?;
        let (output, file) = (&mut self.output, &mut self.file);
        let outcome = poll_fn(|cx| output.poll_surplus(Pin::new(&mut *file), cx)).await;
        match outcome {
            Ok(()) => Ok(characters),
            Err(error) => {
                // How far the cursor got, and so whether a mark was written, is asked again.
                self.turn = Turn::Unknown;
                Err(self.named()(error))
            }
        }
    }

    /// Writes what was collected, and flushes the file below. That is no sync.
    ///
    /// # Errors
    /// What the file answers.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_drained(cx)).await.map_err(self.named())?;
        poll_fn(|cx| Pin::new(&mut self.file).poll_flush(cx)).await.map_err(self.named())
    }

    /// The byte offset of the cursor, which is at a border between characters.
    ///
    /// Writes first what was collected. After a read it costs no call; where the text is not what
    /// the bytes are (anything but UTF-8, `\r\n`), it decodes up to 64 KiB again.
    ///
    /// # Errors
    /// What the file answers.
    pub async fn tell(&mut self) -> io::Result<u64> {
        self.reading().await?;
        Ok(self.input.position())
    }

    /// Moves the cursor to the start, to an offset that [`tell`](Self::tell) has given, or to the
    /// end, and returns its byte offset. Writes first what was collected. At any other offset, what
    /// is read next is what its bytes mean to the encoding.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a distance from the end or the cursor, and
    /// within text whose meaning depends on what is before it (iso-2022-jp). The cursor has not
    /// moved then. Else what the file answers.
    ///
    /// # Cancel safety
    /// Where the cursor is after the future was dropped is not known: seek again.
    pub async fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.reading().await?;
        let Some(to) = self.input.check_seek(to).map_err(self.named())? else {
            return Ok(self.input.position());
        };
        let learned = self.input.learn_order(&mut self.file, to).await;
        learned.map_err(self.named())?;
        self.turn = Turn::Unknown;
        let outcome = poll_fn(|cx| self.poll_seek(to, cx)).await;
        self.turn = Turn::Reading;
        let offset = outcome.map_err(self.named())?;
        self.input.restart(offset);
        Ok(offset)
    }

    /// Flushes, and closes the file as its own `shutdown` does.
    ///
    /// # Errors
    /// What the file answers.
    pub async fn close(mut self) -> io::Result<()> {
        self.flush().await?;
        poll_fn(|cx| Pin::new(&mut self.file).poll_shutdown(cx)).await.map_err(self.named())
    }

    /// Gives back the file below, with its cursor where the text's is. Writes first what was
    /// collected, and flushes. Of what cannot seek, such as a pipe, what was read ahead is lost.
    ///
    /// # Errors
    /// What the file answers. It is dropped then.
    ///
    /// # Cancel safety
    /// Dropping the future drops the file, and a part of what was collected may be written.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?; let path = directory.path().join("message");
    /// # std::fs::write(&path, b"length: 3\n\x00\xff\x01")?;
    /// use aiofile::text::TextFile;
    /// use tokio::io::AsyncReadExt;
    ///
    /// let mut header = TextFile::open(&path, "r").await?;
    /// assert_eq!(header.next_line().await?, Some("length: 3"));
    /// let mut body = [0; 3];
    /// header.into_inner().await?.read_exact(&mut body).await?;
    /// assert_eq!(body, [0, 255, 1]);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "detach")]
    pub async fn into_inner(mut self) -> io::Result<F> {
        self.flush().await?;
        let cursor = match self.turn {
            Turn::Reading if self.seekable => Some(self.input.position()),
            Turn::Seek(offset) => Some(offset),
            Turn::Reading | Turn::Writing | Turn::Unknown => None,
        };
        if let Some(offset) = cursor {
            let moved = poll_fn(|cx| self.poll_seek(SeekFrom::Start(offset), cx)).await;
            moved.map_err(self.named())?;
        }
        Ok(self.file)
    }

    #[inline]
    async fn reading(&mut self) -> io::Result<()> {
        match self.turn {
            Turn::Reading => Ok(()),
            _ => poll_fn(|cx| self.poll_reading(cx)).await.map_err(self.named()),
        }
    }
}
