//! The state under the pool's mutex: the ring of requests, and the crew that comes for them.

use std::collections::VecDeque;

use crate::backend::crew::{Crew, Remaining, Wake};
use crate::backend::pool_options::PoolOptions;
use crate::request::Request;

/// Requests and threads.
#[derive(Debug)]
pub(super) struct Queue {
    ring: VecDeque<Request>,
    requests_max: usize,
    pub(super) crew: Crew,
}

impl Queue {
    pub(super) fn new(options: &PoolOptions) -> Self {
        Self {
            ring: VecDeque::with_capacity(options.queue_max),
            requests_max: options.queue_max,
            crew: Crew::new(options),
        }
    }

    /// Gives the request back where the ring is full.
    pub(super) fn push(&mut self, request: Request) -> Option<Request> {
        if self.ring.len() == self.requests_max {
            return Some(request);
        }
        self.ring.push_back(request);
        None
    }

    pub(super) fn pop(&mut self) -> Option<Request> {
        self.ring.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    /// Decides who comes for what is in the ring.
    pub(super) fn wake(&mut self, waiting: impl FnOnce() -> bool) -> Wake {
        self.crew.wake(!self.ring.is_empty(), waiting)
    }

    /// A new thread did not come to be. Returns who goes on, and the requests that nobody is left
    /// to serve.
    pub(super) fn do_without(&mut self) -> (Remaining, VecDeque<Request>) {
        let remaining = self.crew.do_without(!self.ring.is_empty());
        let stranded = match remaining {
            Remaining::Nobody => self.ring.drain(..).collect(),
            Remaining::Others | Remaining::Sleeper => VecDeque::new(),
        };
        (remaining, stranded)
    }
}
