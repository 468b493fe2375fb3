//! Text that was read ahead, and the way back from its characters to bytes.

mod read;
mod seek;
mod segment;

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use caio::{Error, ErrorKind};
use tokio::io::AsyncBufRead;

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::errors::Errors;
use super::newline::Line;
use super::options::{Choice, TextOptions};
use segment::Segment;

/// The most bytes that are decoded at once.
const CHUNK_BYTES_MAX: usize = 64 << 10;

/// The reading half of a text file: it holds a cursor, and text from there on.
#[derive(Debug)]
pub(super) struct Input {
    options: TextOptions,
    /// The encoding was found, or needs no finding.
    pub(super) chosen: bool,
    /// Bytes that were looked at to find it, and not decoded yet.
    head: Vec<u8>,
    pub(super) decoder: Decoder,
    text: String,
    /// The cursor, in `text`.
    used: usize,
    /// Before this place in `text` and behind the cursor no line ends.
    scanned: usize,
    /// How much text was dropped in front of `text` since the last start.
    dropped: u64,
    segments: VecDeque<Segment>,
}

impl Input {
    pub(super) fn new(options: &TextOptions) -> Self {
        Self {
            chosen: options.choice == Choice::Named,
            head: Vec::new(),
            decoder: options.decoder(options.encoding),
            options: options.clone(),
            text: String::new(),
            used: 0,
            scanned: 0,
            dropped: 0,
            segments: VecDeque::new(),
        }
    }

    /// An encoder for what is read.
    pub(super) fn encoder(&self) -> Encoder {
        self.options.encoder(self.decoder.encoding())
    }

    /// Forgets what was read, and goes on at this byte offset.
    pub(super) fn restart(&mut self, offset: u64) {
        self.decoder.restart(offset);
        self.head.clear();
        self.text.clear();
        self.segments.clear();
        (self.used, self.scanned, self.dropped) = (0, 0, 0);
    }

    pub(super) fn set_errors(&mut self, errors: Errors) {
        self.options.errors = errors;
        self.decoder.set_errors(errors);
    }

    pub(super) fn set_max_line(&mut self, bytes: usize) {
        self.options.max_line = bytes;
    }

    /// The text from the cursor on, as far as it was read.
    pub(super) fn ahead(&self) -> &str {
        &self.text[self.used..]
    }

    /// The whole text that was read and not used yet. It counts as used then.
    pub(super) fn take_ahead(&mut self) -> String {
        self.text.drain(..self.used);
        self.dropped += (self.used + self.text.len()) as u64;
        self.segments.clear();
        (self.used, self.scanned) = (0, 0);
        mem::take(&mut self.text)
    }

    /// Moves the cursor behind a line.
    #[inline]
    fn pass(&mut self, line: Line) {
        self.used = line.next;
        self.scanned = line.next;
    }

    /// The text of a line that is still held.
    #[inline]
    pub(super) fn slice(&self, start: usize, end: usize) -> &str {
        &self.text[start..end]
    }

    /// Moves the cursor by so many bytes of text and gives them.
    pub(super) fn take(&mut self, length: usize) -> String {
        let start = self.used;
        self.used += length;
        self.scanned = self.scanned.max(self.used);
        self.text[start..self.used].to_owned()
    }

    /// The byte offset of the cursor.
    pub(super) fn position(&mut self) -> u64 {
        if self.used == self.text.len() {
            return self.decoder.position();
        }
        let cursor = self.dropped + self.used as u64;
        let segment = self.segments.iter_mut().find(|segment| cursor < segment.end);
        segment.map_or(self.decoder.position(), |segment| segment.locate(cursor))
    }

