//! Making a ring: as much as the kernel offers, as large as memory allows. Where there is none, it
//! is said why, and what the user can do about it.

use std::borrow::Cow;
use std::io;

use io_uring::{Builder, IoUring, Probe, opcode};
use nix::errno::Errno;

use crate::capability::OpSet;
use crate::config::UringConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::op::OpKind;

/// The smallest submission queue that is tried where memory is short.
const ENTRIES_MIN: u32 = 8;

/// The most requests of one ring: the kernel has room for twice as many completions.
const REQUESTS_MAX: usize = 1 << 15;

/// A fresh ring, and what it has room for.
pub(super) struct Made {
    pub(super) io: IoUring,
    /// How many requests may be in flight on it.
    pub(super) requests_max: usize,
}

/// A fresh ring, for at most so many requests at once.
pub(super) fn make(config: &UringConfig, requests_max: usize) -> Result<Made> {
    let io = largest(config, requests_max).map_err(|error| refused("io_uring_setup", error))?;
    if !io.params().is_feature_nodrop() {
        return Err(lacking("IORING_FEAT_NODROP, by which no completion is lost"));
    }
    if !io.params().is_feature_submit_stable() {
        return Err(lacking("IORING_FEAT_SUBMIT_STABLE, by which submissions are copied"));
    }
    if config.kernel_workers_max > 0 {
        let share = (config.kernel_workers_max as usize / config.rings).max(1);
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        // Linux before 5.15 has no such cap; it does without.
        let _ = io.submitter().register_iowq_max_workers(&mut [share, share]);
    }
    // Each request completes once, so that the completion queue never overflows.
    let requests_max = requests_max.min(io.params().cq_entries() as usize);
    Ok(Made { io, requests_max })
}

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

fn largest(config: &UringConfig, requests_max: usize) -> io::Result<IoUring> {
    let requests = u32::try_from(requests_max.min(REQUESTS_MAX)).expect("it is bounded");
    let mut entries = config.entries;
    let mut completions = requests.max(2 * entries);
    loop {
        match newest(config, entries, completions) {
            Err(error) if is(&error, Errno::ENOMEM) && entries > ENTRIES_MIN => {
                entries /= 2;
                completions = (completions / 2).max(2 * entries);
            }
            result => return result,
        }
    }
}

/// Tries the flags of ever older kernels: without the submission array since 6.6, submitting on
/// past an invalid entry since 5.18, sizes cut to what is possible since 5.6.
///
/// `SINGLE_ISSUER` and `DEFER_TASKRUN` are not among them: they bind a ring to one thread.
/// `COOP_TASKRUN` is not either: it saves an interrupt where the submitter computes meanwhile, and
/// lets all others wait for the completion until it enters the kernel for another reason.
fn newest(config: &UringConfig, entries: u32, completions: u32) -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder.dontfork().setup_clamp().setup_cqsize(completions);
    if let Some(idle_ms) = config.sqpoll_idle_ms {
        builder.setup_sqpoll(idle_ms);
    }
    let oldest = builder.clone();
    let older = builder.setup_submit_all().clone();
    let newest = builder.setup_no_sqarray();
    let unknown =
        |result: &io::Result<IoUring>| result.as_ref().is_err_and(|error| is(error, Errno::EINVAL));
    let build = |builder: &Builder| builder.build(entries);
    let mut result = build(newest);
    for builder in [&older, &oldest] {
        if unknown(&result) {
            result = build(builder);
        }
    }
    result
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}

/// Where Linux 6.6 and later say who may use io_uring.
const SYSCTL: &str = "/proc/sys/kernel/io_uring_disabled";

/// The error for a system call that refused.
fn refused(call: &'static str, source: io::Error) -> Error {
    let errno = Errno::from_raw(source.raw_os_error().unwrap_or(0));
    let error = Error::new(ErrorKind::Backend, format!("uring: {call} failed")).caused_by(source);
    match cure(errno, std::fs::read_to_string(SYSCTL).ok().as_deref().map(str::trim)) {
        Some(cure) => error.hint(cure),
        None => error,
    }
}

/// The error for a kernel that has io_uring, but without something that is needed.
fn lacking(what: &str) -> Error {
    Error::new(ErrorKind::Backend, format!("uring: this kernel's io_uring lacks {what}"))
        .hint("Linux 5.6 or later is needed; choose another backend, such as `thread`")
}

fn cure(errno: Errno, disabled: Option<&str>) -> Option<Cow<'static, str>> {
    let text = match errno {
        Errno::ENOSYS => {
            "the kernel is older than 5.6 or built without io_uring, or a seccomp filter hides it: \
             choose another backend, such as `thread`"
        }
        Errno::EPERM | Errno::EACCES => match disabled {
            Some(value) if value != "0" => {
                return Some(Cow::Owned(format!(
                    "sysctl kernel.io_uring_disabled is {value}: set it to 0, or with 1 add the \
                     user to the group in kernel.io_uring_group; or choose another backend"
                )));
            }
            _ => {
                "a seccomp profile forbids it, as containers' default profiles do: allow \
                 io_uring_setup, io_uring_enter and io_uring_register, or choose another backend"
            }
        },
        Errno::ENOMEM => "raise RLIMIT_MEMLOCK (`ulimit -l`), or use fewer or smaller rings",
        Errno::EMFILE => "raise RLIMIT_NOFILE (`ulimit -n`): each ring is an open file",
        Errno::ENFILE => "raise sysctl fs.file-max: each ring is an open file",
        Errno::EINVAL => "the kernel does not know these options; Linux 5.6 or later is needed",
        _ => return None,
    };
    Some(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_call_the_errno_and_the_cure() {
        let error = refused("io_uring_setup", io::Error::from_raw_os_error(Errno::ENOMEM as i32));
        assert_eq!(error.kind(), ErrorKind::Backend);
        assert_eq!(error.raw_os_error(), Some(Errno::ENOMEM as i32));
        let text = error.to_string();
        assert!(text.contains("io_uring_setup") && text.contains("RLIMIT_MEMLOCK"), "{text}");
    }

    #[test]
    fn a_forbidden_ring_is_blamed_on_the_sysctl_only_where_that_forbids_it() {
        assert!(cure(Errno::EPERM, Some("2")).unwrap().contains("kernel.io_uring_disabled is 2"));
        for permitted in [Some("0"), None] {
            assert!(cure(Errno::EPERM, permitted).unwrap().contains("seccomp"));
        }
    }
}
