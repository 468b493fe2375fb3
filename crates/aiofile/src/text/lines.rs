//! Lines as a stream.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

/// The lines of a text, without their ends. Made by [`TextReader::lines`](super::TextReader::lines)
/// and [`TextFile::lines`](super::TextFile::lines). It ends behind the first error.
///
/// Where no `String` of each line is needed, `next_line` of the reader costs less: it lends the
/// line.
#[must_use = "a stream does nothing unless it is polled"]
pub struct TextLines<'a, S> {
    source: &'a mut S,
    poll_line: PollLine<S>,
    failed: bool,
}

pub(super) type PollLine<S> = fn(&mut S, &mut Context<'_>) -> Poll<Option<io::Result<String>>>;

impl<'a, S> TextLines<'a, S> {
    pub(super) fn new(source: &'a mut S, poll_line: PollLine<S>) -> Self {
        Self { source, poll_line, failed: false }
    }

    /// The next line; `None` at the end of the file, for now, and behind an error.
    ///
    /// # Errors
    /// As `next_line` of the reader.
    ///
    /// # Cancel safety
    /// Dropping the future or the stream loses nothing.
    pub async fn next(&mut self) -> Option<io::Result<String>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<String>>> {
        if self.failed {
            return Poll::Ready(None);
        }
        let line = ready!((self.poll_line)(self.source, cx));
        self.failed = matches!(line, Some(Err(_)));
        Poll::Ready(line)
    }
}

impl<S> Stream for TextLines<'_, S> {
    type Item = io::Result<String>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(cx)
    }
}

impl<S> fmt::Debug for TextLines<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextLines").field("failed", &self.failed).finish_non_exhaustive()
    }
}
