//! Text to anything that takes bytes.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use tokio::io::AsyncWrite;

use super::options::TextOptions;
use super::output::Output;

/// Writes text to any [`AsyncWrite`]: a file, standard output, a socket.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// use aiofile::text::{Encoding, Errors, TextOptions, TextWriter};
///
/// let options = TextOptions::new().encoding(Encoding::LATIN_1);
/// let mut writer = TextWriter::new(Vec::new(), &options);
/// assert_eq!(writer.write("Grüße\n").await?, 6);
/// assert!(writer.write("5 €").await.is_err(), "latin-1 has no such character");
/// assert_eq!(writer.get_ref(), b"Gr\xfc\xdfe\n");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct TextWriter<W> {
    inner: W,
    output: Output,
}

impl<W> TextWriter<W> {
    /// Writes from here on, which is taken for the start of a file: an encoding with a mark begins
    /// with it.
    #[must_use]
    pub fn new(inner: W, options: &TextOptions) -> Self {
        Self { inner, output: Output::new(options) }
    }

    /// Where it writes to.
    #[must_use]
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// Gives back where it wrote to. What was collected and not flushed is lost.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.inner
    }
}

impl<W: AsyncWrite + Unpin> TextWriter<W> {
    /// Writes the text and returns how many characters it has. Unless
    /// [bytes are collected](TextOptions::write_buffer), the writer below has it all then.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a character that the encoding lacks,
    /// before anything was written; else what the writer below answers. A part may be written
    /// then, and the rest is written no more, unless bytes are collected: then the next flush tries
    /// again.
    ///
    /// # Cancel safety
    /// A part may be written; the next write or flush writes the rest first.
    pub async fn write(&mut self, text: &str) -> io::Result<usize> {
        let characters = self.output.put(text)?;
        let inner = &mut self.inner;
        poll_fn(|cx| self.output.poll_surplus(Pin::new(&mut *inner), cx)).await?;
        Ok(characters)
    }

    /// Writes what was collected, and flushes the writer below.
    ///
    /// # Errors
    /// What the writer below answers.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn flush(&mut self) -> io::Result<()> {
        let inner = &mut self.inner;
        poll_fn(|cx| self.output.poll_drain(Pin::new(&mut *inner), cx)).await?;
        poll_fn(|cx| Pin::new(&mut *inner).poll_flush(cx)).await
    }

    /// Flushes, and shuts the writer below down.
    ///
    /// # Errors
    /// What the writer below answers.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing; the next call goes on.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.flush().await?;
        poll_fn(|cx| Pin::new(&mut self.inner).poll_shutdown(cx)).await
    }
}
