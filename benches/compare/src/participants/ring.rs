//! A ring driven by hand, without runtime, futures or allocation: the limit of what io_uring gives
//! on one thread.
//!
//! Everything that is free is pushed, then one system call submits it and waits for the first
//! answer. Flags: one issuer, and task work deferred to that call. `fixed` registers the file and
//! the buffers as well.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use aiofile::AlignedBuffer;
use aiofile_bench::participants::full_buffer;
use aiofile_bench::threads::{self, Thread};
use aiofile_bench::{Cell, Client, Job, Report, Result};
use io_uring::squeue::{Entry, Flags};
use io_uring::{IoUring, opcode, types};

/// The operation whose answer is not that of the transfer.
const SYNC: u64 = 1 << 32;

/// Runs the job on this many threads, each with a ring and its share of the clients.
pub fn run(job: &Job, threads: usize, fixed: bool) -> Result<Report> {
    threads::run(job, threads, job.cell.in_flight, |thread| {
        Driver::new(thread, fixed)?.drive(thread)
    })
}

struct Driver {
    ring: IoUring,
    file: File,
    buffers: Vec<AlignedBuffer>,
    fixed: bool,
    cell: Cell,
}

impl Driver {
    fn new(thread: &Thread<'_>, fixed: bool) -> Result<Driver> {
        let cell = &thread.job.cell;
        let entries = (cell.in_flight as u32 * 2).next_power_of_two();
        let ring = IoUring::builder().setup_single_issuer().setup_defer_taskrun().build(entries)?;
        let file = thread.job.open()?;
        let mut buffers: Vec<_> = (0..cell.in_flight).map(|_| full_buffer(cell.block)).collect();
        if fixed {
            ring.submitter().register_files(&[file.as_raw_fd()])?;
            register(&ring, &mut buffers)?;
        }
        Ok(Driver { ring, file, buffers, fixed, cell: cell.clone() })
    }

    fn drive(mut self, thread: &Thread<'_>) -> Result<Vec<Client>> {
        let mut clients = thread.ready();
        let mut free: Vec<usize> = (0..clients.len()).collect();
        let mut in_flight = 0;
        loop {
            for slot in free.drain(..) {
                if let Some(offset) = clients[slot].begin() {
                    self.push(slot, offset)?;
                    in_flight += 1;
                }
            }
            if in_flight == 0 {
                return Ok(clients);
            }
            self.ring.submit_and_wait(1)?;
            for answer in self.ring.completion() {
                let result = if answer.result() < 0 {
                    Err(io::Error::from_raw_os_error(-answer.result()))
                } else {
                    Ok(answer.result() as usize)
                };
                let slot = (answer.user_data() & (SYNC - 1)) as usize;
                if answer.user_data() & SYNC != 0 {
                    result?;
                    clients[slot].finish_whole();
                } else if self.cell.is_durable() {
                    // The client goes on when the linked sync has answered; a short write would
                    // break the link.
                    result?;
                    continue;
                } else {
                    clients[slot].finish(result)?;
                }
                free.push(slot);
                in_flight -= 1;
            }
        }
    }

    fn push(&mut self, slot: usize, offset: u64) -> Result<()> {
        let entry = self.transfer(slot, offset).user_data(slot as u64);
        if !self.cell.is_durable() {
            return self.push_entry(&entry);
        }
        self.push_entry(&entry.flags(Flags::IO_LINK))?;
        let sync = opcode::Fsync::new(types::Fd(self.file.as_raw_fd()))
            .flags(types::FsyncFlags::DATASYNC)
            .build();
        self.push_entry(&sync.user_data(slot as u64 | SYNC))
    }

    fn transfer(&mut self, slot: usize, offset: u64) -> Entry {
        let writes = self.cell.writes();
        let buffer = &mut self.buffers[slot];
        let (length, address) = (buffer.len() as u32, buffer.as_mut_ptr());
        let (file, registered) = (types::Fd(self.file.as_raw_fd()), types::Fixed(0));
        let index = slot as u16;
        match (self.fixed, writes) {
            (false, false) => opcode::Read::new(file, address, length).offset(offset).build(),
            (false, true) => opcode::Write::new(file, address, length).offset(offset).build(),
            (true, false) => {
                opcode::ReadFixed::new(registered, address, length, index).offset(offset).build()
            }
            (true, true) => {
                opcode::WriteFixed::new(registered, address, length, index).offset(offset).build()
            }
        }
    }

    #[allow(unsafe_code)]
    fn push_entry(&mut self, entry: &Entry) -> Result<()> {
        // SAFETY: the buffers and the file belong to the driver and are neither moved nor dropped
        // before the ring; `drive` returns only when nothing is in flight, and on an error the
        // process ends with everything in it.
        unsafe { self.ring.submission().push(entry) }?;
        Ok(())
    }
}

#[allow(unsafe_code)]
fn register(ring: &IoUring, buffers: &mut [AlignedBuffer]) -> io::Result<()> {
    let parts: Vec<_> = buffers
        .iter_mut()
        .map(|buffer| libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() })
        .collect();
    // SAFETY: the memory stays with the driver, next to the ring, for as long as the ring lives.
    unsafe { ring.submitter().register_buffers(&parts) }
}
