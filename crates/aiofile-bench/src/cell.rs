//! A cell: one kind of work with its way to the data, its block, its operations in flight, and
//! what its figure is.

use serde::{Deserialize, Serialize};

use crate::beside::Beside;
use crate::line_kind::LineKind;
use crate::measure::Measure;
use crate::path_call::PathCall;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// One block at a random place is read.
    RandomRead,
    /// One block at a random place is overwritten.
    RandomWrite,
    /// Block after block is read.
    SequentialRead,
    /// Block after block is overwritten.
    SequentialWrite,
    /// A block is appended to a journal and made durable with `fdatasync`.
    DurableAppend,
    /// A block is written and made durable, block after block in a region of the client's own.
    DurableWrite,
    /// A small file is opened, read whole and closed.
    WholeFiles,
    /// A call on the path of a small file.
    Path(PathCall),
    /// A log is read line by line, as bytes.
    LineBytes,
    /// A log is read line by line, as a `String` for each.
    LineStrings,
    /// A text of such lines is read line by line, as a `String` for each.
    TextLines(LineKind),
    /// A tree of small files is walked.
    Walk,
    /// The same by several threads, in any order.
    ParallelWalk,
    /// Small files are hashed with SHA-256, all by one command.
    Hash,
    /// [`RANGES`] blocks at random places are fetched, all of them one operation.
    Ranges,
    /// A range of 8 KiB up to a block, at a random place, is read into memory of its own, as one
    /// does who would otherwise map the file.
    OwnedRange,
    /// A large file is copied by a command, as the command does it by itself.
    Copy,
    /// The same through memory: nothing is shared, and the kernel copies nothing by itself.
    CopyBytes,
    /// A tree of small files is copied by a command; each file is an operation.
    CopyTree,
    /// An empty pipe is read by many at a time, which wait.
    Waiting,
    /// The same, with as many admitted at a time as there are.
    WaitingRaised,
    /// Nothing, after some use.
    Idle,
}

/// How the work gets at the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Through the page cache; what is read is there already.
    Cached,
    /// Through the page cache, which holds nothing of it.
    Cold,
    /// Past the page cache: `O_DIRECT`.
    Direct,
}

/// How much a cell matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// It is there in a quick run, too.
    Core,
    /// It is a row of its own right.
    Headline,
    /// It is only a point on a curve.
    Sweep,
}

/// How many ranges one operation of [`Work::Ranges`] fetches.
pub const RANGES: usize = 64;

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Its name, for filters and in JSON.
    pub name: String,
    /// The same in words.
    pub title: String,
    /// What is done.
    pub work: Work,
    /// How it gets at the data.
    pub access: Access,
    /// Bytes of each operation, of each range where there are many; lines are read in buffers of
    /// this size.
    pub block: usize,
    /// Operations in flight at a time.
    pub in_flight: usize,
    /// Bytes of the file; of small files, of all together; 0 where there is no file.
    pub size: u64,
    /// What its figure is.
    pub measure: Measure,
    /// What goes on beside the operations.
    pub beside: Option<Beside>,
    /// Microseconds of processor time that each client computes after each of its operations.
    pub compute_us: u64,
    /// Bytes of memory that a run may take where a cgroup can be made, the page cache that it
    /// fills included; 0 where it may take any.
    #[serde(default)]
    pub memory_max: u64,
    /// In which runs it takes part.
    pub tier: Tier,
}

impl Cell {
    /// A cell without a name, whose figure is a speed.
    pub fn new(work: Work, access: Access, block: usize, in_flight: usize) -> Self {
        Self {
            name: String::new(),
            title: String::new(),
            work,
            access,
            block,
            in_flight,
            size: 0,
            measure: Measure::of(work),
            beside: None,
            compute_us: 0,
            memory_max: 0,
            tier: Tier::Headline,
        }
    }

