//! Linux kernel AIO as the kernel has it (linux/aio_abi.h): the control block, the event, and one
//! queue of them. glibc wraps none of these system calls, and libaio is a wrapper without state.
//!
//! `io_cancel` is left out: for files every kernel answers `EINVAL`.

use std::ffi::{c_long, c_ulong};
use std::io;
use std::mem::{offset_of, size_of};
use std::ptr;
use std::time::Duration;

/// `aio_lio_opcode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Command {
    Read = 0,
    Write = 1,
    ReadVectored = 7,
    WriteVectored = 8,
}

/// `RWF_NOWAIT` in `aio_rw_flags`, since Linux 4.13: answer `EAGAIN` instead of waiting.
pub(crate) const NOWAIT: u32 = 0x8;

/// `IOCB_FLAG_RESFD` in `aio_flags`: count the completion on an eventfd.
const RESULT_DESCRIPTOR: u32 = 0x1;

/// `struct iocb`: one operation. The kernel copies it while it takes it, and looks at it no more.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct ControlBlock {
    data: u64,
    #[cfg(target_endian = "little")]
    key: u32,
    flags: u32,
    #[cfg(target_endian = "big")]
    key: u32,
    command: u16,
    priority: i16,
    descriptor: u32,
    buffer: u64,
    length: u64,
    offset: i64,
    reserved: u64,
    block_flags: u32,
    result_descriptor: u32,
}

/// `struct io_event`: one completion.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Event {
    /// What the control block had as its data.
    pub(crate) data: u64,
    block: u64,
    /// Bytes moved, or an errno below zero.
    pub(crate) result: i64,
    result_2: i64,
}

const _: () = {
    assert!(size_of::<ControlBlock>() == 64);
    assert!(offset_of!(ControlBlock, key) == if cfg!(target_endian = "little") { 8 } else { 12 });
    assert!(offset_of!(ControlBlock, flags) == if cfg!(target_endian = "little") { 12 } else { 8 });
    assert!(offset_of!(ControlBlock, command) == 16);
    assert!(offset_of!(ControlBlock, priority) == 18);
    assert!(offset_of!(ControlBlock, descriptor) == 20);
    assert!(offset_of!(ControlBlock, buffer) == 24);
    assert!(offset_of!(ControlBlock, length) == 32);
    assert!(offset_of!(ControlBlock, offset) == 40);
    assert!(offset_of!(ControlBlock, reserved) == 48);
    assert!(offset_of!(ControlBlock, block_flags) == 56);
    assert!(offset_of!(ControlBlock, result_descriptor) == 60);
    assert!(size_of::<Event>() == 32);
    assert!(offset_of!(Event, result) == 16);
};

impl ControlBlock {
    /// An operation on the memory at `address`: bytes, or extents for the vectored commands.
    pub(crate) fn new(
        command: Command,
        descriptor: i32,
        (address, length): (usize, usize),
        offset: u64,
    ) -> Self {
        Self {
            data: 0,
            key: 0,
            flags: 0,
            command: command as u16,
            priority: 0,
            descriptor: descriptor.cast_unsigned(),
            buffer: address as u64,
            length: length as u64,
            offset: offset.cast_signed(),
            reserved: 0,
            block_flags: 0,
            result_descriptor: 0,
        }
    }

    /// The number that comes back with the event.
    pub(crate) fn data(&self) -> u64 {
        self.data
    }

    /// This block, whose event will carry `data`.
    pub(crate) fn with_data(mut self, data: u64) -> Self {
        self.data = data;
        self
    }

    /// This block, whose completion `eventfd` will count.
    pub(crate) fn counted_on(mut self, eventfd: i32) -> Self {
        self.block_flags |= RESULT_DESCRIPTOR;
        self.result_descriptor = eventfd.cast_unsigned();
        self
    }

    /// This block, with flags of preadv2(2), such as [`NOWAIT`].
    pub(crate) fn with_flags(mut self, flags: u32) -> Self {
        self.flags = flags;
        self
    }
}

/// The most control blocks that one [`Queue::submit`] looks at.
pub(crate) const SUBMIT_MAX: usize = 32;

/// One AIO context. Dropping it waits until the kernel has finished all that was submitted.
#[derive(Debug)]
pub(crate) struct Queue {
    context: c_ulong,
}

