//! What the kernel says of this process: processor time, context switches, memory, bytes from
//! devices, open rings.

use std::fs;
use std::io;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

use crate::Result;

/// What has been used up to a moment.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// The moment.
    pub at: Instant,
    /// Processor time in user mode, in microseconds.
    pub user_us: f64,
    /// And in the kernel.
    pub system_us: f64,
    /// Context switches, of both kinds.
    pub switches: f64,
    /// Page faults for which nothing was read.
    pub minor_faults: f64,
    /// Page faults for which a device was read.
    pub major_faults: f64,
    /// The most memory that was resident, in KiB. Of this process, it counts that of the one which
    /// started it: see [`peak_kib`].
    pub peak_kib: u64,
}

impl Usage {
    /// By this process or by its children.
    ///
    /// # Errors
    /// What getrusage(2) answers.
    pub fn of(who: UsageWho) -> Result<Self> {
        let usage = getrusage(who)?;
        let microseconds =
            |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64;
        let switches = usage.voluntary_context_switches() + usage.involuntary_context_switches();
        Ok(Self {
            at: Instant::now(),
            user_us: microseconds(usage.user_time()),
            system_us: microseconds(usage.system_time()),
            switches: switches as f64,
            minor_faults: usage.minor_page_faults() as f64,
            major_faults: usage.major_page_faults() as f64,
            peak_kib: u64::try_from(usage.max_rss()).unwrap_or(0),
        })
    }

    /// By this process.
    ///
    /// # Errors
    /// What getrusage(2) answers.
    pub fn now() -> Result<Self> {
        Self::of(UsageWho::RUSAGE_SELF)
    }
}

/// The peak of this program's own memory, in KiB.
pub fn peak_kib() -> u64 {
    field("/proc/self/status", "VmHWM:").unwrap_or(0)
}

/// What this process has caused to be read from devices.
pub(crate) fn device_bytes() -> Option<u64> {
    field("/proc/self/io", "read_bytes:")
}

/// The io_uring instances that this process has open.
///
/// # Errors
/// What the system answers.
pub fn open_rings() -> io::Result<usize> {
    let is_ring = |entry: &fs::DirEntry| {
        fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == "anon_inode:[io_uring]")
    };
    Ok(fs::read_dir("/proc/self/fd")?.filter_map(io::Result::ok).filter(is_ring).count())
}

fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
