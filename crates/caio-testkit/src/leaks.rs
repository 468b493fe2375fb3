//! What the process uses, to show that nothing leaks.

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// What this process uses at one moment. Everything in the process counts: measure in one where
/// nothing else runs.
///
/// ```
/// use std::time::Duration;
/// use caio_testkit::Usage;
///
/// let baseline = Usage::now()?;
/// drop(std::fs::File::open("/proc/self/exe")?);
/// baseline.assert_restored(Duration::from_secs(1));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads, the calling one included.
    pub threads: usize,
    /// Memory that is present, in bytes (`VmRSS`).
    pub resident_bytes: u64,
}

impl Usage {
    /// Looks at `/proc/self`.
    ///
    /// # Errors
    /// Where there is no procfs.
    ///
    /// ```
    /// let usage = caio_testkit::Usage::now()?;
    /// assert!(usage.descriptors > 0 && usage.threads > 0 && usage.resident_bytes > 0);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn now() -> io::Result<Self> {
        // The descriptor that reads the directory is in it, too.
        let descriptors = fs::read_dir("/proc/self/fd")?.count().saturating_sub(1);
        let threads = fs::read_dir("/proc/self/task")?.count();
        let status = fs::read_to_string("/proc/self/status")?;
        let kibibytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
            .ok_or_else(|| io::Error::other("/proc/self/status has no VmRSS"))?;
        Ok(Self { descriptors, threads, resident_bytes: kibibytes * 1024 })
    }

    /// Waits until there are no more descriptors and threads than at this moment, the baseline.
    /// Memory is not looked at: allocators keep it.
    ///
    /// # Panics
    /// When it has not come to that after `within`, naming the open descriptors.
    ///
    /// ```
    /// use std::time::Duration;
    /// use caio::{BackendKind, Context};
    /// use caio_testkit::Usage;
    ///
    /// let baseline = Usage::now()?;
    /// drop(Context::builder().backend(BackendKind::Rust).build()?);
    /// baseline.assert_restored(Duration::from_secs(10));
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[track_caller]
    pub fn assert_restored(self, within: Duration) {
        let deadline = Instant::now() + within;
        loop {
            let now = Self::now().expect("procfs answered before");
            if now.descriptors <= self.descriptors && now.threads <= self.threads {
                return;
            }
            let (open, names) = (descriptors(), threads());
            assert!(
                Instant::now() < deadline,
                "{now:?} after {within:?}, from {self:?}; open: {open:?}; threads: {names:?}"
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// How much more memory is present than at `earlier`, in bytes.
    ///
    /// ```
    /// use caio_testkit::Usage;
    ///
    /// let earlier = Usage::now()?;
    /// let memory = std::hint::black_box(vec![1_u8; 64 << 20]);
    /// assert!(Usage::now()?.grown_bytes(earlier) > 32 << 20);
    /// # drop(memory);
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn grown_bytes(self, earlier: Usage) -> u64 {
        self.resident_bytes.saturating_sub(earlier.resident_bytes)
    }
}

fn descriptors() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some(fs::read_link(entry.path()).ok()?.display().to_string()))
        .collect()
}

fn threads() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok())
        .map(|name| name.trim_end().to_owned())
        .collect()
}
