//! The cells of the comparison with other libraries.

use crate::beside::Beside;
use crate::cell::{Access, Cell, Work};
use crate::line_kind::LineKind;
use crate::measure::Measure;
use crate::path_call::PathCall;

const KIB: usize = 1 << 10;
const MIB: u64 = 1 << 20;

/// What a run on a mapped file's size may take of memory.
const MEMORY_MAX: u64 = 512 * MIB;

/// All cells, in the order of the table; `quick` makes the files small.
pub fn comparison(quick: bool) -> Vec<Cell> {
    let mut cells: Vec<_> =
        [speeds(), owned_ranges(), texts(), paths(), copies(quick), beside(), others(quick)]
            .concat();
    for cell in &mut cells {
        cell.title.clone_from(&cell.name);
        cell.size /= if quick { 16 } else { 1 };
    }
    cells
}

fn cell(name: &str, work: Work, block: usize, in_flight: usize, size: u64) -> Cell {
    let name = name.to_owned();
    Cell { name, size, ..Cell::new(work, Access::Cached, block, in_flight) }
}

fn direct(name: &str, work: Work, in_flight: usize) -> Cell {
    Cell { access: Access::Direct, ..cell(name, work, 4 * KIB, in_flight, 1024 * MIB) }
}

fn speeds() -> Vec<Cell> {
    use Work::{RandomRead, RandomWrite, SequentialRead, WholeFiles};
    vec![
        cell("cached-read-4k-1", RandomRead, 4 * KIB, 1, 256 * MIB),
        cell("cached-read-4k-64", RandomRead, 4 * KIB, 64, 256 * MIB),
        direct("direct-read-4k-1", RandomRead, 1),
        direct("direct-read-4k-32", RandomRead, 32),
        direct("direct-read-4k-128", RandomRead, 128),
        direct("direct-write-4k-32", RandomWrite, 32),
        cell("write-4k-1", RandomWrite, 4 * KIB, 1, 256 * MIB),
        cell("write-4k-64", RandomWrite, 4 * KIB, 64, 256 * MIB),
        cell("write-64k-16", RandomWrite, 64 * KIB, 16, 256 * MIB),
        cell("seq-read-64k", SequentialRead, 64 * KIB, 1, 256 * MIB),
        cell("seq-read-256k", SequentialRead, 256 * KIB, 1, 256 * MIB),
        cell("seq-read-1m", SequentialRead, 1024 * KIB, 1, 256 * MIB),
        cell("small-files-1", WholeFiles, 4 * KIB, 1, 20_000 * 4096),
        cell("small-files-64", WholeFiles, 4 * KIB, 64, 20_000 * 4096),
        cell("durable-append-64", Work::DurableWrite, 4 * KIB, 64, 64 * MIB),
        cell("lines-bytes", Work::LineBytes, 64 * KIB, 1, 200_000_000),
        cell("lines-strings", Work::LineStrings, 64 * KIB, 1, 200_000_000),
        cell("many-ranges-8k", Work::Ranges, 8 * KIB, 1, 256 * MIB),
        cell("walk-100k", Work::Walk, 1, 1, 100_000),
        cell("walk-100k-parallel", Work::ParallelWalk, 1, 1, 100_000),
        cell("hash-10k", Work::Hash, 4 * KIB, 1, 10_000 * 4096),
        cell("cp-1g", Work::Copy, 256 * KIB, 1, 1024 * MIB),
        cell("cp-1g-bytes", Work::CopyBytes, 256 * KIB, 1, 1024 * MIB),
        cell("cp-tree-20k", Work::CopyTree, 4 * KIB, 1, 20_000 * 4096),
        Cell {
            access: Access::Cold,
            ..cell("cp-tree-20k-cold", Work::CopyTree, 4 * KIB, 1, 20_000 * 4096)
        },
    ]
}

