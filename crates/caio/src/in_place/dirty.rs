//! Whether the kernel is about to have writers wait, as it tells itself.
//!
//! It makes who dirties pages wait once there are too many of them, in the whole system or in a
//! control group with a limit of memory, and begins to write them out at a lower count, the
//! background threshold. Below that one nobody is throttled. The counts are looked at no more often
//! than every [`SAMPLE`].

use std::fs::{File, read_to_string};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::hold_off::nanoseconds;
use crate::per_process::PerProcess;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How old the counts may be. At a gigabyte a second 10 MB more are dirty by then.
const SAMPLE: Duration = Duration::from_millis(10);

/// More than the system writes into any of these files.
const TEXT_BYTES: usize = 16 << 10;

static KERNEL: PerProcess<Kernel> = PerProcess::new();

/// Whether a write may be throttled, also where the system does not tell.
pub(super) fn may_be_throttled(now: Instant) -> bool {
    KERNEL.get().may_be_throttled(now)
}

#[derive(Debug, Default)]
struct Kernel {
    start: OnceLock<Instant>,
    /// When the counts are to be looked at again, in nanoseconds since `start`.
    next: AtomicU64,
    is_high: AtomicBool,
    counts: Mutex<Option<Counts>>,
}

impl Kernel {
    fn may_be_throttled(&self, now: Instant) -> bool {
        let since_start = nanoseconds(now.duration_since(*self.start.get_or_init(|| now)));
        if since_start < self.next.load(Ordering::Relaxed) {
            return self.is_high.load(Ordering::Relaxed);
        }
        // Another thread may be looking just now.
        if let Ok(mut counts) = self.counts.try_lock() {
            let counts = counts.get_or_insert_with(Counts::of_this_process);
            self.is_high.store(counts.are_high().unwrap_or(true), Ordering::Relaxed);
            let next = since_start.saturating_add(nanoseconds(SAMPLE));
            self.next.store(next, Ordering::Relaxed);
        }
        self.is_high.load(Ordering::Relaxed)
    }
}

/// The files in which the kernel keeps its counts.
#[derive(Debug)]
struct Counts {
    system: io::Result<File>,
    groups: Vec<Group>,
    text: Vec<u8>,
}

/// A control group of version 2 with a limit of memory.
#[derive(Debug)]
struct Group {
    limit: u64,
    /// Of what may be used for it, so many hundredths may be dirty before it is written out.
    background_ratio: u64,
    current: File,
    statistics: File,
}

impl Counts {
    fn of_this_process() -> Self {
        let root = [Path::new("/sys/fs/cgroup"), Path::new("/sys/fs/cgroup/unified")]
            .into_iter()
            .find(|root| root.join("cgroup.controllers").exists());
        let group = read_to_string("/proc/self/cgroup").unwrap_or_default();
        let group = group.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
        let ratio = read_to_string("/proc/sys/vm/dirty_background_ratio").unwrap_or_default();
        // It is 0 where the threshold is set in bytes, which does not hold for groups.
        let ratio = ratio.trim().parse().ok().filter(|ratio| *ratio > 0).unwrap_or(10);
        Self {
            system: File::open("/proc/vmstat"),
            groups: root.map(|root| groups(root, Path::new(group), ratio)).unwrap_or_default(),
            text: vec![0; TEXT_BYTES],
        }
    }

    /// Whether the system or a group writes out already; `None` where that is not told.
    fn are_high(&mut self) -> Option<bool> {
        let text = read(self.system.as_ref().ok()?, &mut self.text)?;
        let dirty = count(text, "nr_dirty")? + count(text, "nr_writeback")?;
        let mut are_high = dirty >= count(text, "nr_dirty_background_threshold")?;
        for group in &self.groups {
            are_high |= group.is_high(&mut self.text)?;
        }
        Some(are_high)
    }
}

impl Group {
    /// The group in this directory, if it has a limit.
    fn open(directory: &Path, background_ratio: u64) -> Option<Self> {
        let limit = read_to_string(directory.join("memory.max")).ok()?;
        Some(Self {
            limit: limit.trim().parse().ok()?,
            background_ratio,
            current: File::open(directory.join("memory.current")).ok()?,
            statistics: File::open(directory.join("memory.stat")).ok()?,
        })
    }

