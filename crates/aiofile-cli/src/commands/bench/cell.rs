//! The cells: each one kind of work, with its way to the data, its block and its operations in
//! flight.

use serde::{Deserialize, Serialize};

use crate::size::Size;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Work {
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
    /// A small file is opened, read whole and closed.
    WholeFile,
    /// A log is read line by line, as bytes.
    Lines,
    /// Many scattered ranges are fetched, all of them one operation.
    Ranges,
}

/// How it gets at the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Access {
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
pub(super) enum Tier {
    /// It is there in a quick run, too.
    Core,
    /// It is a row of its own right.
    Headline,
    /// It is only a point on a curve.
    Sweep,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cell {
    /// What is done.
    pub(super) work: Work,
    /// How it gets at the data.
    pub(super) access: Access,
    /// Bytes of each operation, of each range where there are many; lines are read in buffers of
    /// this size.
    pub(super) block: usize,
    /// Operations in flight at a time.
    pub(super) in_flight: usize,
    /// In which runs it takes part.
    pub(super) tier: Tier,
}

/// How many ranges one operation of [`Work::Ranges`] fetches.
pub(super) const RANGES: usize = 64;

const KIB: usize = 1024;

impl Cell {
    fn new(work: Work, access: Access, block_kib: usize, in_flight: usize, tier: Tier) -> Self {
        Self { work, access, block: block_kib * KIB, in_flight, tier }
    }

    /// What shows whether a participant works at all: one durable append, which needs no file made
    /// before.
    pub(super) fn probe() -> Self {
        Self::new(Work::DurableAppend, Access::Cached, 4, 1, Tier::Sweep)
    }

    /// Whether it is a row of its own right.
    pub(super) fn is_headline(&self) -> bool {
        self.tier != Tier::Sweep
    }

    /// Its name, for `--only` and in JSON.
    pub(super) fn name(&self) -> String {
        let access = match self.access {
            Access::Cached => "cached",
            Access::Cold => "cold",
            Access::Direct => "direct",
        };
        let block = short(self.block);
        let in_flight = self.in_flight;
        match self.work {
            Work::RandomRead => format!("random-read-{access}-{block}-q{in_flight}"),
            Work::RandomWrite => format!("random-write-{access}-{block}-q{in_flight}"),
            Work::SequentialRead => format!("seq-read-{access}-{block}-q{in_flight}"),
            Work::SequentialWrite => format!("seq-write-{access}-{block}-q{in_flight}"),
            Work::DurableAppend => format!("durable-append-{block}-q{in_flight}"),
            Work::WholeFile => format!("whole-files-{block}-q{in_flight}"),
            Work::Lines => "lines-cached".to_owned(),
            Work::Ranges => format!("ranges-{access}-{block}"),
        }
    }

    /// The same in words.
    pub(super) fn title(&self) -> String {
        let block = Size(self.block as u64);
        let way = match (self.access, self.writes()) {
            (Access::Direct, _) => "O_DIRECT",
            (Access::Cold, _) => "cold",
            (Access::Cached, true) => "buffered",
            (Access::Cached, false) => "cached",
        };
        let what = match self.work {
            Work::RandomRead => "random read",
            Work::RandomWrite => "random write",
            Work::SequentialRead => "sequential read",
            Work::SequentialWrite => "sequential write",
            Work::DurableAppend => {
                return format!("append {block} + fdatasync, {} tasks", self.in_flight);
            }
            Work::WholeFile => {
                return format!("whole files of {block}, {} in flight", self.in_flight);
            }
            Work::Lines => return "lines of a cached log".to_owned(),
            Work::Ranges => return format!("{RANGES} ranges of {block} at once, {way}"),
        };
        format!("{what}, {way}, {block} × {}", self.in_flight)
    }

    /// Whether something is written.
    pub(super) fn writes(&self) -> bool {
        matches!(self.work, Work::RandomWrite | Work::SequentialWrite | Work::DurableAppend)
    }

    /// Whether what matters is bytes, not operations.
    pub(super) fn counts_bytes(&self) -> bool {
        matches!(
            self.work,
            Work::SequentialRead | Work::SequentialWrite | Work::Lines | Work::Ranges
        )
    }

    /// Whether the data is one block after the other at random places.
    pub(super) fn is_random(&self) -> bool {
        matches!(self.work, Work::RandomRead | Work::RandomWrite)
    }

