//! The cells of `aiofile bench`: what one disk and its page cache give.

use std::fmt::Write;

use crate::cell::{Access, Cell, RANGES, Tier, Work};

/// All cells, those of the page cache first, so that it is filled only once. `quick` leaves most of
/// them out. Their files have no sizes yet: [`Sizes`](crate::Sizes) gives them.
pub fn disk(quick: bool) -> Vec<Cell> {
    let mut cells = cached();
    cells.extend(uncached());
    cells.retain(|cell| !quick || cell.tier == Tier::Core);
    cells
}

fn cell(work: Work, access: Access, block_kib: usize, in_flight: usize, tier: Tier) -> Cell {
    let mut cell = Cell { tier, ..Cell::new(work, access, block_kib << 10, in_flight) };
    (cell.name, cell.title) = (name(&cell), title(&cell));
    cell
}

fn cached() -> Vec<Cell> {
    use Tier::{Core, Headline, Sweep};
    use Work::{RandomRead, RandomWrite, SequentialRead, SequentialWrite};
    let cell = |work, block, in_flight, tier| cell(work, Access::Cached, block, in_flight, tier);
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
        cell(Work::WholeFiles, 4, 1, Headline),
        cell(Work::WholeFiles, 4, 64, Core),
        cell(Work::LineBytes, 64, 1, Core),
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

fn name(cell: &Cell) -> String {
    let access = match cell.access {
        Access::Cached => "cached",
        Access::Cold => "cold",
        Access::Direct => "direct",
    };
    let what = match cell.work {
        Work::RandomRead => "random-read",
        Work::RandomWrite => "random-write",
        Work::SequentialRead => "seq-read",
        Work::SequentialWrite => "seq-write",
        Work::Ranges => "ranges",
        Work::DurableAppend => "durable-append",
        Work::WholeFiles => "whole-files",
        _ => return "lines-cached".to_owned(),
    };
    let mut name = what.to_owned();
    if !matches!(cell.work, Work::DurableAppend | Work::WholeFiles) {
        let _ = write!(name, "-{access}");
    }
    // Without a blank and in small letters: `4k`.
    let block = cell.block_words().replace(' ', "").replace("iB", "");
    let _ = write!(name, "-{}", block.to_lowercase());
    if cell.work != Work::Ranges {
        let _ = write!(name, "-q{}", cell.in_flight);
    }
    name
}

fn title(cell: &Cell) -> String {
    let (block, in_flight) = (cell.block_words(), cell.in_flight);
    let way = match (cell.access, cell.writes()) {
        (Access::Direct, _) => "O_DIRECT",
        (Access::Cold, _) => "cold",
        (Access::Cached, true) => "buffered",
        (Access::Cached, false) => "cached",
    };
    let what = match cell.work {
        Work::RandomRead => "random read",
        Work::RandomWrite => "random write",
        Work::SequentialRead => "sequential read",
        Work::SequentialWrite => "sequential write",
        Work::DurableAppend => return format!("append {block} + fdatasync, {in_flight} tasks"),
        Work::WholeFiles => return format!("whole files of {block}, {in_flight} in flight"),
        Work::Ranges => return format!("{RANGES} ranges of {block} at once, {way}"),
        _ => return "lines of a cached log".to_owned(),
    };
    format!("{what}, {way}, {block} × {in_flight}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_titles_tell_cells_apart() {
        let cells = disk(false);
        let names: HashSet<_> = cells.iter().map(|cell| cell.name.as_str()).collect();
        let titles: HashSet<_> = cells.iter().map(|cell| cell.title.as_str()).collect();
        assert_eq!((names.len(), titles.len()), (cells.len(), cells.len()));
        for name in ["random-read-direct-4k-q32", "durable-append-4k-q64", "ranges-cold-8k"] {
            assert!(names.contains(name), "{names:?}");
        }
        assert!(titles.contains("random read, O_DIRECT, 4 KiB × 32"), "{titles:?}");
    }

    #[test]
    fn a_quick_run_has_every_kind_of_work_and_of_access() {
        let quick = disk(true);
        for cell in disk(false) {
            assert!(quick.iter().any(|other| other.work == cell.work), "{}", cell.name);
            assert!(quick.iter().any(|other| other.access == cell.access), "{}", cell.name);
        }
    }
}
