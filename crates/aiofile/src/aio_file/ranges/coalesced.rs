//! Coalesced reads: in place, then as one batch, then on until they are whole.

use std::collections::VecDeque;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use caio::{Error, ErrorKind, Op, OpKind, Operation, Outcome, Output, Result};
use futures_core::Stream;
use futures_util::stream::FuturesUnordered;

use super::piece::Piece;
use super::plan::plan;
use super::slab::Slab;
use super::{AioFile, RangeOptions};
use crate::aio_file::{direct, share};

/// The most operations in flight for one stream: enough for any device, and a bound on memory.
const IN_FLIGHT_MAX: usize = 256;

pub(super) struct CoalescedReads {
    file: AioFile,
    ranges: Vec<Range<u64>>,
    reads: Vec<CoalescedRead>,
    /// The first one that has not begun, or is being read in place.
    next: usize,
    slab: Slab,
    /// What is not cached and goes into the next batch.
    uncached: VecDeque<Numbered>,
    in_flight: FuturesUnordered<InFlight>,
    ready: VecDeque<(usize, Result<Bytes>)>,
}

struct CoalescedRead {
    /// Byte offset of the memory's first byte.
    offset: u64,
    members: Vec<usize>,
    /// Those that are not under way: one at first, and each at its place when it is done.
    pieces: Vec<Option<Piece>>,
    /// Those that are.
    left: usize,
}

/// A piece, with the numbers of the read and of the piece within that.
struct Numbered {
    read: usize,
    number: usize,
    piece: Piece,
}

struct InFlight {
    operation: Operation,
    piece: Option<Numbered>,
}

impl CoalescedReads {
    pub(super) fn new(file: &AioFile, ranges: &[Range<u64>], options: &RangeOptions) -> Self {
        let block = file.file().map_or(1, direct::read_block);
        let coalesced = plan(ranges, options);
        let pieces: Vec<_> =
            coalesced.iter().map(|coalesced| Piece::new(&coalesced.extent, block)).collect();
        let slab = Slab::new(pieces.iter().map(Piece::length));
        let reads = coalesced.into_iter().zip(pieces).map(|(coalesced, piece)| CoalescedRead {
            offset: piece.offset(),
            members: coalesced.members,
            pieces: vec![Some(piece)],
            left: 0,
        });
        let empty = ranges.iter().enumerate().filter(|(_, range)| range.is_empty());
        Self {
            file: file.clone(),
            ranges: ranges.to_vec(),
            reads: reads.collect(),
            next: 0,
            slab,
            uncached: VecDeque::new(),
            in_flight: FuturesUnordered::new(),
            ready: empty.map(|(index, _)| (index, Ok(Bytes::new()))).collect(),
        }
    }

    /// Operations that have not completed yet.
    pub(super) fn left(&self) -> usize {
        self.reads.len() - self.next + self.uncached.len() + self.in_flight.len()
    }

