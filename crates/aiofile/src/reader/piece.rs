//! One chunk while it is read: a buffer that fills up, by whatever steps it takes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use caio::{
    Buffer, Error, ErrorKind, FileClass, Op, OpKind, Operation, Outcome, Output, Result, SharedFile,
};

use crate::aio_file::{AioFile, read_block};

/// A buffer that is to be filled from one place in the file.
#[derive(Debug)]
pub(super) struct Piece {
    /// Byte offset of the buffer's first byte.
    offset: u64,
    /// Bytes at the buffer's start that were not asked for: O_DIRECT reads whole blocks.
    lead: usize,
    wanted: usize,
    filled: usize,
    was_submitted: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Idle(Buffer),
    InFlight(Operation),
    Ended(Buffer),
    /// The buffer stayed with an operation that was abandoned.
    Lost,
}

/// The state of a piece that is no longer waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The whole buffer is filled.
    Full,
    /// There is nothing more now, though the file may not be at its end.
    Stopped,
    /// The file ends here.
    Ended,
}

impl Piece {
    pub(super) fn new(buffer: Buffer, offset: u64, lead: usize, wanted: usize) -> Self {
        let state = State::Idle(buffer);
        Self { offset, lead, wanted, filled: 0, was_submitted: false, state }
    }

    /// Byte offset of the buffer's first byte.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes at the buffer's start that were not asked for.
    pub(super) fn lead(&self) -> usize {
        self.lead
    }

    /// Byte offset behind the buffer's last byte.
    pub(super) fn end(&self) -> u64 {
        self.offset + self.wanted as u64
    }

    /// Whether any of it had to come through the backend.
    pub(super) fn was_submitted(&self) -> bool {
        self.was_submitted
    }

    /// An end that was met while reading ahead may be out of date: the file may have grown.
    pub(super) fn confirm_end(&mut self) {
        if matches!(self.state, State::Ended(_))
            && let State::Ended(buffer) = std::mem::replace(&mut self.state, State::Lost)
        {
            self.state = State::Idle(buffer);
        }
    }

    /// The buffer, and how many of its bytes are filled.
    pub(super) fn into_filled(self) -> (Buffer, usize) {
        match self.state {
            State::Idle(buffer) | State::Ended(buffer) => (buffer, self.filled),
            State::InFlight(_) | State::Lost => (Buffer::default(), 0),
        }
    }

    /// Goes on until the piece is full or ended or an error comes.
    pub(super) fn poll(
        &mut self,
        cx: &mut TaskContext<'_>,
        file: &AioFile,
    ) -> Poll<Result<Progress>> {
        let shared = file.file()?;
        loop {
            if let State::Idle(_) = self.state {
                if let Some(progress) = ready!(self.poll_in_place(cx, file))? {
                    return Poll::Ready(Ok(progress));
                }
                self.submit(shared, |op| Ok(file.context().submit(Some(shared), op)))?;
            }
            if let State::InFlight(operation) = &mut self.state {
                let outcome = ready!(Pin::new(operation).poll(cx));
                let bytes = self.complete(outcome, shared)?;
                if let Some(progress) = self.account(bytes, shared) {
                    return Poll::Ready(Ok(progress));
                }
            }
            if let State::Ended(_) = self.state {
                return Poll::Ready(Ok(Progress::Ended));
            }
            if let State::Lost = self.state {
                let error = Error::new(ErrorKind::Abandoned, "the chunk's memory is gone");
                return Poll::Ready(Err(error.during(OpKind::Read).on(shared.path())));
            }
        }
    }

    /// Reads what is cached, on the calling thread. `None` where the rest has to come through the
    /// backend.
    pub(super) fn poll_in_place(
        &mut self,
        cx: &mut TaskContext<'_>,
        file: &AioFile,
    ) -> Poll<Result<Option<Progress>>> {
        let shared = file.file()?;
        while let State::Idle(buffer) = &mut self.state {
            if self.filled == self.wanted {
                return Poll::Ready(Ok(Some(Progress::Full)));
            }
            let (range, offset) = (self.filled..self.wanted, self.offset + self.filled as u64);
            let context = file.context();
            let step = ready!(context.poll_try_read(cx, shared, buffer, range, offset));
            let Some(bytes) = step? else { break };
            if let Some(progress) = self.account(bytes, shared) {
                return Poll::Ready(Ok(Some(progress)));
            }
        }
        Poll::Ready(Ok(None))
    }

    /// Hands the rest of an idle piece over as one operation; whether it was accepted. Else the
    /// piece stays as it is.
    pub(super) fn submit(
        &mut self,
        shared: &SharedFile,
        accept: impl FnOnce(Op) -> Result<Operation, Op>,
    ) -> Result<bool> {
        let start = self.start(shared);
        let (range, offset) = (start..self.wanted, self.offset + start as u64);
        let State::Idle(buffer) = std::mem::replace(&mut self.state, State::Lost) else {
            unreachable!("only an idle piece is submitted");
        };
        let op = Op::read(buffer, range, offset).map_err(|error| error.on(shared.path()))?;
        match accept(op) {
            Ok(operation) => {
                self.state = State::InFlight(operation);
                self.was_submitted = true;
                Ok(true)
            }
            Err(op) => {
                self.take_back(Some(op));
                Ok(false)
            }
        }
    }

    /// Takes in what an operation gave.
    fn complete(&mut self, outcome: Outcome, shared: &SharedFile) -> Result<usize> {
        let start = self.start(shared);
        self.take_back(outcome.op);
        let bytes = match outcome.result? {
            Output::Bytes(bytes) => bytes,
            other => {
                let message = format!("a read was answered with {other:?}");
                return Err(Error::new(ErrorKind::Abandoned, message).on(shared.path()));
            }
        };
        if let State::Idle(buffer) = &mut self.state {
            buffer.set_len(self.filled.max(start + bytes));
        }
        Ok(bytes)
    }

    fn take_back(&mut self, op: Option<Op>) {
        self.state = match op {
            Some(Op::Read { buffer, .. }) => State::Idle(buffer),
            _ => State::Lost,
        };
    }

    /// Where the next step begins. O_DIRECT reads a block again within which it was cut.
    fn start(&self, shared: &SharedFile) -> usize {
        self.filled - self.filled % read_block(shared) as usize
    }

    /// Adds what one step gave; `Some` when the piece is done with it.
    fn account(&mut self, bytes: usize, shared: &SharedFile) -> Option<Progress> {
        let reached = self.start(shared) + bytes;
        let is_new = reached > self.filled;
        self.filled = self.filled.max(reached);
        if self.filled == self.wanted {
            return Some(Progress::Full);
        }
        if !is_new {
            if let State::Idle(buffer) = std::mem::replace(&mut self.state, State::Lost) {
                self.state = State::Ended(buffer);
            }
            return Some(Progress::Ended);
        }
        // What has no stable length gives what it has, and waiting for more might never end.
        let gives_what_it_has = !matches!(shared.class(), FileClass::Regular | FileClass::Block);
        gives_what_it_has.then_some(Progress::Stopped)
    }
}
