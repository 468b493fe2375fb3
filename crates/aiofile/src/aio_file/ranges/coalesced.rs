//! Coalesced reads: in place, then as one batch, then on until they are whole.

use std::collections::VecDeque;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use caio::{
    Buffer, Error, ErrorKind, Op, OpKind, Operation, Outcome, Output, Result, SharedFile,
    TRANSFER_BYTES_MAX,
};
use futures_core::Stream;
use futures_util::stream::FuturesUnordered;

use super::plan::plan;
use super::slab::Slab;
use super::{AioFile, RangeOptions};
use crate::aio_file::direct;
use crate::aio_file::memory::reserve;

/// The most operations in flight for one stream: enough for any device, and a bound on memory.
const IN_FLIGHT_MAX: usize = 256;

pub(super) struct CoalescedReads {
    file: AioFile,
    ranges: Vec<Range<u64>>,
    /// Those that have not begun.
    waiting: VecDeque<CoalescedRead>,
    slab: Slab,
    /// Those that are not cached and go into the next batch.
    uncached: Vec<CoalescedRead>,
    in_flight: FuturesUnordered<InFlight>,
    ready: VecDeque<(usize, Result<Bytes>)>,
}

struct CoalescedRead {
    /// Byte offset of the buffer's first byte.
    offset: u64,
    /// Bytes to ask for: whole blocks for an O_DIRECT file.
    wanted: usize,
    /// Bytes that suffice.
    needed: usize,
    filled: usize,
    members: Vec<usize>,
    /// Empty until the read begins.
    buffer: Buffer,
}

struct InFlight {
    operation: Operation,
    read: Option<CoalescedRead>,
}

impl CoalescedReads {
    pub(super) fn new(file: &AioFile, ranges: &[Range<u64>], options: &RangeOptions) -> Self {
        let block = file.file().map_or(1, direct::read_block);
        let reads = plan(ranges, options).into_iter().map(|coalesced| {
            let offset = coalesced.extent.start - coalesced.extent.start % block;
            let end = coalesced.extent.end.next_multiple_of(block);
            CoalescedRead {
                offset,
                wanted: usize::try_from(end - offset).unwrap_or(usize::MAX),
                needed: usize::try_from(coalesced.extent.end - offset).unwrap_or(usize::MAX),
                filled: 0,
                members: coalesced.members,
                buffer: Buffer::default(),
            }
        });
        let waiting: VecDeque<CoalescedRead> = reads.collect();
        let slab = Slab::new(waiting.iter().map(|read| read.wanted));
        let empty = ranges.iter().enumerate().filter(|(_, range)| range.is_empty());
        Self {
            file: file.clone(),
            ranges: ranges.to_vec(),
            waiting,
            slab,
            uncached: Vec::new(),
            in_flight: FuturesUnordered::new(),
            ready: empty.map(|(index, _)| (index, Ok(Bytes::new()))).collect(),
        }
    }

    /// Operations that have not completed yet.
    pub(super) fn left(&self) -> usize {
        self.waiting.len() + self.uncached.len() + self.in_flight.len()
    }

