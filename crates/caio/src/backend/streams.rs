//! Reads and writes of pipes, sockets and terminals, which may have to wait for ever: all of a
//! pool's together wait in one poll(2), and none of them occupies a worker.
//!
//! Both pools own one of these. Its thread starts with the first such request and ends when there
//! was none for a while.

mod lines;

use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::held::Held;
use super::pool_options::PoolOptions;
use super::serve::{answer, copy};
use crate::error::{Error, ErrorKind};
use crate::file::FileClass;
use crate::op::Output;
use crate::own_thread;
use crate::request::{Request, Token};
use crate::sync::lock;
use crate::sys::bell::Bell;
use lines::Lines;

const STACK_BYTES: usize = 512 * 1024;

/// How long ending what is left may take after the deadline: it is only telling.
const LAST_ANSWERS: Duration = Duration::from_millis(50);

/// The way to the thread that polls.
#[derive(Debug)]
pub(super) struct Streams {
    desk: Arc<Desk>,
}

/// Where requests are left for the thread that polls.
#[derive(Debug)]
struct Desk {
    tray: Mutex<Tray>,
    held: Arc<Held>,
    name: String,
    requests_max: usize,
    idle_timeout: Duration,
}

#[derive(Debug, Default)]
struct Tray {
    /// Requests that the thread has not seen yet.
    new: Vec<(Token, Request)>,
    /// Tokens of requests that nobody waits for any more.
    cancelled: Vec<Token>,
    /// Requests that were left here and have not completed.
    pending: usize,
    /// The token that was given last. 0 is nobody's.
    last: u64,
    end: End,
    /// Rings the thread out of poll(2); there while the thread runs.
    bell: Option<Arc<Bell>>,
}

/// What still waits for its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum End {
    /// Reads and writes.
    #[default]
    Open,
    /// Writes, which others count on; a read whose bytes are not there yet is over.
    Writes,
    /// Nothing.
    All,
}

impl Streams {
    /// The poller of a pool, for as many requests as the pool's queue has room for; its thread is
    /// `<name>-streams`.
    pub(super) fn new(options: &PoolOptions, held: Arc<Held>) -> Self {
        let desk = Desk {
            tray: Mutex::default(),
            held,
            name: format!("{}-streams", options.name),
            requests_max: options.queue_max,
            idle_timeout: options.idle_timeout(),
        };
        Self { desk: Arc::new(desk) }
    }

    /// Whether this is the place for the request. One of no bytes never waits.
    pub(super) fn concerns(request: &Request) -> bool {
        request.file().is_some_and(|file| file.class() == FileClass::Stream)
            && request.op().length() > 0
    }

    /// Takes the request, or gives it back where too many wait already. The request was counted
    /// in by the caller.
    pub(super) fn submit(&self, request: Request) -> Option<Request> {
        let mut tray = lock(&self.desk.tray);
        if tray.pending == self.desk.requests_max {
            return Some(request);
        }
        tray.pending += 1;
        tray.last += 1;
        let token = Token(tray.last);
        request.set_token(token);
        tray.new.push((token, request));
        if let Some(bell) = &tray.bell {
            bell.ring();
            return None;
        }
        let failed = self.desk.start(&mut tray).err();
        let refused = failed.map(|error| (error, std::mem::take(&mut tray.new)));
        drop(tray);
        if let Some((error, requests)) = refused {
            for (_, request) in requests {
                self.desk.answer(request, Err(copy(&error)));
            }
        }
        None
    }

    /// Ends the request of that token early, if it is one of these and still waits.
    pub(super) fn cancel(&self, token: Token) {
        let mut tray = lock(&self.desk.tray);
        if let Some(bell) = tray.bell.clone().filter(|_| token != Token(0)) {
            tray.cancelled.push(token);
            drop(tray);
            bell.ring();
        }
    }

    /// The last part of a pool's shutdown: waits for all that is held. Reads whose bytes are not
    /// there yet end at once, since nobody knows when they come; writes get until the deadline.
    pub(super) fn shut_down(&self, deadline: Instant) -> usize {
        self.end(End::Writes);
        let held = self.desk.held.wait(deadline);
        if held > 0 && self.end(End::All) {
            return self.desk.held.wait(Instant::now() + LAST_ANSWERS);
        }
        held
    }

    /// Returns whether there was anything to end.
    fn end(&self, end: End) -> bool {
        let mut tray = lock(&self.desk.tray);
        tray.end = tray.end.max(end);
        if let Some(bell) = &tray.bell {
            bell.ring();
        }
        tray.pending > 0
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.end(End::All);
    }
}

impl Desk {
    /// Starts the thread, with a bell.
    fn start(self: &Arc<Self>, tray: &mut Tray) -> io::Result<()> {
        let bell = Arc::new(Bell::new()?);
        // There is something in the tray already.
        bell.ring();
        let (desk, own) = (Arc::clone(self), Arc::clone(&bell));
        thread::Builder::new()
            .name(self.name.clone())
            .stack_size(STACK_BYTES)
            .spawn(move || desk.serve(&own))?;
        tray.bell = Some(bell);
        Ok(())
    }

    /// The life of the thread that polls.
    fn serve(&self, bell: &Bell) {
        own_thread::begin();
        let mut lines = Lines::default();
        let mut idle_timeout = self.idle_timeout;
        let answer = |request, result| self.answer(request, result);
        loop {
            // Without a stream to wait for it is the idle time that ends the wait.
            let limit = lines.is_empty().then_some(idle_timeout);
            let (rung, ready) = lines.poll(Some(bell), limit);
            bell.hush();
            own_thread::woke_up();
            lines.advance(&ready, answer);
            let timed_out = !rung && lines.is_empty();
            let Some(Work { new, cancelled, end }) = self.collect(timed_out) else { return };
            new.into_iter().for_each(|(token, request)| lines.push(token, request));
            for request in cancelled.into_iter().filter_map(|token| lines.remove(token)) {
                answer(request, Err(Errno::ECANCELED.into()));
            }
            if end != End::Open {
                idle_timeout = Duration::ZERO;
                while lines.advance(&lines.poll(None, Some(Duration::ZERO)).1, answer) {}
                let over = lines.drain(end == End::All);
                over.into_iter().for_each(|request| answer(request, Err(ended())));
            }
        }
    }

    /// What came in; `None` where nothing did and the thread was to end in that case.
    fn collect(&self, may_end: bool) -> Option<Work> {
        let mut tray = lock(&self.tray);
        let may_end = may_end || tray.end != End::Open;
        if may_end && tray.pending == 0 {
            tray.bell = None;
            tray.cancelled.clear();
            return None;
        }
        let new = std::mem::take(&mut tray.new);
        Some(Work { new, cancelled: std::mem::take(&mut tray.cancelled), end: tray.end })
    }

    fn answer(&self, request: Request, result: io::Result<Output>) {
        lock(&self.tray).pending -= 1;
        answer(request, result, &self.held);
    }
}

/// What was left at the desk.
struct Work {
    new: Vec<(Token, Request)>,
    cancelled: Vec<Token>,
    end: End,
}

fn ended() -> io::Error {
    let message = "the pool of threads was shut down before the stream was ready";
    Error::new(ErrorKind::Shutdown, message).into()
}
