//! What is measured: a cell is one kind of work with its block size and its number of operations in
//! flight, and a job is a cell with the scratch directory, the seed and the times, as it is handed
//! to a participant's process.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The kind of work of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Reads of one block at random multiples of the block size.
    RandomRead,
    /// Writes of one block at random multiples of the block size, over data that is there already.
    RandomWrite,
    /// Reads of one block after the other, from the beginning again at the end.
    SequentialRead,
    /// Whole files of one block each: open, read, close.
    SmallFiles,
    /// A write of one block and an `fdatasync`, each lane going round its own region.
    DurableAppend,
    /// A pass over a log, line by line, as bytes.
    LineBytes,
    /// A pass over a log, line by line, as a `String` for each.
    LineStrings,
    /// [`RANGES`] blocks at random places, all of them one operation.
    ManyRanges,
    /// A large file is copied by a command, as the command does it by itself.
    Copy,
    /// The same through memory: nothing is shared, and the kernel copies nothing by itself.
    CopyBytes,
    /// Random reads; what counts is how long the unluckiest of them took.
    FairnessWait,
    /// Random reads; what counts is how late a timer beside them was.
    FairnessTimer,
    /// Many reads of a pipe in which there is nothing; what counts is their memory.
    InFlight,
    /// The same, with as many admitted at a time as there are.
    InFlightRaised,
    /// Nothing, after some use.
    Idle,
}

/// How many blocks one operation of [`Work::ManyRanges`] reads.
pub const RANGES: usize = 64;

/// One row of the matrix.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cell {
    /// Its name, for the table and the filter.
    pub name: String,
    /// What is done.
    pub work: Work,
    /// Bytes for each operation.
    pub block: usize,
    /// Operations in flight at a time.
    pub in_flight: usize,
    /// Whether the page cache is left out (O_DIRECT).
    pub direct: bool,
    /// Bytes of the file; for small files, of all together; 0 where there is no file.
    pub size: u64,
}

impl Cell {
    /// The file (or directory) below the scratch directory that this cell works on.
    pub fn file_name(&self) -> &'static str {
        match self.work {
            Work::SmallFiles => "small",
            Work::DurableAppend => "append",
            Work::LineBytes | Work::LineStrings => "lines.log",
            Work::Copy | Work::CopyBytes => "direct",
            Work::RandomWrite if !self.direct => "write",
            _ if self.direct => "direct",
            _ => "cached",
        }
    }

    /// Whether each operation moves one block between a buffer and a place in the file.
    pub fn is_transfer(&self) -> bool {
        matches!(
            self.work,
            Work::RandomRead | Work::RandomWrite | Work::SequentialRead | Work::DurableAppend
        )
    }

    /// Whether one operation is a pass over a whole log.
    pub fn is_lines(&self) -> bool {
        matches!(self.work, Work::LineBytes | Work::LineStrings)
    }

    /// Whether one operation is a copy of a whole file.
    pub fn is_copy(&self) -> bool {
        matches!(self.work, Work::Copy | Work::CopyBytes)
    }

    /// Whether it shows how tasks get on beside each other.
    pub fn is_fairness(&self) -> bool {
        matches!(self.work, Work::FairnessWait | Work::FairnessTimer)
    }

    /// Whether it shows what operations that wait cost.
    pub fn is_waiting(&self) -> bool {
        matches!(self.work, Work::InFlight | Work::InFlightRaised)
    }

    /// Whether the file is changed.
    pub fn writes(&self) -> bool {
        matches!(self.work, Work::RandomWrite | Work::DurableAppend)
    }

    /// How many operations share one look at the clock. Cached reads take less than a microsecond,
    /// so that looking at the clock twice for each would be a part of what is measured. A prime, so
    /// that it does not fall into step with what happens every so many operations.
    pub fn sample_every(&self) -> u32 {
        match self.work {
            Work::RandomRead if !self.direct => 17,
            _ => 1,
        }
    }

    /// Bytes that one operation moves.
    pub fn bytes_per_operation(&self) -> u64 {
        match self.work {
            Work::ManyRanges => (self.block * RANGES) as u64,
            _ if self.is_lines() || self.is_copy() => self.size,
            _ => self.block as u64,
        }
    }
}