    /// The next range that is ready, by its index; `None` when all have been given.
    pub(super) fn poll_ready(
        &mut self,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<(usize, Result<Bytes>)>> {
        loop {
            let begins = !(self.waiting.is_empty() && self.uncached.is_empty());
            if begins && self.ready.is_empty() && self.in_flight.len() <= IN_FLIGHT_MAX / 2 {
                ready!(self.poll_submit(cx));
            }
            if let Some(ready) = self.ready.pop_front() {
                return Poll::Ready(Some(ready));
            }
            match Pin::new(&mut self.in_flight).poll_next(cx) {
                Poll::Ready(Some((read, outcome))) => self.complete(read, outcome),
                Poll::Ready(None) if self.waiting.is_empty() => return Poll::Ready(None),
                Poll::Ready(None) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Reads in place what is cached, and submits the rest as one batch.
    fn poll_submit(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        while self.uncached.len() + self.in_flight.len() < IN_FLIGHT_MAX
            && self.ready.len() < IN_FLIGHT_MAX
        {
            let Some(mut read) = self.waiting.pop_front() else { break };
            match read.poll_in_place(cx, &self.file, &mut self.slab) {
                Poll::Pending => {
                    self.waiting.push_front(read);
                    return Poll::Pending;
                }
                Poll::Ready(Some(end)) => self.deliver(read, end.err()),
                Poll::Ready(None) => self.uncached.push(read),
            }
        }
        let Ok(file) = self.file.file() else { return Poll::Ready(()) };
        let mut reads = std::mem::take(&mut self.uncached);
        let ops: Vec<_> = reads.iter_mut().map(|read| read.op(file)).collect();
        let operations = self.file.context().submit_all(file, ops);
        let pairs = operations.into_iter().zip(reads);
        self.in_flight
            .extend(pairs.map(|(operation, read)| InFlight { operation, read: Some(read) }));
        Poll::Ready(())
    }

    fn complete(&mut self, mut read: CoalescedRead, outcome: Outcome) {
        let bytes = match (outcome.result, outcome.op) {
            (Ok(Output::Bytes(bytes)), Some(Op::Read { buffer, .. })) => {
                read.buffer = buffer;
                bytes
            }
            (Ok(_), _) => {
                read.filled = 0;
                let message = "the backend's answer does not fit a read";
                return self.deliver(read, Some(Error::new(ErrorKind::Abandoned, message)));
            }
            (Err(error), Some(Op::Read { buffer, .. })) => {
                read.buffer = buffer;
                return self.deliver(read, Some(error));
            }
            (Err(error), _) => {
                read.filled = 0;
                return self.deliver(read, Some(error));
            }
        };
        let Ok(file) = self.file.file() else { return };
        if read.account(bytes, file) {
            return self.deliver(read, None);
        }
        let operation = self.file.context().submit(Some(file), read.op(file));
        self.in_flight.push(InFlight { operation, read: Some(read) });
    }

    /// Gives each range its part; those behind what was read get the error, or none of the file.
    fn deliver(&mut self, mut read: CoalescedRead, error: Option<Error>) {
        read.buffer.set_len(read.filled);
        let bytes = read.buffer.into_bytes();
        for index in read.members {
            let range = &self.ranges[index];
            let start = (range.start - read.offset) as usize;
            let end = (range.end - read.offset) as usize;
            let part = if end <= bytes.len() {
                Ok(bytes.slice(start..end))
            } else {
                Err(error.clone().unwrap_or_else(|| {
                    self.ended(index, (bytes.len() as u64 + read.offset).max(range.start))
                }))
            };
            self.ready.push_back((index, part));
        }
    }

    fn ended(&self, index: usize, end: u64) -> Error {
        let range = &self.ranges[index];
        let had = end - range.start;
        let wanted = range.end - range.start;
        let message =
            format!("the file ended after {had} of {wanted} bytes of range {index}, {range:?}");
        let error = Error::new(ErrorKind::UnexpectedEof, message).during(OpKind::Read);
        match self.file.path() {
            Some(path) => error.at(range.start).on(path),
            None => error.at(range.start),
        }
    }
}

impl CoalescedRead {
    /// `Some` when the read is done, `None` when the rest has to go through the backend.
    fn poll_in_place(
        &mut self,
        cx: &mut TaskContext<'_>,
        file: &AioFile,
        slab: &mut Slab,
    ) -> Poll<Option<Result<()>>> {
        let shared = match file.file() {
            Ok(shared) => shared,
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        if self.buffer.capacity() < self.wanted {
            match self.memory(shared, slab) {
                Ok(buffer) => self.buffer = buffer,
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        loop {
            let (range, offset) = (self.filled..self.wanted, self.offset + self.filled as u64);
            let buffer = &mut self.buffer;
            let read = file.context().poll_try_read(cx, shared, buffer, range, offset);
            let read = ready!(read);
            match read {
                Ok(Some(bytes)) if self.account(bytes, shared) => {
                    return Poll::Ready(Some(Ok(())));
                }
                Ok(Some(_)) => {}
                Ok(None) => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }

    fn memory(&self, file: &SharedFile, slab: &mut Slab) -> Result<Buffer> {
        match direct::alignment(file) {
            Some(_) => reserve(file, self.wanted, self.offset),
            None => slab.take(file, self.wanted, self.offset),
        }
    }

    /// Where the next step begins. O_DIRECT reads a block again within which it was cut.
    fn start(&self, file: &SharedFile) -> usize {
        self.filled - self.filled % direct::read_block(file) as usize
    }

    fn op(&mut self, file: &SharedFile) -> Op {
        let buffer = std::mem::take(&mut self.buffer);
        let start = self.start(file);
        let most = TRANSFER_BYTES_MAX - TRANSFER_BYTES_MAX % direct::read_block(file) as usize;
        let end = self.wanted.min(start.saturating_add(most));
        Op::Read { buffer, range: start..end, offset: self.offset + start as u64 }
    }

    /// Adds what one step gave; whether the read is done with it.
    fn account(&mut self, bytes: usize, file: &SharedFile) -> bool {
        let reached = self.start(file) + bytes;
        let is_new = reached > self.filled;
        self.filled = self.filled.max(reached);
        self.buffer.set_len(self.filled);
        !is_new || self.filled >= self.needed
    }
}

impl Future for InFlight {
    type Output = (CoalescedRead, Outcome);

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<(CoalescedRead, Outcome)> {
        let outcome = ready!(Pin::new(&mut self.operation).poll(cx));
        let read = self.read.take().expect("an operation completes once");
        Poll::Ready((read, outcome))
    }
}
