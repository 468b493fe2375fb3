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

/// Of a directory only what appears counts: writes to its files do not.
pub(crate) fn changes(paths: &[&Path]) -> io::Result<File> {
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

pub(crate) fn timer(after: Duration) -> io::Result<File> {
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
