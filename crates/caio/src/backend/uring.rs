//! io_uring: two queues shared with the kernel, and no thread of our own.
//!
//! Each thread that submits has a ring of its own, up to a limit, since one ring behind one lock
//! halves the speed of two threads. A ring is made when its thread first submits. Requests enter
//! the kernel from the calling thread, and what the page cache can serve completes in the same
//! system call; the rest makes the ring's descriptor readable.
//!
//! What rules the details:
//! - The kernel may use a buffer until the completion of that very request arrives, also after the
//!   request was cancelled and after the ring was closed. So a request stays with its ring until
//!   then, and a ring that is dropped before is leaked with all it holds.
//! - Entries may stay in the submission queue when the system call that should take them fails.
//!   They are counted, tried again, and at last left to a thread that tries until it works.
//! - The kernel cancels what a thread has begun when the thread ends. Nobody asked for that, so
//!   such a request is begun again by whoever finds it.
//!
//! It does not open, close, stat or truncate: these are quick or go to a pool.
#![cfg(target_os = "linux")]

mod books;
mod entry;
mod files;
mod io;
mod options;
mod polled;
mod probe;
mod refusal;
mod rescue;
mod ring;
mod rings;
mod setup;
#[cfg(test)]
mod tests;

pub use options::Options;
pub use rings::Uring;

/// How many rings had to be leaked in this process, with requests in flight.
#[cfg(test)]
pub(crate) fn leaked() -> usize {
    ring::LEAKED.load(std::sync::atomic::Ordering::Relaxed)
}
