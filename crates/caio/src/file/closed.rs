//! The descriptor that stands for a file that is closed.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::OnceLock;

use crate::flags::O_DIRECTORY;
use crate::sys::open_flags::NAMES_ONLY;

/// A descriptor for what has to name one and has none: nothing can be read, written or synced
/// through it (EBADF). It is one for the whole process, names the root directory, is opened when it
/// is first asked for and stays open.
///
/// ```
/// use std::io::Read;
///
/// let closed = caio::closed_descriptor().try_clone_to_owned()?;
/// assert!(std::fs::File::from(closed).read(&mut [0]).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn closed_descriptor() -> BorrowedFd<'static> {
    static ROOT: OnceLock<File> = OnceLock::new();
    if let Some(root) = ROOT.get() {
        return root.as_fd();
    }
    match File::options().read(true).custom_flags(NAMES_ONLY | O_DIRECTORY).open("/") {
        Ok(root) => ROOT.get_or_init(|| root).as_fd(),
        Err(_) => nowhere(),
    }
}

/// Where no descriptor is left: the number that stands for the working directory in calls that
/// take a path, and for nothing in all others.
#[allow(unsafe_code)]
fn nowhere() -> BorrowedFd<'static> {
    // SAFETY: the number is no descriptor's, so that nothing can close it or take its place.
    unsafe { BorrowedFd::borrow_raw(libc::AT_FDCWD) }
}