/// All cells, in the order of the table; `quick` makes the files small.
pub fn all(quick: bool) -> Vec<Cell> {
    const KIB: usize = 1024;
    const MIB: u64 = 1024 * 1024;
    let shrink = if quick { 16 } else { 1 };
    let mut cells = Vec::new();
    let mut add = |name: &str, work, block, in_flight, direct, size: u64| {
        let name = name.to_owned();
        cells.push(Cell { name, work, block, in_flight, direct, size: size / shrink });
    };
    for in_flight in [1, 64] {
        let name = format!("cached-read-4k-{in_flight}");
        add(&name, Work::RandomRead, 4 * KIB, in_flight, false, 256 * MIB);
    }
    for in_flight in [1, 32, 128] {
        let name = format!("direct-read-4k-{in_flight}");
        add(&name, Work::RandomRead, 4 * KIB, in_flight, true, 1024 * MIB);
    }
    add("direct-write-4k-32", Work::RandomWrite, 4 * KIB, 32, true, 1024 * MIB);
    add("write-4k-1", Work::RandomWrite, 4 * KIB, 1, false, 256 * MIB);
    add("write-4k-64", Work::RandomWrite, 4 * KIB, 64, false, 256 * MIB);
    add("write-64k-16", Work::RandomWrite, 64 * KIB, 16, false, 256 * MIB);
    for (name, block) in [("seq-read-64k", 64), ("seq-read-256k", 256), ("seq-read-1m", 1024)] {
        add(name, Work::SequentialRead, block * KIB, 1, false, 256 * MIB);
    }
    add("small-files-1", Work::SmallFiles, 4 * KIB, 1, false, 20_000 * 4096);
    add("small-files-64", Work::SmallFiles, 4 * KIB, 64, false, 20_000 * 4096);
    add("durable-append-64", Work::DurableAppend, 4 * KIB, 64, false, 64 * MIB);
    add("lines-bytes", Work::LineBytes, 64 * KIB, 1, false, 200_000_000);
    add("lines-strings", Work::LineStrings, 64 * KIB, 1, false, 200_000_000);
    add("many-ranges-8k", Work::ManyRanges, 8 * KIB, 1, false, 256 * MIB);
    add("cp-1g", Work::Copy, 256 * KIB, 1, false, 1024 * MIB);
    add("cp-1g-bytes", Work::CopyBytes, 256 * KIB, 1, false, 1024 * MIB);
    add("fairness-64-wait", Work::FairnessWait, 4 * KIB, 64, false, 256 * MIB);
    add("fairness-64-timer", Work::FairnessTimer, 4 * KIB, 64, false, 256 * MIB);
    let many = if quick { 10_000 } else { 100_000 };
    add("in-flight-100k", Work::InFlight, 1, many, false, 0);
    add("in-flight-100k-raised", Work::InFlightRaised, 1, many, false, 0);
    add("idle", Work::Idle, 4 * KIB, 1, false, 256 * MIB);
    cells
}

/// A cell, where it works, and for how long.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// What to do.
    pub cell: Cell,
    /// The scratch directory.
    pub directory: PathBuf,
    /// Where the offsets begin: the same seed gives the same offsets to every participant.
    pub seed: u64,
    /// Milliseconds that are not counted.
    pub warm_up_ms: u64,
    /// Milliseconds that are.
    pub measure_ms: u64,
    /// The command `aiofile`, where it was built.
    pub command: Option<PathBuf>,
}

impl Job {
    /// The file of the cell.
    pub fn path(&self) -> PathBuf {
        self.directory.join(self.cell.file_name())
    }

    /// Where a copy goes.
    pub fn copy_path(&self) -> PathBuf {
        self.directory.join("copy")
    }

    /// The paths of all small files, so that no participant spends its time on making names.
    pub fn small_paths(&self) -> Vec<PathBuf> {
        let directory = self.path();
        (0..self.cell.size / self.cell.block as u64)
            .map(|index| small_path(&directory, index))
            .collect()
    }

    /// Opens the cell's file through std with the access the work needs, O_DIRECT where the cell
    /// says so.
    pub fn open(&self) -> io::Result<File> {
        let flags = if self.cell.direct { libc::O_DIRECT } else { 0 };
        OpenOptions::new()
            .read(true)
            .write(self.cell.writes())
            .custom_flags(flags)
            .open(self.path())
    }

    /// The time before counting begins.
    pub fn warm_up(&self) -> Duration {
        Duration::from_millis(self.warm_up_ms)
    }

    /// The time that is counted.
    pub fn measure(&self) -> Duration {
        Duration::from_millis(self.measure_ms)
    }
}

/// Where the small file with this index is.
pub fn small_path(directory: &Path, index: u64) -> PathBuf {
    directory.join(format!("{:02}", index / 1000)).join(format!("{index:05}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Job {
        /// A short job without a directory.
        pub fn for_tests(cell: Cell, seed: u64) -> Job {
            let directory = "/nonexistent".into();
            Job { cell, directory, seed, warm_up_ms: 0, measure_ms: 5, command: None }
        }
    }

    #[test]
    fn names_are_unique() {
        let cells = all(false);
        let mut names: Vec<_> = cells.iter().map(|cell| &cell.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), cells.len());
    }

    #[test]
    fn every_file_holds_whole_blocks() {
        let (full, quick) = (all(false), all(true));
        let cells = full.iter().chain(&quick);
        for cell in cells.filter(|cell| !cell.is_lines() && cell.size > 0) {
            assert_eq!(cell.size % cell.block as u64, 0, "{}", cell.name);
            assert!(cell.size / cell.block as u64 >= cell.in_flight as u64, "{}", cell.name);
        }
    }

    #[test]
    fn a_job_survives_json() {
        let cell = all(true).remove(0);
        let job = Job::for_tests(cell, 7);
        let text = serde_json::to_string(&job).unwrap();
        let back: Job = serde_json::from_str(&text).unwrap();
        assert_eq!((back.seed, back.cell.name), (7, job.cell.name));
    }
}
