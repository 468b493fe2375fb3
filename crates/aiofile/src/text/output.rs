//! Encoded text that is on its way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use caio::{Error, ErrorKind};
use tokio::io::AsyncWrite;

use super::encoder::Encoder;
use super::options::TextOptions;

/// The writing half of a text file.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) encoder: Encoder,
    bytes: Vec<u8>,
    /// How many of them the file has.
    written: usize,
    /// Whether anything was written, ever.
    begun: bool,
    /// So many bytes are collected before they are written.
    collected_max: usize,
}

impl Output {
    pub(super) fn new(options: &TextOptions) -> Self {
        Self {
            encoder: options.encoder(options.encoding),
            bytes: Vec::new(),
            written: 0,
            begun: false,
            collected_max: options.write_buffer,
        }
    }

    /// Takes text, and returns how many characters it has.
    pub(super) fn put(&mut self, text: &str) -> io::Result<usize> {
        self.encoder.encode(text, &mut self.bytes)?;
        Ok(text.chars().count())
    }

    /// Writes what there is, unless it is little enough to be collected.
    pub(super) fn poll_surplus<W: AsyncWrite>(
        &mut self,
        inner: Pin<&mut W>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        match self.bytes.len() > self.collected_max {
            true => self.poll_drain(inner, cx),
            false => Poll::Ready(Ok(())),
        }
    }

    /// Writes what there is. Where nothing is collected and the write fails, the rest is forgotten,
    /// so that the caller can write the text again; else it is kept for the next flush.
    pub(super) fn poll_drain<W: AsyncWrite>(
        &mut self,
        mut inner: Pin<&mut W>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.bytes.len() {
            let outcome = ready!(inner.as_mut().poll_write(cx, &self.bytes[self.written..]));
            let error = match outcome {
                Ok(0) => {
                    Error::new(ErrorKind::WriteZero, "no byte was taken").doing("write").into()
                }
                Ok(count) => {
                    self.written += count;
                    self.begun = true;
                    continue;
                }
                Err(error) => error,
            };
            if self.collected_max == 0 {
                self.bytes.clear();
                self.written = 0;
                if !self.begun {
                    self.encoder.restart();
                }
            }
            return Poll::Ready(Err(error));
        }
        self.bytes.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}
