//! Whether the process may write files of any size (`RLIMIT_FSIZE`).

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

/// Whether there is a limit. Beyond it a write raises SIGXFSZ on the thread that makes it.
pub(crate) fn is_set() -> bool {
    getrlimit(Resource::RLIMIT_FSIZE).is_ok_and(|(soft, _)| soft != RLIM_INFINITY)
}
