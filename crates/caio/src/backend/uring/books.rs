//! What is known about the requests on one ring: which are in flight, and what became of them.

use std::fmt;
use std::io;

use io_uring::{SubmissionQueue, squeue};
use nix::errno::Errno;

use super::entry::{self, Vectors};
use super::files::Places;
use crate::backend::in_flight::InFlight;
use crate::error::{Error, ErrorKind};
use crate::op::Op;
use crate::request::{Request, Token};

/// How often a request is begun again that the kernel cancelled unasked.
const BEGUN_AGAIN_MAX: u8 = 3;

/// Spare allocations for the addresses of vectored operations.
const VECTORS_KEPT: usize = 8;

/// What a ring's lock protects, but for the queues themselves.
pub(super) struct Books {
    pub(super) in_flight: InFlight<Held>,
    /// Requests that the kernel cancelled unasked and that are to be begun again.
    pub(super) again: Vec<Token>,
    /// Entries ever written to the submission queue.
    pub(super) written: u64,
    /// Which files go by their place in the ring's table.
    pub(super) places: Places,
    spare: Vec<Vectors>,
    pub(super) closed: bool,
}

/// What is kept until the kernel has finished with it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) request: Request,
    vectors: Vectors,
    /// Whether somebody asked to cancel it.
    pub(super) unwanted: bool,
    begun_again: u8,
}

/// A request that does not go to the kernel, with the reason.
pub(super) type Wrong = (Request, io::Error);

impl Books {
    pub(super) fn new(lane: u8, requests_max: usize) -> Self {
        Self {
            in_flight: InFlight::tagged(requests_max, lane),
            again: Vec::new(),
            written: 0,
            places: Places::new(),
            spare: Vec::with_capacity(VECTORS_KEPT),
            closed: false,
        }
    }

    /// Keeps a request and writes its entry; the caller has seen that both have room.
    pub(super) fn begin(
        &mut self,
        queue: &mut SubmissionQueue<'_>,
        request: Request,
        wrong: &mut Vec<Wrong>,
    ) {
        if request.is_cancelled() {
            let error = Error::new(ErrorKind::Cancelled, "nobody waits for it any more");
            wrong.push((request, error.into()));
            return;
        }
        let vectors = match request.op() {
            Op::ReadVectored { .. } | Op::WriteVectored { .. } => self.spare.pop(),
            _ => None,
        };
        let vectors = vectors.unwrap_or_default();
        let held = Held { request, vectors, unwanted: false, begun_again: 0 };
        let token = self.in_flight.insert(held).expect("the caller has seen that there is room");
        if let Err(error) = self.write(queue, token)
            && let Some(held) = self.in_flight.take(token)
        {
            wrong.push((held.request, error));
        }
    }

    /// Writes the entry of a request that is kept under this token. From its place there the
    /// request does not move until it has completed, and neither does its heap memory.
    fn write(&mut self, queue: &mut SubmissionQueue<'_>, token: Token) -> io::Result<()> {
        let Some(held) = self.in_flight.get_mut(token) else { return Ok(()) };
        held.request.set_token(token);
        let place = match held.request.file() {
            Some(file) if !self.places.is_empty() => self.places.get(&file.id()).copied().flatten(),
            _ => None,
        };
        let entry = entry::build(&mut held.request, &mut held.vectors, place)?.user_data(token.0);
        let pushed = self.push(queue, &entry);
        debug_assert!(pushed, "the caller has seen that the queue has room");
        Ok(())
    }

    #[allow(unsafe_code)]
    pub(super) fn push(&mut self, queue: &mut SubmissionQueue<'_>, entry: &squeue::Entry) -> bool {
        // SAFETY: an entry points into buffers and vectors of a request in `in_flight`, which
        // stays there until the kernel has completed it, or nowhere.
        let pushed = unsafe { queue.push(entry) }.is_ok();
        self.written += u64::from(pushed);
        pushed
    }

    /// Takes a request out that has completed; `None` for a token of nobody, and where the
    /// request is to be begun again.
    pub(super) fn finish(&mut self, token: Token, result: i32) -> Option<Held> {
        if result == -(Errno::ECANCELED as i32)
            && let Some(held) = self.in_flight.get_mut(token)
            && held.begun_again < BEGUN_AGAIN_MAX
            && !held.unwanted
            && !held.request.is_cancelled()
        {
            held.begun_again += 1;
            self.again.push(token);
            return None;
        }
        let mut held = self.in_flight.take(token)?;
        if let Some(vectors) = std::mem::take(&mut held.vectors).recycled()
            && self.spare.len() < VECTORS_KEPT
        {
            self.spare.push(vectors);
        }
        Some(held)
    }

    /// Writes entries for what the kernel cancelled unasked, as far as there is room. Returns
    /// whether it wrote any.
    pub(super) fn begin_again(&mut self, queue: &mut SubmissionQueue<'_>) -> bool {
        let mut begun = false;
        while !queue.is_full()
            && let Some(token) = self.again.pop()
        {
            self.write(queue, token).expect("the same operation was right before");
            begun = true;
        }
        begun
    }
}

impl fmt::Debug for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Books")
            .field("in_flight", &self.in_flight.len())
            .field("stale", &self.in_flight.stale())
            .field("again", &self.again.len())
            .field("written", &self.written)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
