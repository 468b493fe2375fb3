//! The seam between the engine and the system calls, so that tests can make a kernel that takes
//! less than it was given, is full, is interrupted or refuses.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::sys::aio::{ControlBlock, Event, Queue};

/// One AIO context. Dropping it may wait for the kernel.
pub(super) trait Kernel: fmt::Debug + Send + Sync {
    /// io_submit(2): takes blocks from the front and says how many.
    ///
    /// # Safety
    /// The memory that the blocks name stays valid and untouched until their events arrive.
    #[allow(unsafe_code)]
    unsafe fn submit(&self, blocks: &mut [ControlBlock]) -> io::Result<usize>;

    /// io_getevents(2): fills `events` from the front and says how many, waiting at most `wait`
    /// for the first.
    fn events(&self, events: &mut [Event], wait: Duration) -> io::Result<usize>;
}

impl Kernel for Queue {
    #[allow(unsafe_code)]
    unsafe fn submit(&self, blocks: &mut [ControlBlock]) -> io::Result<usize> {
        // SAFETY: the caller keeps to the same contract.
        unsafe { self.submit(blocks) }
    }

    fn events(&self, events: &mut [Event], wait: Duration) -> io::Result<usize> {
        self.events(events, wait)
    }
}