    /// How many operations share one look at the clock: two looks at the clock would be a tenth
    /// of a read of cached data. A prime, so that it does not fall into step with anything.
    pub(super) fn sample_every(&self) -> u32 {
        let is_fast = self.is_random() && self.access == Access::Cached && self.block <= 16 * KIB;
        if is_fast { 17 } else { 1 }
    }
}

/// All cells, those of the page cache first, so that it is filled only once. `quick` leaves most
/// of them out.
pub(super) fn all(quick: bool) -> Vec<Cell> {
    let mut cells = cached();
    cells.extend(uncached());
    cells.retain(|cell| !quick || cell.tier == Tier::Core);
    cells
}

fn cached() -> Vec<Cell> {
    use Tier::{Core, Headline, Sweep};
    use Work::{RandomRead, RandomWrite, SequentialRead, SequentialWrite};
    let cell =
        |work, block, in_flight, tier| Cell::new(work, Access::Cached, block, in_flight, tier);
    vec![
        cell(RandomRead, 4, 1, Core),
        cell(RandomRead, 4, 4, Sweep),
        cell(RandomRead, 4, 16, Sweep),
        cell(RandomRead, 4, 64, Core),
        cell(RandomRead, 1, 1, Sweep),
        cell(RandomRead, 16, 1, Sweep),
        cell(RandomRead, 64, 1, Sweep),
        cell(RandomRead, 256, 1, Sweep),
        cell(RandomRead, 1024, 1, Sweep),
        cell(SequentialRead, 256, 1, Core),
        cell(Work::Ranges, 8, 1, Headline),
        cell(Work::WholeFile, 4, 1, Headline),
        cell(Work::WholeFile, 4, 64, Core),
        cell(Work::Lines, 64, 1, Core),
        cell(RandomWrite, 4, 1, Headline),
        cell(RandomWrite, 4, 64, Core),
        cell(SequentialWrite, 256, 1, Core),
        cell(Work::DurableAppend, 4, 64, Core),
    ]
}

fn uncached() -> Vec<Cell> {
    use Access::{Cold, Direct};
    use Tier::{Core, Headline, Sweep};
    use Work::{RandomRead, RandomWrite, SequentialRead, SequentialWrite};
    let cell = Cell::new;
    vec![
        cell(RandomRead, Cold, 4, 32, Core),
        cell(SequentialRead, Cold, 256, 1, Headline),
        cell(Work::Ranges, Cold, 8, 1, Headline),
        cell(RandomRead, Direct, 4, 1, Headline),
        cell(RandomRead, Direct, 4, 4, Sweep),
        cell(RandomRead, Direct, 4, 16, Sweep),
        cell(RandomRead, Direct, 4, 32, Core),
        cell(RandomRead, Direct, 4, 64, Sweep),
        cell(RandomRead, Direct, 4, 128, Headline),
        cell(RandomRead, Direct, 16, 16, Sweep),
        cell(RandomRead, Direct, 64, 16, Sweep),
        cell(RandomRead, Direct, 256, 16, Sweep),
        cell(RandomRead, Direct, 1024, 16, Sweep),
        cell(SequentialRead, Direct, 256, 4, Headline),
        cell(Work::Ranges, Direct, 8, 1, Core),
        cell(RandomWrite, Direct, 4, 32, Core),
        cell(SequentialWrite, Direct, 256, 4, Headline),
    ]
}

/// Without a blank and in small letters, for names: `4k`.
fn short(bytes: usize) -> String {
    Size(bytes as u64).to_string().replace(' ', "").replace("iB", "").to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_titles_tell_cells_apart() {
        let cells = all(false);
        let names: HashSet<_> = cells.iter().map(Cell::name).collect();
        let titles: HashSet<_> = cells.iter().map(Cell::title).collect();
        assert_eq!((names.len(), titles.len()), (cells.len(), cells.len()));
        assert!(names.contains("random-read-direct-4k-q32"), "{names:?}");
        assert!(titles.contains("random read, O_DIRECT, 4 KiB × 32"), "{titles:?}");
    }

    #[test]
    fn a_quick_run_has_every_kind_of_work_and_of_access() {
        let quick = all(true);
        for cell in all(false) {
            assert!(quick.iter().any(|other| other.work == cell.work), "{}", cell.name());
            assert!(quick.iter().any(|other| other.access == cell.access), "{}", cell.name());
        }
    }

    #[test]
    fn names_have_blocks_in_small_letters() {
        assert_eq!([short(512), short(4096), short(1 << 20)], ["512b", "4k", "1m"]);
    }
}