    /// Reads and decodes one chunk. `false` where nothing follows, now.
    pub(super) fn poll_more<R: AsyncBufRead>(
        &mut self,
        mut inner: Pin<&mut R>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        if !self.chosen {
            ready!(self.poll_choose(inner.as_mut(), cx))?;
            if !self.chosen {
                return Poll::Ready(Ok(!self.head.is_empty()));
            }
        }
        let mut head = mem::take(&mut self.head);
        let (bytes, last) = if self.decoder.is_stuck() {
            (&[][..], false)
        } else if !head.is_empty() {
            (&*head, false)
        } else {
            let bytes = ready!(inner.as_mut().poll_fill_buf(cx))?;
            (&bytes[..bytes.len().min(CHUNK_BYTES_MAX)], bytes.is_empty())
        };
        self.drop_used();
        let mut segment = Segment::new(&self.decoder, self.end());
        let mut rest = bytes;
        let outcome = self.decoder.decode(&mut rest, last, &mut self.text);
        let taken = bytes.len() - rest.len();
        let end = self.end();
        let grown = segment.finish(&self.decoder, &bytes[..taken], end);
        if head.is_empty() {
            inner.as_mut().consume(taken);
        } else {
            head.drain(..taken);
            self.head = head;
        }
        if grown {
            self.segments.push_back(segment);
        } else {
            // What was good is given first: the next call repeats the error.
            outcome?;
        }
        Poll::Ready(Ok(grown || !last))
    }

    /// The next line where it was read ahead: the common case, and nothing else. The cursor is then
    /// behind it, and its text is held.
    #[inline]
    pub(super) fn line_ahead(&mut self) -> Option<Line> {
        let found = self.options.newline.find(self.text.as_bytes(), self.scanned, false);
        let line = found.map(|(end, next)| Line { start: self.used, end, next })?;
        if line.end - line.start > self.options.max_line {
            return None;
        }
        self.pass(line);
        Some(line)
    }

    /// Finds the next line, whose text is then held, and moves the cursor behind it.
    pub(super) fn poll_line<R: AsyncBufRead>(
        &mut self,
        mut inner: Pin<&mut R>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Line>>> {
        loop {
            let found = self.options.newline.find(self.text.as_bytes(), self.scanned, false);
            if let Some((end, next)) = found {
                let line = Line { start: self.used, end, next };
                return Poll::Ready(self.take_whole(line).map(Some));
            }
            // One more than the line may be the first half of its end.
            if self.text.len() - self.used > self.options.max_line.saturating_add(1) {
                return Poll::Ready(Err(self.too_long()));
            }
            // The last byte may be the first half of an end.
            self.scanned = self.text.len().saturating_sub(1).max(self.scanned);
            if ready!(self.poll_more(inner.as_mut(), cx))? {
                continue;
            }
            let found = self.options.newline.find(self.text.as_bytes(), self.scanned, true);
            let length = self.text.len();
            let (end, next) = found.unwrap_or((length, length));
            let line = Line { start: self.used, end, next };
            let is_line = line.next > line.start;
            return Poll::Ready(if is_line { self.take_whole(line).map(Some) } else { Ok(None) });
        }
    }

    fn take_whole(&mut self, line: Line) -> io::Result<Line> {
        if line.end - line.start > self.options.max_line {
            return Err(self.too_long());
        }
        self.pass(line);
        Ok(line)
    }

    fn too_long(&self) -> io::Error {
        let message = format!("a line is longer than {} bytes", self.options.max_line);
        let hint = "raise `max_line`, or read by characters";
        Error::new(ErrorKind::InvalidData, message).doing("read a line").hint(hint).into()
    }

    /// Looks at the next bytes to find the encoding.
    fn poll_choose<R: AsyncBufRead>(
        &mut self,
        mut inner: Pin<&mut R>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut last = self.head.len() >= CHUNK_BYTES_MAX;
        if !last {
            let bytes = ready!(inner.as_mut().poll_fill_buf(cx))?;
            let length = bytes.len().min(CHUNK_BYTES_MAX);
            last = length == 0;
            self.head.extend_from_slice(&bytes[..length]);
            inner.as_mut().consume(length);
        }
        if !self.head.is_empty()
            && let Some(encoding) = self.options.choose(&self.head, last)?
        {
            let offset = self.decoder.position();
            self.decoder = self.options.decoder(encoding);
            self.decoder.restart(offset);
            self.chosen = true;
        }
        Poll::Ready(Ok(()))
    }

    fn drop_used(&mut self) {
        if self.used > 0 {
            self.text.drain(..self.used);
            self.dropped += self.used as u64;
            self.scanned = self.scanned.saturating_sub(self.used);
            self.used = 0;
            while self.segments.front().is_some_and(|segment| segment.end <= self.dropped) {
                self.segments.pop_front();
            }
        }
    }

    /// Where the text ends, counted from the last start.
    fn end(&self) -> u64 {
        self.dropped + self.text.len() as u64
    }
}
