//! Groups of ranges on their way: in place, then as one batch, then on until they are whole.

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
use crate::file::direct;
use crate::file::memory::reserve;

/// The most operations in flight for one stream: enough for any device, and a bound on memory.
const FLYING_MAX: usize = 256;

pub(super) struct Groups {
    file: AioFile,
    ranges: Vec<Range<u64>>,
    /// What was not begun yet.
    waiting: VecDeque<Group>,
    slab: Slab,
    /// What was found not to be cached and goes into the next batch.
    missed: Vec<Group>,
    flying: FuturesUnordered<Flight>,
    landed: VecDeque<(usize, Result<Bytes>)>,
}

struct Group {
    /// Byte offset of the buffer's first byte.
    offset: u64,
    /// Bytes to ask for: whole blocks for an O_DIRECT file.
    wanted: usize,
    /// Bytes that suffice.
    needed: usize,
    filled: usize,
    members: Vec<usize>,
    /// Empty until the group's turn comes.
    buffer: Buffer,
}

struct Flight {
    operation: Operation,
    group: Option<Group>,
}

impl Groups {
    pub(super) fn new(file: &AioFile, ranges: &[Range<u64>], options: &RangeOptions) -> Self {
        let block = file.file().map_or(1, direct::read_block);
        let groups = plan(ranges, options).into_iter().map(|together| {
            let offset = together.extent.start - together.extent.start % block;
            let end = together.extent.end.next_multiple_of(block);
            Group {
                offset,
                wanted: usize::try_from(end - offset).unwrap_or(usize::MAX),
                needed: usize::try_from(together.extent.end - offset).unwrap_or(usize::MAX),
                filled: 0,
                members: together.members,
                buffer: Buffer::default(),
            }
        });
        let waiting: VecDeque<Group> = groups.collect();
        let slab = Slab::new(waiting.iter().map(|group| group.wanted));
        let empty = ranges.iter().enumerate().filter(|(_, range)| range.is_empty());
        Self {
            file: file.clone(),
            ranges: ranges.to_vec(),
            waiting,
            slab,
            missed: Vec::new(),
            flying: FuturesUnordered::new(),
            landed: empty.map(|(index, _)| (index, Ok(Bytes::new()))).collect(),
        }
    }

    /// Operations that have not landed yet.
    pub(super) fn left(&self) -> usize {
        self.waiting.len() + self.missed.len() + self.flying.len()
    }

    /// The next range that has landed, by its index; `None` when all have.
    pub(super) fn poll_landed(
        &mut self,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<(usize, Result<Bytes>)>> {
        loop {
            let begins = !(self.waiting.is_empty() && self.missed.is_empty());
            if begins && self.landed.is_empty() && self.flying.len() <= FLYING_MAX / 2 {
                ready!(self.poll_begin(cx));
            }
            if let Some(landed) = self.landed.pop_front() {
                return Poll::Ready(Some(landed));
            }
            match Pin::new(&mut self.flying).poll_next(cx) {
                Poll::Ready(Some((group, outcome))) => self.land(group, outcome),
                Poll::Ready(None) if self.waiting.is_empty() => return Poll::Ready(None),
                Poll::Ready(None) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Reads in place what is cached, and submits the rest as one batch.
    fn poll_begin(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        while self.missed.len() + self.flying.len() < FLYING_MAX && self.landed.len() < FLYING_MAX {
            let Some(mut group) = self.waiting.pop_front() else { break };
            match group.poll_in_place(cx, &self.file, &mut self.slab) {
                Poll::Pending => {
                    self.waiting.push_front(group);
                    return Poll::Pending;
                }
                Poll::Ready(Some(end)) => self.deliver(group, end.err()),
                Poll::Ready(None) => self.missed.push(group),
            }
        }
        let Ok(file) = self.file.file() else { return Poll::Ready(()) };
        let mut groups = std::mem::take(&mut self.missed);
        let ops: Vec<_> = groups.iter_mut().map(|group| group.op(file)).collect();
        let operations = self.file.context().submit_all(file, ops);
        let flights = operations.into_iter().zip(groups);
        self.flying
            .extend(flights.map(|(operation, group)| Flight { operation, group: Some(group) }));
        Poll::Ready(())
    }

    fn land(&mut self, mut group: Group, outcome: Outcome) {
        let bytes = match (outcome.result, outcome.op) {
            (Ok(Output::Bytes(bytes)), Some(Op::Read { buffer, .. })) => {
                group.buffer = buffer;
                bytes
            }
            (Ok(_), _) => {
                group.filled = 0;
                let message = "the backend's answer does not fit a read";
                return self.deliver(group, Some(Error::new(ErrorKind::Abandoned, message)));
            }
            (Err(error), Some(Op::Read { buffer, .. })) => {
                group.buffer = buffer;
                return self.deliver(group, Some(error));
            }
            (Err(error), _) => {
                group.filled = 0;
                return self.deliver(group, Some(error));
            }
        };
        let Ok(file) = self.file.file() else { return };
        if group.account(bytes, file) {
            return self.deliver(group, None);
        }
        let operation = self.file.context().submit(Some(file), group.op(file));
        self.flying.push(Flight { operation, group: Some(group) });
    }

    /// Gives each range its part; those behind what was read get the error, or none of the file.
    fn deliver(&mut self, mut group: Group, error: Option<Error>) {
        group.buffer.set_len(group.filled);
        let bytes = group.buffer.into_bytes();
        for index in group.members {
            let range = &self.ranges[index];
            let start = (range.start - group.offset) as usize;
            let end = (range.end - group.offset) as usize;
            let part = if end <= bytes.len() {
                Ok(bytes.slice(start..end))
            } else {
                Err(error.clone().unwrap_or_else(|| {
                    self.ended(index, (bytes.len() as u64 + group.offset).max(range.start))
                }))
            };
            self.landed.push_back((index, part));
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

impl Group {
    /// `Some` when the group is done with, `None` when the rest has to go through the backend.
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

    /// Notes what one step gave; whether the group is done with it.
    fn account(&mut self, bytes: usize, file: &SharedFile) -> bool {
        let reached = self.start(file) + bytes;
        let is_new = reached > self.filled;
        self.filled = self.filled.max(reached);
        self.buffer.set_len(self.filled);
        !is_new || self.filled >= self.needed
    }
}

impl Future for Flight {
    type Output = (Group, Outcome);

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<(Group, Outcome)> {
        let outcome = ready!(Pin::new(&mut self.operation).poll(cx));
        let group = self.group.take().expect("a flight lands once");
        Poll::Ready((group, outcome))
    }
}
