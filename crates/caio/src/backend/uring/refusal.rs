//! Why there is no io_uring here, and what the user can do about it.

use std::borrow::Cow;
use std::io;

use nix::errno::Errno;

use crate::error::{Error, ErrorKind};

/// Where Linux 6.6 and later say who may use io_uring.
const SYSCTL: &str = "/proc/sys/kernel/io_uring_disabled";

/// The error for a system call that refused.
pub(super) fn refused(call: &'static str, source: io::Error) -> Error {
    let errno = Errno::from_raw(source.raw_os_error().unwrap_or(0));
    let error = Error::new(ErrorKind::Backend, format!("uring: {call} failed")).caused_by(source);
    match cure(errno, std::fs::read_to_string(SYSCTL).ok().as_deref().map(str::trim)) {
        Some(cure) => error.hint(cure),
        None => error,
    }
}

/// The error for a kernel that has io_uring, but without something that is needed.
pub(super) fn lacking(what: &str) -> Error {
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