    fn is_high(&self, text: &mut [u8]) -> Option<bool> {
        let used: u64 = read(&self.current, text)?.trim().parse().ok()?;
        let text = read(&self.statistics, text)?;
        let cache = count(text, "active_file")? + count(text, "inactive_file")?;
        let usable = self.limit.saturating_sub(used.saturating_sub(cache));
        let dirty = count(text, "file_dirty")? + count(text, "file_writeback")?;
        Some(dirty >= usable / 100 * self.background_ratio)
    }
}

/// The groups with a limit that a process is in: its own and those above.
fn groups(root: &Path, group: &Path, background_ratio: u64) -> Vec<Group> {
    let directories = group.ancestors().map(|group| root.join(group));
    directories.filter_map(|directory| Group::open(&directory, background_ratio)).collect()
}

fn read<'a>(file: &File, into: &'a mut [u8]) -> Option<&'a str> {
    let length = file.read_at(into, 0).ok()?;
    std::str::from_utf8(&into[..length]).ok()
}

/// The count of this name, of lines with a name and a count each.
fn count(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: &str = "nr_free_pages 7\nnr_dirty 10\nnr_writeback 20\nnr_writeback_temp 999\n\
                          nr_dirty_threshold 90\nnr_dirty_background_threshold 31\n";

    fn counts(directory: &Path, system: &str) -> Counts {
        std::fs::write(directory.join("vmstat"), system).unwrap();
        let groups = groups(directory, Path::new("a/b"), 10);
        let system = File::open(directory.join("vmstat"));
        Counts { system, groups, text: vec![0; TEXT_BYTES] }
    }

    /// A group of 1,000,000 bytes of which 400,000 are no cache.
    fn make_group(directory: &Path, dirty: u64) {
        std::fs::create_dir_all(directory).unwrap();
        std::fs::write(directory.join("memory.max"), "1000000\n").unwrap();
        std::fs::write(directory.join("memory.current"), "700000\n").unwrap();
        let statistics = format!(
            "anon 400000\nfile 300000\nfile_dirty {dirty}\nfile_writeback 0\n\
             inactive_file 100000\nactive_file 200000\n"
        );
        std::fs::write(directory.join("memory.stat"), statistics).unwrap();
    }

    #[test]
    fn the_system_counts_what_is_dirty_and_what_is_being_written() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(counts(directory.path(), SYSTEM).are_high(), Some(false));
        let more = SYSTEM.replace("nr_writeback 20", "nr_writeback 21");
        assert_eq!(counts(directory.path(), &more).are_high(), Some(true));
    }

    #[test]
    fn a_group_of_the_process_or_above_it_has_its_own_threshold() {
        let directory = tempfile::tempdir().unwrap();
        make_group(&directory.path().join("a/b"), 59_999);
        std::fs::write(directory.path().join("a/memory.max"), "max\n").unwrap();
        let found = counts(directory.path(), SYSTEM).groups;
        assert_eq!(found.len(), 1, "one has no limit, and one says nothing of memory");
        assert_eq!(counts(directory.path(), SYSTEM).are_high(), Some(false));
        make_group(&directory.path().join("a"), 60_000);
        assert_eq!(counts(directory.path(), SYSTEM).are_high(), Some(true));
    }

    #[test]
    fn what_is_not_told_may_be_high() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(counts(directory.path(), "nr_dirty 1\n").are_high(), None);
        let mut counts = counts(directory.path(), SYSTEM);
        counts.system = Err(io::ErrorKind::NotFound.into());
        assert_eq!(counts.are_high(), None);
        let kernel = Kernel { counts: Mutex::new(Some(counts)), ..Kernel::default() };
        assert!(kernel.may_be_throttled(Instant::now()));
    }

    #[test]
    fn the_counts_are_looked_at_once_in_a_while() {
        let directory = tempfile::tempdir().unwrap();
        let counts = counts(directory.path(), SYSTEM);
        let kernel = Kernel { counts: Mutex::new(Some(counts)), ..Kernel::default() };
        let now = Instant::now();
        assert!(!kernel.may_be_throttled(now));
        let more = SYSTEM.replace("nr_dirty 10", "nr_dirty 50");
        std::fs::write(directory.path().join("vmstat"), more).unwrap();
        assert!(!kernel.may_be_throttled(now + SAMPLE / 2), "it was looked just now");
        assert!(kernel.may_be_throttled(now + SAMPLE));
    }
}
