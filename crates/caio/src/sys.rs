//! The few system calls that neither std nor nix wraps, each made safe in one small file.
//!
//! What only Linux has lies in `linux`. `portable` answers the same questions on other Unix
//! systems, mostly with "not here"; everything above goes on as on a kernel that lacks the call.
//! The cfg `caio_portable` takes that side on Linux, too, so that it can be tested there.

#[cfg(all(target_os = "linux", not(caio_portable)))]
mod linux;
#[cfg(not(all(target_os = "linux", not(caio_portable))))]
mod portable;
pub(crate) mod process;
pub(crate) mod transfer;

#[cfg(all(target_os = "linux", not(caio_portable)))]
pub(crate) use linux::*;
#[cfg(not(all(target_os = "linux", not(caio_portable))))]
pub(crate) use portable::*;

/// Whether the process may write files of any size (`RLIMIT_FSIZE`).
pub(crate) mod file_size_limit {
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

    /// Whether there is a limit. Beyond it a write raises SIGXFSZ on the thread that makes it.
    pub(crate) fn is_set() -> bool {
        getrlimit(Resource::RLIMIT_FSIZE).is_ok_and(|(soft, _)| soft != RLIM_INFINITY)
    }
}