/// `timeout` of io_getevents: the old timespec, whose fields are long in every ABI.
#[repr(C)]
struct Timeout {
    seconds: c_long,
    nanoseconds: c_long,
}

impl Queue {
    /// io_setup(2) for `requests` in flight.
    #[allow(unsafe_code)]
    pub(crate) fn new(requests: u32) -> io::Result<Self> {
        // The kernel refuses a context that is not zero before the call.
        let mut context: c_ulong = 0;
        // SAFETY: `context` is a local that outlives the call, which writes one c_ulong there.
        let code = unsafe { libc::syscall(libc::SYS_io_setup, requests, &raw mut context) };
        answer(code)?;
        Ok(Self { context })
    }

    /// io_submit(2): takes control blocks from the front, at most [`SUBMIT_MAX`], and says how
    /// many. An error belongs to the first block alone, except `EAGAIN`: no room.
    ///
    /// Blocks as the operations themselves would, except those that are [`NOWAIT`].
    ///
    /// # Safety
    /// The memory that the blocks name stays valid and untouched until their events arrive.
    #[allow(unsafe_code)]
    pub(crate) unsafe fn submit(&self, blocks: &mut [ControlBlock]) -> io::Result<usize> {
        let count = blocks.len().min(SUBMIT_MAX);
        let mut pointers = [ptr::null_mut::<ControlBlock>(); SUBMIT_MAX];
        for (pointer, block) in pointers.iter_mut().zip(blocks) {
            *pointer = block;
        }
        // SAFETY: the first `count` pointers are to blocks borrowed mutably for the call, longer
        // than the kernel looks at them; what they name is the caller's promise.
        let code = unsafe {
            libc::syscall(libc::SYS_io_submit, self.context, count as c_long, pointers.as_mut_ptr())
        };
        answer(code)
    }

    /// io_getevents(2): fills `events` from the front and says how many. Waits at most `wait` for
    /// the first of them.
    #[allow(unsafe_code)]
    pub(crate) fn events(&self, events: &mut [Event], wait: Duration) -> io::Result<usize> {
        let mut timeout = Timeout {
            seconds: c_long::try_from(wait.as_secs()).unwrap_or(c_long::MAX),
            nanoseconds: c_long::from(wait.subsec_nanos().cast_signed()),
        };
        let least: c_long = if wait.is_zero() { 0 } else { 1 };
        // SAFETY: `events` is borrowed mutably for the call and has as many places as stated; any
        // bit pattern is a valid event. `timeout` is a local that outlives the call.
        let code = unsafe {
            libc::syscall(
                libc::SYS_io_getevents,
                self.context,
                least,
                events.len() as c_long,
                events.as_mut_ptr(),
                &raw mut timeout,
            )
        };
        answer(code)
    }
}

impl Drop for Queue {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: the context was set up in `new`, and nothing else has it or will use it again.
        // The kernel returns only after its last access to the memory of pending operations.
        unsafe { libc::syscall(libc::SYS_io_destroy, self.context) };
    }
}

/// -1 and errno, or a count.
fn answer(code: c_long) -> io::Result<usize> {
    usize::try_from(code).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_the_kernel_expects() {
        let block = ControlBlock::new(Command::Write, 7, (0x1000, 42), 1 << 40)
            .with_data(u64::MAX - 1)
            .with_flags(NOWAIT)
            .counted_on(9);
        assert_eq!((block.data(), block.flags), (u64::MAX - 1, NOWAIT));
        assert_eq!((block.offset, block.length, block.result_descriptor), (1 << 40, 42, 9));
    }

    #[test]
    fn waiting_for_events_ends_at_the_timeout() {
        let Ok(queue) = Queue::new(4) else {
            println!("skipped: no kernel AIO here");
            return;
        };
        let mut events = [Event::default(); 4];
        loop {
            let started = std::time::Instant::now();
            match queue.events(&mut events, Duration::from_millis(20)) {
                Ok(count) => {
                    assert_eq!(count, 0);
                    assert!(started.elapsed() >= Duration::from_millis(19));
                    break;
                }
                // A process that is stopped and goes on is interrupted, too.
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::Interrupted, "{error}"),
            }
        }
        assert_eq!(queue.events(&mut events, Duration::ZERO).unwrap(), 0);
    }
}