    /// Whether it is a row of its own right.
    pub fn is_headline(&self) -> bool {
        self.tier != Tier::Sweep
    }

    /// Whether each operation moves one block between a buffer and a place in the file.
    pub fn is_transfer(&self) -> bool {
        use Work::{DurableAppend, DurableWrite, SequentialRead, SequentialWrite};
        self.is_random() || {
            matches!(self.work, DurableAppend | DurableWrite | SequentialRead | SequentialWrite)
        }
    }

    /// Whether the data is one block after the other at random places.
    pub fn is_random(&self) -> bool {
        matches!(self.work, Work::RandomRead | Work::RandomWrite)
    }

    /// Whether one operation is a pass over a whole log.
    pub fn is_lines(&self) -> bool {
        self.lines().is_some()
    }

    /// What the lines are like, where it is about lines.
    pub fn lines(&self) -> Option<LineKind> {
        match self.work {
            Work::LineBytes | Work::LineStrings => Some(LineKind::Usual),
            Work::TextLines(kind) => Some(kind),
            _ => None,
        }
    }

    /// Whether one operation is a walk of a whole tree.
    pub fn is_walk(&self) -> bool {
        matches!(self.work, Work::Walk | Work::ParallelWalk)
    }

    /// Whether it is one copy, of a large file or of a tree.
    pub fn is_copy(&self) -> bool {
        matches!(self.work, Work::Copy | Work::CopyBytes | Work::CopyTree)
    }

    /// Whether it shows what operations that wait cost.
    pub fn is_waiting(&self) -> bool {
        matches!(self.work, Work::Waiting | Work::WaitingRaised)
    }

    /// Whether it works on many small files.
    pub fn has_small_files(&self) -> bool {
        matches!(self.work, Work::WholeFiles | Work::Path(_) | Work::Hash | Work::CopyTree)
            || self.is_walk()
    }

    /// Whether each write is made durable.
    pub fn is_durable(&self) -> bool {
        matches!(self.work, Work::DurableAppend | Work::DurableWrite)
    }

    /// Whether the file is changed.
    pub fn writes(&self) -> bool {
        matches!(self.work, Work::RandomWrite | Work::SequentialWrite) || self.is_durable()
    }

    /// Whether the page cache is left out.
    pub fn is_direct(&self) -> bool {
        self.access == Access::Direct
    }

    /// Whether what matters is how fast it goes, and nothing goes on beside it.
    pub fn is_speed(&self) -> bool {
        matches!(self.measure, Measure::Operations | Measure::Bytes) && self.beside.is_none()
    }

    /// The size of its block with its unit.
    pub fn block_words(&self) -> String {
        match self.block >> 10 {
            kib if kib.is_multiple_of(1024) => format!("{} MiB", kib >> 10),
            kib => format!("{kib} KiB"),
        }
    }

    /// Bytes that one operation moves; of ranges of their own lengths, the most.
    pub fn bytes_each(&self) -> u64 {
        match self.work {
            Work::Ranges => (self.block * RANGES) as u64,
            Work::Copy | Work::CopyBytes => self.size,
            _ if self.is_lines() => self.size,
            _ => self.block as u64,
        }
    }

    /// How many operations share one look at the clock: two looks at it would be a tenth of a small
    /// cached transfer. A prime, so that it does not fall into step with anything.
    pub fn sample_every(&self) -> u32 {
        let is_fast = self.is_random() && self.access == Access::Cached && self.block <= 16 << 10;
        if is_fast { 17 } else { 1 }
    }

    /// Bytes without which the work cannot be done: each client needs its blocks.
    pub fn needs(&self) -> u64 {
        match self.work {
            Work::Ranges => (self.block * RANGES) as u64,
            Work::OwnedRange => (self.block * self.in_flight) as u64,
            _ if self.is_transfer() && self.work != Work::DurableAppend => {
                (self.block * self.in_flight) as u64
            }
            _ => 0,
        }
    }
}
