//! What becomes readable when something happens: inotify and timerfd.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

use crate::delay::CENTURY;

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
    let changes = Inotify::init(InitFlags::IN_CLOEXEC)?;
    for path in paths {
        let own = match path.is_dir() {
            true => AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO,
            false => AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_ATTRIB,
        };
        let gone = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF;
        changes.add_watch(*path, own | gone)?;
    }
    Ok(OwnedFd::from(changes).into())
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
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC)?;
    // A timer of no time at all would never expire, and one beyond all times is none.
    let after = after.clamp(Duration::from_nanos(1), CENTURY);
    timer.set(Expiration::OneShot(after.into()), TimerSetTimeFlags::empty())?;
    Ok(OwnedFd::from(timer).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_take_any_time() {
        for after in [Duration::ZERO, Duration::from_secs(u64::MAX / 2), Duration::MAX] {
            timer(after).unwrap();
        }
    }
}
