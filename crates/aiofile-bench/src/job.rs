//! What goes to a participant's process and what comes back: JSON both ways.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cell::{Access, Cell, Work};
use crate::latencies::Latencies;
use crate::line_kind::LineKind;

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The name of the participant.
    pub participant: String,
    /// What.
    pub cell: Cell,
    /// Where the scratch files are.
    pub directory: PathBuf,
    /// From which all places follow.
    pub seed: u64,
    /// Threads of a runtime that has several.
    pub workers: usize,
    /// Milliseconds that do not count.
    pub warm_up_ms: u64,
    /// Milliseconds that do.
    pub measure_ms: u64,
    /// That many operations instead of a time, for counting system calls.
    pub operations: Option<u64>,
    /// The command `aiofile`, for the copies.
    pub command: Option<PathBuf>,
    /// The cgroup that it is to run in.
    pub group: Option<PathBuf>,
}

/// What a participant found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// What really ran, as found in the running process: `threads` or `io_uring`, or the backend's
    /// own name.
    pub backend: String,
    /// How the backend describes itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Threads of the process, the kernel's workers for it included.
    pub threads: usize,
    /// io_uring instances that were open.
    pub rings: usize,
    /// Operations that counted.
    pub operations: u64,
    /// Bytes that they moved.
    pub bytes: u64,
    /// The seconds they took together.
    pub seconds: f64,
    /// Latency in microseconds that half of them did not exceed; of a cell that looks at an echo or
    /// a timer, the latency of that.
    pub p50_us: Option<f64>,
    /// The same for 99 of 100.
    pub p99_us: Option<f64>,
    /// The same for 999 of 1000.
    pub p999_us: Option<f64>,
    /// The longest.
    pub longest_us: Option<f64>,
    /// All of them, or a sample, until they are merged with those of the other runs.
    #[serde(skip_serializing_if = "Latencies::is_empty")]
    pub latencies: Latencies,
    /// Processor time in user mode, in microseconds.
    pub user_us: f64,
    /// And in the kernel, its threads for this process included.
    pub system_us: f64,
    /// Context switches, of both kinds.
    pub switches: f64,
    /// The most memory that was resident, in KiB.
    pub peak_kib: u64,
    /// Bytes that came from a device; none where the kernel does not tell.
    pub device_bytes: Option<u64>,
    /// Which ways our operations went; none for the others.
    pub routes: Option<Routes>,
    /// The figure of a cell that counts neither operations nor bytes nor time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What else was seen, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, f64>,
}

/// The ways of our operations, counted by the context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routes {
    /// Done at once, on the caller's thread.
    pub in_place: u64,
    /// Handed to the backend.
    pub backend: u64,
    /// Handed to the context's pool, since the backend does not serve them well.
    pub pool: u64,
}

impl Report {
    /// Takes these as its latencies.
    pub fn set_latencies(&mut self, latencies: Latencies) {
        self.p50_us = latencies.percentile_us(0.5);
        self.p99_us = latencies.percentile_us(0.99);
        self.p999_us = latencies.percentile_us(0.999);
        self.longest_us = latencies.longest_us();
        self.latencies = latencies;
    }

    /// Notes something else.
    pub fn note(&mut self, name: &str, value: f64) {
        self.notes.insert(name.to_owned(), value);
    }
}

impl Job {
    /// The file that the cell works on; the directory of the small files. Cells that need the same
    /// share one.
    pub fn path(&self) -> PathBuf {
        let kind = match self.cell.work {
            Work::DurableAppend => "journal",
            _ if self.cell.has_small_files() => "files",
            _ if self.cell.writes() => "target",
            _ => match self.cell.lines() {
                Some(LineKind::Usual) => "log",
                Some(kind) => kind.name(),
                None => "data",
            },
        };
        self.directory.join(format!("{kind}-{}", self.cell.size))
    }

    /// The small file with this index.
    pub fn small_file(&self, index: u64) -> PathBuf {
        self.path().join(format!("{:03}", index / 1000)).join(format!("{index:06}"))
    }

    /// How many small files there are.
    pub fn small_files(&self) -> u64 {
        self.cell.size / self.cell.block as u64
    }

    /// The paths of all small files, so that no participant spends its time on making names.
    pub fn small_paths(&self) -> Vec<PathBuf> {
        (0..self.small_files()).map(|index| self.small_file(index)).collect()
    }

    /// A walk that has not met each directory and file is no walk.
    ///
    /// # Errors
    /// Where it has not.
    pub fn check_walk(&self, seen: u64) -> io::Result<()> {
        let files = self.small_files();
        let there = 1 + files.div_ceil(1000) + files;
        if seen == there {
            return Ok(());
        }
        Err(io::Error::other(format!("the walk met {seen} of {there} entries")))
    }

    /// Where a copy goes.
    pub fn copy_path(&self) -> PathBuf {
        self.directory.join("copy")
    }

    /// Opens the cell's file through std with the access the work needs.
    ///
    /// # Errors
    /// What open(2) answers.
    pub fn open(&self) -> io::Result<File> {
        let append = self.cell.work == Work::DurableAppend;
        let flags = if self.cell.is_direct() { caio::flags::O_DIRECT } else { 0 };
        OpenOptions::new()
            .read(!append)
            .write(self.cell.writes() && !append)
            .append(append)
            .custom_flags(flags)
            .open(self.path())
    }

    /// The time before counting. None for cold data, which a warm-up would warm.
    pub fn warm_up(&self) -> Duration {
        let is_cold = self.cell.access == Access::Cold;
        Duration::from_millis(if is_cold { 0 } else { self.warm_up_ms })
    }

    /// The time that counts.
    pub fn measure(&self) -> Duration {
        Duration::from_millis(self.measure_ms)
    }

    /// The same job for so many operations, whatever time they take.
    pub fn counted(&self, operations: u64) -> Self {
        Self { operations: Some(operations), warm_up_ms: 0, measure_ms: 0, ..self.clone() }
    }

    /// A short job without a directory.
    #[cfg(test)]
    pub(crate) fn for_tests(cell: Cell) -> Self {
        Self {
            participant: "pread".to_owned(),
            cell,
            directory: "/nowhere".into(),
            seed: 1,
            workers: 2,
            warm_up_ms: 1,
            measure_ms: 5,
            operations: None,
            command: None,
            group: None,
        }
    }
}

/// A pass over a log that has not seen every byte is no pass.
///
/// # Errors
/// Where it has not.
pub fn check_lines(seen: u64, size: u64) -> io::Result<()> {
    if seen == size {
        return Ok(());
    }
    Err(io::Error::other(format!("the lines hold {seen} bytes, the file {size}")))
}
