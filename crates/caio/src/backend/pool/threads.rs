//! How the threads of a pool are made: the one thing in which the pools differ.

use std::fmt;
use std::io;

use crate::backend::BackendKind;

/// How the threads of a pool are made.
pub trait Threads: fmt::Debug + Send + Sync + 'static {
    /// The pool's name.
    const KIND: BackendKind;

    /// Starts a detached thread. Of its name the first 15 bytes are seen by the system.
    ///
    /// # Errors
    /// What the system answers where it has no thread.
    fn spawn(name: &str, body: Box<dyn FnOnce() + Send>) -> io::Result<()>;
}

/// Wakers run on these threads, so that they get more stack than the system calls need.
const STACK_BYTES: usize = 512 * 1024;

/// pthread_create(3), as a C program calls it.
#[cfg(all(target_os = "linux", not(caio_portable)))]
#[derive(Debug)]
pub enum Pthreads {}

#[cfg(all(target_os = "linux", not(caio_portable)))]
impl Threads for Pthreads {
    const KIND: BackendKind = BackendKind::Thread;

    fn spawn(name: &str, body: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        // A longer name is refused (pthread_setname_np(3)).
        let seen = &name.as_bytes()[..name.len().min(15)];
        crate::sys::pthread::spawn(&std::ffi::CString::new(seen)?, STACK_BYTES, body)
    }
}

/// Threads made with std.
#[derive(Debug)]
pub enum StdThreads {}

impl Threads for StdThreads {
    const KIND: BackendKind = BackendKind::Rust;

    fn spawn(name: &str, body: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        let builder = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
        builder.spawn(body).map(drop)
    }
}
