//! Buffered writes on the calling thread that could wait, where nothing says that they will.
//!
//! ext4 has no non-blocking buffered write, so that a write there costs a hop, ten times what the
//! write itself takes. Where a program has asked for it, it is done at once, unless something is
//! known that it would wait for: the device was slow just now, the kernel throttles writers or is
//! about to, another write to the file is under way, or a part of a page would have to be read.

use std::os::fd::AsFd;
use std::time::Instant;

use super::{dirty, is_interrupted};
use crate::file::{FileClass, FileSystem, SharedFile};
use crate::sys::nowait::{self, Wait};

/// No page is smaller.
const PAGE_BYTES: u64 = 4096;

/// Whether a write to this file can ever be done so.
pub(super) fn is_candidate(file: &SharedFile) -> bool {
    let is_on_disk =
        matches!(file.file_system(), FileSystem::Ext4 | FileSystem::Xfs | FileSystem::Btrfs);
    is_on_disk && file.class() == FileClass::Regular && !file.is_direct()
}

/// Writes in one call. `None`: nothing, it has to go another way.
pub(super) fn write(file: &SharedFile, bytes: &[u8], offset: u64) -> Option<usize> {
    let begun = Instant::now();
    let hold_off = file.hold_off();
    if !hold_off.is_over(begun)
        || dirty::may_be_throttled(begun)
        || file.writes().are_under_way()
        || !is_covered(file, bytes.len() as u64, offset)
    {
        return None;
    }
    loop {
        match nowait::write(file.as_fd(), bytes, offset, Wait::Allowed) {
            Err(error) if is_interrupted(&error) => {}
            // Another way finds out about an error again.
            written => {
                hold_off.note(begun, Instant::now(), bytes.len());
                return written.ok().filter(|written| *written > 0);
            }
        }
    }
}

/// Whether each page of which only a part is written is cached, or lies behind the end of the file:
/// the rest of it would be read.
fn is_covered(file: &SharedFile, length: u64, offset: u64) -> bool {
    let start = if file.is_append() {
        match file.file().metadata() {
            Ok(metadata) => metadata.len(),
            Err(_) => return false,
        }
    } else {
        offset
    };
    let ends = [start, start.saturating_add(length)];
    let mut parts = ends.into_iter().filter(|end| !end.is_multiple_of(PAGE_BYTES));
    parts.all(|end| nowait::is_cached(file.as_fd(), end - end % PAGE_BYTES))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

    use super::*;
    use crate::file::{Inode, Traits};
    use crate::in_place::HoldOff;
    use crate::testing::file_with;

    /// A file on a disk; `None` where temporary files are elsewhere, or much is dirty.
    fn file_on_disk(contents: &[u8]) -> Option<SharedFile> {
        let file = file_with(contents);
        if is_candidate(&file) && !dirty::may_be_throttled(Instant::now()) {
            return Some(file);
        }
        println!("skipped: temporary files are on {:?}, or much is dirty", file.file_system());
        None
    }

    /// The same file on a device of its own.
    fn on_device(file: &SharedFile, device: u64) -> SharedFile {
        let traits = Traits::of_regular(Inode { device, number: 1 }, file.file_system());
        SharedFile::examined(file.file().try_clone().unwrap(), file.path().to_owned(), traits)
    }

    /// Whether the write is done at last: on a busy machine one may seem to wait.
    fn is_written_at_last(file: &SharedFile) -> bool {
        let tries = std::iter::repeat_with(|| {
            std::thread::sleep(Duration::from_millis(5));
            write(file, b"text", 0) == Some(4)
        });
        tries.take(2_000).any(|is_written| is_written)
    }

    #[test]
    fn what_is_cached_or_behind_the_end_is_covered() {
        let Some(file) = file_on_disk(&[1; 8192]) else { return };
        assert!(is_covered(&file, 5, 4094) && is_covered(&file, 4096, 0));
        assert!(is_covered(&file, 10, 100_000), "behind the end nothing is read");
    }

    #[test]
    fn a_part_of_a_page_that_is_not_cached_is_not() {
        let Some(file) = file_on_disk(&[1; 3 * 4096]) else { return };
        file.file().sync_all().unwrap();
        let advice = PosixFadviseAdvice::POSIX_FADV_DONTNEED;
        posix_fadvise(file.file(), 0, 0, advice).unwrap();
        if nowait::is_cached(file.as_fd(), 0) {
            println!("skipped: this file system keeps what is not needed");
            return;
        }
        assert!(!is_covered(&file, 5, 4094) && !is_covered(&file, 1, 1));
        assert!(is_covered(&file, 4096, 4096), "a whole page is not read");
    }

    #[test]
    fn a_write_waits_for_no_other() {
        let Some(file) = file_on_disk(b"") else { return };
        let file = on_device(&file, u64::MAX - 3);
        let other = file.writes().start();
        assert_eq!(write(&file, b"text", 0), None);
        assert!(file.writes().finish(other).is_empty());
        assert!(is_written_at_last(&file) || dirty::may_be_throttled(Instant::now()));
    }

    #[test]
    fn a_device_that_was_slow_is_left_to_others_for_a_while() {
        let Some(file) = file_on_disk(b"") else { return };
        let (slow, other) = (on_device(&file, u64::MAX - 4), on_device(&file, u64::MAX - 5));
        let hold_off = HoldOff::of(u64::MAX - 4);
        let now = Instant::now();
        (0..20).for_each(|_| hold_off.note(now, now + Duration::from_secs(1), 1));
        assert_eq!(write(&slow, b"text", 0), None);
        assert!(is_written_at_last(&other) || dirty::may_be_throttled(Instant::now()));
    }
}
