//! A ring driven by hand on tokio's multi-thread runtime: what tokio leaves of io_uring before any
//! layer of ours.
//!
//! One ring behind a lock. A task that reads pushes its entry, enters, and leaves its waker; a task
//! on the ring's descriptor collects the answers and wakes. While the tasks that it woke run, a
//! dozen of their entries goes with one call. With a single client, the reading task waits for the
//! descriptor itself. No cancellation, no limits, no errors but the last: not fit for use.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use aiofile::AlignedBuffer;
use aiofile_bench::participants::full_buffer;
use aiofile_bench::participants::on_tokio::on_tokio;
use aiofile_bench::{Cell, Client, Job, Report, Result};
use io_uring::{IoUring, opcode, types};
use rustix::io::dup;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::yield_now;

/// Runs the job with a task for each client.
pub fn run(job: &Job) -> Result<Report> {
    on_tokio(job, async |job| {
        let shared = Arc::new(Shared::new(job)?);
        let ready = Arc::new(watched(shared.descriptor()?)?);
        if shared.answers.len() > 1 {
            tokio::spawn(collect(Arc::clone(&shared), Arc::clone(&ready)));
        }
        let mut number = 0;
        Ok(move |client: Client| {
            number += 1;
            transfers(client, number - 1, Arc::clone(&shared), Arc::clone(&ready))
        })
    })
}

/// The most entries that go with one call.
const GATHERED_MAX: usize = 12;

struct Shared {
    ring: Mutex<IoUring>,
    answers: Box<[Mutex<Answer>]>,
    /// Whether entries are only pushed, for a call that comes soon.
    gathering: AtomicBool,
    file: File,
    cell: Cell,
}

#[derive(Default)]
struct Answer {
    result: Option<i32>,
    waiting: Option<Waker>,
}

impl Shared {
    fn new(job: &Job) -> Result<Shared> {
        let clients = job.cell.in_flight;
        let ring = IoUring::builder().build((clients as u32 * 2).next_power_of_two())?;
        Ok(Shared {
            ring: Mutex::new(ring),
            answers: (0..clients).map(|_| Mutex::default()).collect(),
            gathering: AtomicBool::new(false),
            file: job.open()?,
            cell: job.cell.clone(),
        })
    }

    #[allow(unsafe_code)]
    fn descriptor(&self) -> io::Result<OwnedFd> {
        let ring = lock(&self.ring);
        // SAFETY: the ring is locked, and so open, until the descriptor has been duplicated.
        let borrowed = unsafe { BorrowedFd::borrow_raw(ring.as_raw_fd()) };
        Ok(dup(borrowed)?)
    }

    #[allow(unsafe_code)]
    fn begin(&self, number: usize, offset: u64, buffer: &mut AlignedBuffer) -> io::Result<()> {
        let (address, length) = (buffer.as_mut_ptr(), buffer.len() as u32);
        let file = types::Fd(self.file.as_raw_fd());
        let entry = match self.cell.writes() {
            true => opcode::Write::new(file, address, length).offset(offset).build(),
            false => opcode::Read::new(file, address, length).offset(offset).build(),
        };
        let mut ring = lock(&self.ring);
        // SAFETY: the task keeps the buffer until the answer is here, and is not cancelled before;
        // on an error the process ends with everything in it.
        unsafe { ring.submission().push(&entry.user_data(number as u64)) }
            .map_err(io::Error::other)?;
        let gathered = ring.submission().len();
        if gathered >= GATHERED_MAX || !self.gathering.load(Ordering::Acquire) {
            ring.submit()?;
        }
        Ok(())
    }

    /// Hands out the answers that are there, and returns how many.
    fn hand_out(&self) -> usize {
        let mut answers = [(0, 0); 64];
        let mut count = 0;
        for (place, answer) in answers.iter_mut().zip(lock(&self.ring).completion()) {
            *place = (answer.user_data() as usize, answer.result());
            count += 1;
        }
        for (number, result) in &answers[..count] {
            let waiting = {
                let mut answer = lock(&self.answers[*number]);
                answer.result = Some(*result);
                answer.waiting.take()
            };
            if let Some(waker) = waiting {
                waker.wake();
            }
        }
        count
    }

    fn poll_answer(&self, number: usize, cx: &mut Context<'_>) -> Poll<i32> {
        let mut answer = lock(&self.answers[number]);
        if let Some(result) = answer.result.take() {
            return Poll::Ready(result);
        }
        answer.waiting = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[allow(
    deprecated,
    reason = "the replacement is unsafe, for types whose descriptor can change; this one cannot"
)]
fn watched(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

async fn collect(shared: Arc<Shared>, ready: Arc<AsyncFd<OwnedFd>>) -> io::Result<()> {
    loop {
        ready.readable().await?.clear_ready();
        shared.gathering.store(true, Ordering::Release);
        while shared.hand_out() > 0 {
            yield_now().await;
        }
        shared.gathering.store(false, Ordering::Release);
        lock(&shared.ring).submit()?;
    }
}

async fn transfers(
    mut client: Client,
    number: usize,
    shared: Arc<Shared>,
    ready: Arc<AsyncFd<OwnedFd>>,
) -> io::Result<Client> {
    let mut buffer = full_buffer(shared.cell.block);
    while let Some(offset) = client.begin() {
        shared.begin(number, offset, &mut buffer)?;
        if shared.answers.len() == 1 {
            while shared.hand_out() == 0 {
                ready.readable().await?.clear_ready();
            }
        }
        let result = poll_fn(|cx| shared.poll_answer(number, cx)).await;
        let result = if result < 0 {
            Err(io::Error::from_raw_os_error(-result))
        } else {
            Ok(result as usize)
        };
        client.finish(result)?;
    }
    Ok(client)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