    /// The next range that is ready, by its index; `None` when all have been given.
    pub(super) fn poll_ready(
        &mut self,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<(usize, Result<Bytes>)>> {
        loop {
            let begins = self.next < self.reads.len() || !self.uncached.is_empty();
            if begins && self.ready.is_empty() && self.in_flight.len() <= IN_FLIGHT_MAX / 2 {
                ready!(self.poll_submit(cx));
            }
            if let Some(ready) = self.ready.pop_front() {
                return Poll::Ready(Some(ready));
            }
            match Pin::new(&mut self.in_flight).poll_next(cx) {
                Poll::Ready(Some((piece, outcome))) => self.complete(piece, outcome),
                Poll::Ready(None) if self.left() == 0 => return Poll::Ready(None),
                Poll::Ready(None) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Reads in place what is cached, and submits the rest as one batch.
    fn poll_submit(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        while self.next < self.reads.len()
            && self.uncached.len() + self.in_flight.len() < IN_FLIGHT_MAX
            && self.ready.len() < IN_FLIGHT_MAX
        {
            ready!(self.poll_begin(cx));
        }
        let Ok(file) = self.file.file() else { return Poll::Ready(()) };
        let room = IN_FLIGHT_MAX.saturating_sub(self.in_flight.len());
        let mut batch: Vec<_> = self.uncached.drain(..room.min(self.uncached.len())).collect();
        let ops: Vec<_> = batch.iter_mut().map(|one| one.piece.op(file)).collect();
        let operations = self.file.context().submit_all(file, ops);
        let pairs = operations.into_iter().zip(batch);
        self.in_flight
            .extend(pairs.map(|(operation, one)| InFlight { operation, piece: Some(one) }));
        Poll::Ready(())
    }

    /// Reads the next one in place; what of it is not cached goes into the next batch.
    fn poll_begin(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let number = self.next;
        let read = &mut self.reads[number];
        let Some(piece) = &mut read.pieces[0] else { return Poll::Ready(()) };
        match ready!(piece.poll_in_place(cx, &self.file, &mut self.slab)) {
            Some(end) => {
                if let Err(error) = end {
                    piece.fail(error);
                }
                self.next += 1;
                self.deliver(number);
            }
            None => {
                let Ok(file) = self.file.file() else { return Poll::Ready(()) };
                let pieces = read.pieces.pop().flatten().map(|piece| piece.split(file));
                let pieces = pieces.unwrap_or_default();
                read.left = pieces.len();
                read.pieces.resize_with(pieces.len(), || None);
                let pieces = pieces.into_iter().enumerate();
                self.uncached.extend(pieces.map(|(at, piece)| Numbered {
                    read: number,
                    number: at,
                    piece,
                }));
                self.next += 1;
            }
        }
        Poll::Ready(())
    }

    fn complete(&mut self, mut one: Numbered, outcome: Outcome) {
        let Ok(file) = self.file.file() else { return };
        let bytes = match (outcome.result, outcome.op) {
            (Ok(Output::Bytes(bytes)), Some(Op::Read { buffer, .. })) => {
                one.piece.give_back(buffer);
                Ok(bytes)
            }
            (Ok(_), _) => {
                let message = "the backend's answer does not fit a read";
                Err(Error::new(ErrorKind::Abandoned, message))
            }
            (Err(error), Some(Op::Read { buffer, .. })) => {
                one.piece.give_back(buffer);
                Err(error)
            }
            (Err(error), _) => Err(error),
        };
        match bytes {
            Ok(bytes) if !one.piece.account(bytes, file) => {
                let operation = self.file.context().submit(Some(file), one.piece.op(file));
                return self.in_flight.push(InFlight { operation, piece: Some(one) });
            }
            Ok(_) => {}
            Err(error) => one.piece.fail(error),
        }
        let read = &mut self.reads[one.read];
        read.pieces[one.number] = Some(one.piece);
        read.left -= 1;
        if read.left == 0 {
            self.deliver(one.read);
        }
    }

    /// Gives each range its part; those behind what was read get the error, or none of the file.
    fn deliver(&mut self, read: usize) {
        let CoalescedRead { offset, members, pieces, .. } = &mut self.reads[read];
        let (buffer, error) = Piece::join(pieces.drain(..).flatten());
        let (offset, bytes) = (*offset, share(buffer));
        for index in std::mem::take(members) {
            let range = &self.ranges[index];
            let start = (range.start - offset) as usize;
            let end = (range.end - offset) as usize;
            let part = if end <= bytes.len() {
                Ok(bytes.slice(start..end))
            } else {
                Err(error.clone().unwrap_or_else(|| {
                    self.ended(index, (bytes.len() as u64 + offset).max(range.start))
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

impl Future for InFlight {
    type Output = (Numbered, Outcome);

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<(Numbered, Outcome)> {
        let outcome = ready!(Pin::new(&mut self.operation).poll(cx));
        let piece = self.piece.take().expect("an operation completes once");
        Poll::Ready((piece, outcome))
    }
}