/// A file that is much larger than the memory, for those who would map it.
fn owned_ranges() -> Vec<Cell> {
    let of = |(name, access)| Cell {
        access,
        memory_max: MEMORY_MAX,
        ..cell(&format!("owned-ranges-{name}"), Work::OwnedRange, 1024 * KIB, 32, 4096 * MIB)
    };
    let ways = [("cached", Access::Cached), ("cold", Access::Cold), ("direct", Access::Direct)];
    ways.map(of).into()
}

fn texts() -> Vec<Cell> {
    let of = |(kind, name): (LineKind, &str)| {
        cell(&format!("text-lines-{name}"), Work::TextLines(kind), 64 * KIB, 1, 200_000_000)
    };
    LineKind::ALL.into_iter().map(of).collect()
}

/// Copies of single files onto another one, of several sizes, cached and not.
fn copies(quick: bool) -> Vec<Cell> {
    let large = if quick { 16 * MIB } else { 256 * MIB };
    let cold = |cell: Cell| Cell { access: Access::Cold, ..cell };
    let copy = |name: &str, block: u64, size| {
        cell(name, Work::Path(PathCall::Copy), block as usize, 1, size)
    };
    vec![
        copy("fs-copy-1m", MIB, 64 * MIB),
        copy("fs-copy-256m", large, 512 * MIB),
        cold(copy("fs-copy-4k-cold", 4096, 20_000 * 4096)),
        cold(copy("fs-copy-1m-cold", MIB, 64 * MIB)),
        cold(copy("fs-copy-256m-cold", large, 512 * MIB)),
    ]
}

/// Each call on paths, one at a time and 64 at once.
fn paths() -> Vec<Cell> {
    let of = |(call, name): (PathCall, &str), in_flight| {
        let name = format!("fs-{name}-{in_flight}");
        cell(&name, Work::Path(call), 4 * KIB, in_flight, 20_000 * 4096)
    };
    PathCall::ALL.into_iter().flat_map(|one| [of(one, 1), of(one, 64)]).collect()
}

/// Cells in which tasks compute, or something else goes on in the same runtime.
fn beside() -> Vec<Cell> {
    use Work::{RandomRead, RandomWrite};
    let reads = |name, beside| Cell {
        beside: Some(beside),
        measure: Measure::P99,
        ..direct(name, RandomRead, 32)
    };
    let writes = |name, beside| Cell {
        beside: Some(beside),
        measure: Measure::P99,
        ..cell(name, RandomWrite, 4 * KIB, 64, 256 * MIB)
    };
    let fairness = |name, beside| Cell {
        beside,
        measure: Measure::Longest,
        ..cell(name, RandomRead, 4 * KIB, 64, 256 * MIB)
    };
    vec![
        Cell { compute_us: 100, ..direct("readers-compute-32", RandomRead, 32) },
        Cell { in_flight: 8, ..reads("compute-1ms", Beside::Compute) },
        reads("echo-beside-direct-32", Beside::Echo),
        reads("timer-beside-direct-32", Beside::Timer),
        writes("echo-beside-writes-64", Beside::Echo),
        writes("timer-beside-writes-64", Beside::Timer),
        fairness("fairness-64-wait", None),
        fairness("fairness-64-timer", Some(Beside::Timer)),
    ]
}

fn others(quick: bool) -> Vec<Cell> {
    let many = if quick { 10_000 } else { 100_000 };
    vec![
        cell("in-flight-100k", Work::Waiting, 1, many, 0),
        cell("in-flight-100k-raised", Work::WaitingRaised, 1, many, 0),
        cell("idle", Work::Idle, 4 * KIB, 1, 256 * MIB),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_files_hold_whole_blocks() {
        for cells in [comparison(false), comparison(true)] {
            let names: HashSet<_> = cells.iter().map(|cell| &cell.name).collect();
            assert_eq!(names.len(), cells.len());
            for cell in cells.iter().filter(|cell| !cell.is_lines()) {
                assert_eq!(cell.size % cell.block as u64, 0, "{}", cell.name);
                assert!(cell.size >= cell.needs(), "{}", cell.name);
            }
        }
    }
}
