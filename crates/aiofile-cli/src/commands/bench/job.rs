//! What goes to a participant's process and what comes back: JSON both ways.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::cell::{Access, Cell, Work};
use super::histogram::Histogram;
use super::participant::Participant;

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Job {
    /// Who does it.
    pub(super) participant: Participant,
    /// What.
    pub(super) cell: Cell,
    /// Where the scratch files are.
    pub(super) directory: PathBuf,
    /// How large they are.
    pub(super) sizes: Sizes,
    /// From which all places follow.
    pub(super) seed: u64,
    /// Milliseconds that do not count.
    pub(super) warm_up_ms: u64,
    /// Milliseconds that do.
    pub(super) measure_ms: u64,
    /// That many operations instead of a time, for counting system calls.
    pub(super) operations: Option<u64>,
}

/// The scratch files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sizes {
    /// Bytes of the file that is read.
    pub(super) data: u64,
    /// Bytes of the file that is overwritten.
    pub(super) target: u64,
    /// Bytes of the log.
    pub(super) log: u64,
    /// The number of small files.
    pub(super) files: u64,
}

/// What a participant found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Report {
    /// The backend that really ran.
    pub(super) backend: String,
    /// How the backend describes itself.
    pub(super) description: String,
    /// Operations that counted.
    pub(super) operations: u64,
    /// Bytes that they moved.
    pub(super) bytes: u64,
    /// The seconds they took together.
    pub(super) seconds: f64,
    /// Their latencies, or those of a sample.
    pub(super) latencies: Histogram,
    /// Processor time in user mode, in microseconds.
    pub(super) user_us: f64,
    /// And in the kernel, its threads for this process included.
    pub(super) system_us: f64,
    /// Context switches, of both kinds.
    pub(super) switches: f64,
    /// The most memory that was resident, in KiB.
    pub(super) peak_kib: u64,
    /// Bytes that came from a device; none where the kernel does not tell.
    pub(super) device_bytes: Option<u64>,
    /// Which ways our operations went; none for the others.
    pub(super) routes: Option<Routes>,
}

/// The ways of our operations, counted by the context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Routes {
    /// Done at once, on the caller's thread.
    pub(super) in_place: u64,
    /// Handed to the backend.
    pub(super) backend: u64,
    /// Handed to the context's pool, since the backend does not serve them well.
    pub(super) pool: u64,
}

impl Job {
    /// The file that the cell works on; the directory of the small files.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.join(match self.cell.work {
            Work::DurableAppend => "journal",
            Work::WholeFile => "files",
            Work::Lines => "log",
            _ if self.cell.writes() => "target",
            _ => "data",
        })
    }

    /// The small file with this index.
    pub(super) fn small_file(&self, index: u64) -> PathBuf {
        self.directory.join("files").join(format!("{index:06}"))
    }

    /// Bytes that one operation moves.
    pub(super) fn bytes_each(&self) -> u64 {
        match self.cell.work {
            Work::Lines => self.sizes.log,
            Work::Ranges => (self.cell.block * super::cell::RANGES) as u64,
            _ => self.cell.block as u64,
        }
    }

    /// The time before counting. None for cold data, which a warm-up would warm.
    pub(super) fn warm_up(&self) -> std::time::Duration {
        let is_cold = self.cell.access == Access::Cold;
        std::time::Duration::from_millis(if is_cold { 0 } else { self.warm_up_ms })
    }

    /// A job on files of 64 MiB, which are not there.
    #[cfg(test)]
    pub(super) fn for_tests(cell: Cell, seed: u64) -> Self {
        let sizes = Sizes { data: 64 << 20, target: 16 << 20, log: 1 << 20, files: 100 };
        Self {
            participant: Participant::Threads,
            cell,
            directory: "/nowhere".into(),
            sizes,
            seed,
            warm_up_ms: 1,
            measure_ms: 5,
            operations: None,
        }
    }
}
