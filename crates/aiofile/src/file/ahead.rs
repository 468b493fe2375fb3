//! Bytes read before they were asked for, and when they may still be used.
//!
//! Lines and tokio's traits ask for less than is worth a system call, so a file reads a chunk
//! and serves them from memory. What it has read ahead of the cursor of a seekable file is a
//! cache: any write through any clone of it makes it worthless, and a seek out of it drops
//! it. What it has read from a stream exists nowhere else and is never dropped.

use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use caio::{Buffer, Result};

use super::File;
use super::pending_write::Half;
use crate::aio_file::{reserve, share};
use crate::boxed::BoxedFuture;

/// What is read ahead at once, in bytes, unless more is asked for.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// The file's bytes from the cursor on.
    bytes: Bytes,
    /// The generation of the file that they were read from.
    generation: u64,
    fill: Option<Fill>,
}

/// A read under way that will extend the bytes ahead.
#[derive(Debug)]
struct Fill {
    work: BoxedFuture<(Result<usize>, Buffer)>,
    /// Where the cursor stood; `None` where the file has been changed since.
    position: Option<u64>,
    /// How many bytes were ahead already; the buffer begins with a copy of them.
    kept: usize,
    generation: u64,
}

impl File {
    /// The bytes ahead. Call [`refresh`](Self::refresh) first, once for each operation.
    pub(super) fn ahead(&self) -> &[u8] {
        &self.ahead.bytes
    }

    /// Drops bytes ahead that a write has made worthless since.
    pub(super) fn refresh(&mut self) {
        self.seeking = None;
        self.adopt_position();
        if self.ahead.generation != self.generation.load(Ordering::Acquire) && self.is_seekable() {
            self.ahead.bytes.clear();
        }
    }

    /// As [`refresh`](Self::refresh), for an operation that no earlier poll belongs to: a read
    /// that was begun and given up may not answer it with what was there before a write.
    pub(super) fn refresh_all(&mut self) {
        self.refresh();
        let generation = self.generation.load(Ordering::Acquire);
        if self.ahead.fill.as_ref().is_some_and(|fill| fill.generation != generation)
            && self.is_seekable()
        {
            self.ahead.fill = None;
        }
    }

    /// Gives up on the read under way, and on what was read ahead.
    pub(super) fn give_up_reading(&mut self) {
        self.ahead = Ahead::default();
    }

    /// Marks the read under way, which began before a change through this handle: its bytes are not
    /// what is there now. It goes on, since the other half of the handle may wait for it.
    pub(super) fn invalidate_fill(&mut self) {
        if let Some(fill) = &mut self.ahead.fill {
            fill.position = None;
        }
    }

    /// Takes bytes ahead, and the cursor passes over them.
    pub(super) fn take_ahead(&mut self, length: usize) -> Bytes {
        self.position += length as u64;
        self.publish_position();
        self.ahead.bytes.split_to(length)
    }

    /// Lets the cursor pass over bytes ahead.
    pub(super) fn pass_ahead(&mut self, length: usize) {
        self.position += length as u64;
        self.publish_position();
        self.ahead.bytes.advance(length);
    }

    /// Lets the cursor pass over bytes of a seekable file that were read without those ahead.
    pub(super) fn pass(&mut self, length: usize) {
        self.set_position(self.position + length as u64);
        self.publish_position();
    }

    /// Moves the cursor of a seekable file. Bytes ahead stay useful where it stays among them.
    pub(super) fn set_position(&mut self, position: u64) {
        let forward = position.checked_sub(self.position).map(usize::try_from);
        match forward {
            Some(Ok(forward)) if forward <= self.ahead.bytes.len() => {
                self.ahead.bytes.advance(forward);
            }
            _ => self.ahead.bytes.clear(),
        }
        self.position = position;
    }

    /// Reads about `length` more bytes behind those ahead, at least as many as are ahead already,
    /// so that growing to any size costs a constant for each byte. 0 is the end of the file.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>, length: usize) -> Poll<Result<usize>> {
        loop {
            if self.is_seekable() {
                ready!(self.poll_no_write(cx, Half::Read));
            }
            let Some(fill) = &mut self.ahead.fill else {
                self.start_fill(length)?;
                continue;
            };
            let (result, buffer) = ready!(fill.work.poll(cx));
            let fill = self.ahead.fill.take().expect("it was just polled");
            if let Some(result) = self.take_in(&fill, result, buffer) {
                return Poll::Ready(result);
            }
        }
    }

    fn start_fill(&mut self, length: usize) -> Result<()> {
        let kept = self.ahead.bytes.len();
        let size = kept.saturating_add(length.max(kept));
        let at = self.position + kept as u64;
        let mut buffer = reserve(self.file.file()?, size, at)?;
        buffer.writable(0..kept).copy_from_slice(&self.ahead.bytes);
        let file = self.file.clone();
        let work = BoxedFuture::new(async move { file.read_buffer(buffer, kept..size, at).await });
        let generation = self.generation.load(Ordering::Acquire);
        self.ahead.fill = Some(Fill { work, position: Some(self.position), kept, generation });
        Ok(())
    }

    /// Puts what a fill has read where it belongs, or drops it where the cursor has left since.
    fn take_in(
        &mut self,
        fill: &Fill,
        result: Result<usize>,
        mut buffer: Buffer,
    ) -> Option<Result<usize>> {
        let seekable = self.is_seekable();
        if seekable && fill.position != Some(self.position) {
            return None;
        }
        let Ok(bytes) = result else { return Some(result) };
        buffer.set_len(fill.kept + bytes);
        let read = share(buffer);
        let ahead = &mut self.ahead;
        if seekable || ahead.bytes.len() == fill.kept {
            ahead.bytes = read;
        } else {
            // Bytes of a stream were taken while more were being read.
            ahead.bytes = [&ahead.bytes, &read[fill.kept..]].concat().into();
        }
        ahead.generation = fill.generation;
        Some(Ok(bytes))
    }
}
