//! Finding out what a ring can do: by asking, and by doing.
//!
//! Both are needed. A filter for system calls may let a ring be made and then refuse to enter it,
//! and some sandboxes accept submissions that never complete.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use io_uring::{IoUring, Probe, opcode, types};
use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::refusal::{lacking, refused};
use super::ring::wait_readable;
use crate::capability::OpSet;
use crate::error::{Error, ErrorKind, Result};
use crate::op::OpKind;

/// So often it is looked whether the first operation is done, five seconds together on a machine
/// that is not busy. On a busy one this thread has its turns as late as the kernel's have.
const LOOKS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

const NOP: u64 = 1;
const READ: u64 = 2;

/// The operations that the kernel says it has, among those that this backend does.
pub(super) fn operations(io: &IoUring) -> Result<OpSet> {
    let mut probe = Probe::new();
    io.submitter()
        .register_probe(&mut probe)
        .map_err(|error| refused("io_uring_register(IORING_REGISTER_PROBE)", error))?;
    let codes = [
        (opcode::Read::CODE, OpKind::Read),
        (opcode::Write::CODE, OpKind::Write),
        (opcode::Readv::CODE, OpKind::ReadVectored),
        (opcode::Writev::CODE, OpKind::WriteVectored),
    ];
    for needed in [opcode::Read::CODE, opcode::Write::CODE] {
        if !probe.is_supported(needed) {
            return Err(lacking("IORING_OP_READ or IORING_OP_WRITE"));
        }
    }
    let supported = codes.into_iter().filter(|(code, _)| probe.is_supported(*code));
    Ok(supported.fold(OpSet::default(), |set, (_, kind)| set.with(kind)))
}

/// Does nothing once, and reads one byte that is known.
pub(super) fn really_works(io: &mut IoUring) -> Result<()> {
    const BYTE: u8 = 0x5a;
    let file = memfd_create(c"caio-probe", MFdFlags::MFD_CLOEXEC)
        .map_err(|errno| refused("memfd_create", errno.into()))?;
    let mut file = File::from(file);
    file.write_all(&[BYTE]).map_err(|error| refused("write to a memfd", error))?;

    let mut byte = Box::new([0; 1]);
    let pointer = byte.as_mut_ptr();
    let read = opcode::Read::new(types::Fd(file.as_raw_fd()), pointer, 1).build();
    let done = perform(io, &[opcode::Nop::new().build().user_data(NOP), read.user_data(READ)]);
    if done.is_err() {
        // The kernel may still write into it.
        std::mem::forget(byte);
        return done;
    }
    if byte[0] == BYTE { Ok(()) } else { Err(wrong("a read brought another byte than was there")) }
}

#[allow(unsafe_code)]
fn perform(io: &mut IoUring, entries: &[io_uring::squeue::Entry]) -> Result<()> {
    // SAFETY: the caller keeps the byte that the read entry points to until both have completed,
    // and for ever where this fails.
    unsafe { io.submission().push_multiple(entries) }
        .map_err(|_| lacking("a submission queue of two entries"))?;
    let mut missing = entries.len();
    for _ in 0..LOOKS {
        match io.submit() {
            Err(error) if error.raw_os_error() != Some(Errno::EINTR as i32) => {
                return Err(refused("io_uring_enter", error));
            }
            _ => {}
        }
        for completion in io.completion() {
            missing -= 1;
            match (completion.user_data(), completion.result()) {
                (NOP, 0) | (READ, 1) => {}
                (_, result) if result < 0 => {
                    let error = std::io::Error::from_raw_os_error(-result);
                    return Err(refused("the first read through the ring", error));
                }
                _ => return Err(wrong("the first operation gave a strange result")),
            }
        }
        if missing == 0 {
            return Ok(());
        }
        wait_readable([io.as_fd()], PAUSE);
    }
    Err(wrong("the first operation did not complete"))
}

fn wrong(what: &'static str) -> Error {
    Error::new(ErrorKind::Backend, format!("uring: {what}"))
        .hint("io_uring is imitated or broken here: choose another backend, such as `thread`")
}
