//! Whether kernel AIO works here, and how much of it: found out by doing, never by version.

use std::fs::read_to_string;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::AtomicU8;
use std::time::Duration;

use super::queue::Kernel;
use crate::capability::OpSet;
use crate::error::{Error, ErrorKind};
use crate::op::OpKind;
use crate::sys::aio::{Command, ControlBlock, Event, NOWAIT};
use crate::sys::known;

/// How far the number of requests is halved where the system has no room for more.
const REQUESTS_MIN: u32 = 16;

/// A queue of the kernel, and how many requests it has room for.
pub(super) type Opened = (Box<dyn Kernel>, u32);

/// Opens a queue for `requests`, or for half as many, and so on, where that is too much.
pub(super) fn set_up(
    requests: u32,
    mut open: impl FnMut(u32) -> io::Result<Box<dyn Kernel>>,
) -> Result<Opened, Error> {
    let mut room = requests;
    loop {
        let error = match open(room) {
            Ok(kernel) => return Ok((kernel, room)),
            Err(error) => error,
        };
        let too_much = matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOMEM));
        if !too_much || room <= REQUESTS_MIN {
            return Err(refusal("io_setup", error));
        }
        room = (room / 2).max(REQUESTS_MIN);
    }
}

/// Reads one byte, and says which operations there are.
pub(super) fn operations(kernel: &dyn Kernel) -> Result<OpSet, Error> {
    let (file, ..) = known::file().map_err(|error| refusal("memfd_create", error))?;
    let descriptor = file.as_raw_fd();
    // Static, so that a kernel that answers late writes to no memory that is in use again.
    static BYTE: AtomicU8 = AtomicU8::new(0);
    let memory = (BYTE.as_ptr().expose_provenance(), 1);
    let read = ControlBlock::new(Command::Read, descriptor, memory, 0);
    let answer = attempt(kernel, read).map_err(|error| refusal("io_submit", error))?;
    if answer != 1 {
        let error = io::Error::from_raw_os_error(i32::try_from(-answer).unwrap_or(libc::EIO));
        return Err(refusal("a read by io_submit", error));
    }
    // Files in memory have no non-blocking reads, and say so by EOPNOTSUPP; EINVAL is the answer
    // of a kernel that does not know the flag.
    if errno_of(attempt(kernel, read.with_flags(NOWAIT))) == Some(libc::EINVAL) {
        let error = io::Error::from_raw_os_error(libc::EINVAL);
        return Err(refusal("a read with RWF_NOWAIT, which Linux has since 4.13", error));
    }
    let transfers = [OpKind::Read, OpKind::Write, OpKind::ReadVectored, OpKind::WriteVectored];
    Ok(transfers.into_iter().fold(OpSet::default(), OpSet::with))
}

/// Does one operation, alone in its queue, and waits for it.
#[allow(unsafe_code)]
fn attempt(kernel: &dyn Kernel, block: ControlBlock) -> io::Result<i64> {
    const WAIT: Duration = Duration::from_secs(5);
    // SAFETY: the only memory that the probe's blocks name is a static byte that is atomic.
    let submitted = unsafe { kernel.submit(&mut [block]) }?;
    if submitted == 0 {
        return Err(io::Error::from_raw_os_error(libc::EAGAIN));
    }
    let mut events = [Event::default()];
    loop {
        match kernel.events(&mut events, WAIT) {
            Ok(0) => return Err(io::Error::from_raw_os_error(libc::ETIMEDOUT)),
            Ok(_) => return Ok(events[0].result),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn errno_of(answer: io::Result<i64>) -> Option<i32> {
    match answer {
        Ok(result) if result >= 0 => None,
        Ok(result) => i32::try_from(-result).ok(),
        Err(error) => error.raw_os_error().or(Some(libc::EIO)),
    }
}

/// The system's no, with what helps against it.
pub(super) fn refusal(call: &str, source: io::Error) -> Error {
    let cure = match source.raw_os_error() {
        Some(libc::ENOSYS) => {
            "the kernel was built without CONFIG_AIO, or a seccomp profile hides its system calls: \
             allow io_setup, io_submit, io_getevents and io_destroy"
                .to_owned()
        }
        Some(libc::EPERM | libc::EACCES) => {
            "a seccomp profile or security module forbids it: allow io_setup, io_submit, \
             io_getevents and io_destroy"
                .to_owned()
        }
        Some(libc::EAGAIN) => format!(
            "the system's room for AIO requests is used up: fs.aio-nr is {}, fs.aio-max-nr is {}; \
             raise the latter with sysctl, or ask for fewer requests",
            limit("aio-nr"),
            limit("aio-max-nr"),
        ),
        Some(libc::ENOMEM) => "memory is short, or the address space is limited (ulimit -v)".into(),
        Some(libc::EINVAL) => "the number of requests is larger than the kernel allows".into(),
        Some(libc::EMFILE | libc::ENFILE) => "raise the limit on open files (ulimit -n)".into(),
        _ => "choose another backend".into(),
    };
    Error::new(ErrorKind::Backend, format!("kernel AIO does not work here: {call}"))
        .caused_by(source)
        .hint(cure)
}

fn limit(name: &str) -> String {
    let text = read_to_string(format!("/proc/sys/fs/{name}"));
    text.map_or_else(|_| "unknown".into(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::aio::Queue;

    #[test]
    fn exhaustion_halves_the_room_down_to_a_floor_and_then_explains() {
        let mut asked = Vec::new();
        let error = set_up(100, |requests| {
            asked.push(requests);
            Err(io::Error::from_raw_os_error(libc::EAGAIN))
        })
        .unwrap_err();
        assert_eq!(asked, [100, 50, 25, 16]);
        assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::Backend, Some(libc::EAGAIN)));
        let text = error.to_string();
        assert!(text.contains("io_setup") && text.contains("fs.aio-max-nr is "), "{text}");
    }

    #[test]
    fn what_room_there_is_is_taken() {
        let mut asked = Vec::new();
        let opened = set_up(512, |requests| {
            asked.push(requests);
            match requests {
                129.. => Err(io::Error::from_raw_os_error(libc::EAGAIN)),
                _ => Ok(Box::new(Queue::new(requests)?) as Box<dyn Kernel>),
            }
        });
        assert_eq!(asked[..3], [512, 256, 128]);
        match opened {
            // Less where other programs have taken nearly all that there is.
            Ok((_, room)) => assert_eq!(Some(&room), asked.last()),
            Err(error) => println!("skipped: {error}"),
        }
    }

    #[test]
    fn a_forbidden_call_is_not_tried_again_and_names_the_cure() {
        for (errno, cure) in [(libc::ENOSYS, "CONFIG_AIO"), (libc::EPERM, "seccomp")] {
            let mut calls = 0;
            let error = set_up(512, |_| {
                calls += 1;
                Err(io::Error::from_raw_os_error(errno))
            })
            .unwrap_err();
            assert_eq!((calls, error.raw_os_error()), (1, Some(errno)));
            assert!(error.cure().unwrap().contains(cure));
        }
    }
}
