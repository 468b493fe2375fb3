//! Descriptors whose reads wait until something happens: for watching files and for waiting on any
//! executor, without a thread. They are streams to the engine, which reads them as any other.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::sys::event;

/// A descriptor that has something to read after one of these files was written, truncated,
/// renamed or removed, or after something appeared in one of these directories (inotify(7)).
/// What it reads says what; to look what is there now is safer. Resolves the paths, which may
/// block.
///
/// Changes that another machine makes on a shared file system do not show.
///
/// # Errors
/// What the system answers: a path that is not there, or EMFILE where it has no more of these for
/// this user. `Unsupported` where it has none at all.
///
/// ```
/// # #[cfg(all(target_os = "linux", not(caio_portable)))] {
/// use std::io::Read;
///
/// let directory = tempfile::tempdir()?;
/// let mut changes = caio::event::changes(&[directory.path()])?;
/// std::fs::write(directory.path().join("new"), "")?;
/// assert!(changes.read(&mut [0; 4096])? > 0);
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn changes(paths: &[&Path]) -> io::Result<File> {
    event::changes(paths)
}

/// A descriptor that has 8 bytes to read after this time, once (timerfd_create(2)). Does not block.
///
/// # Errors
/// What the system answers: EMFILE where the process has no descriptor left. `Unsupported` where
/// it has none of these.
///
/// ```
/// # #[cfg(all(target_os = "linux", not(caio_portable)))] {
/// use std::io::Read;
/// use std::time::Duration;
///
/// let mut timer = caio::event::timer(Duration::from_millis(1))?;
/// assert_eq!(timer.read(&mut [0; 8])?, 8);
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn timer(after: Duration) -> io::Result<File> {
    event::timer(after)
}
