//! Where the operations of a lane go: the same seed gives the same places to every participant.

use super::cell::{Access, RANGES, Work};
use super::job::Job;

/// The places of one lane, in order: offsets; of whole files, indexes.
#[derive(Debug)]
pub(super) enum Pattern {
    /// Any block, again and again.
    Random { state: u64, blocks: u64, block: u64 },
    /// Every block at most once, far from the one before: a place read twice is not cold.
    Scattered { next: u64, step: u64, end: u64, stride: u64, start: u64, block: u64 },
    /// One after the other, and from the beginning again unless `once`.
    Round { next: u64, begin: u64, end: u64, step: u64, once: bool },
}

impl Pattern {
    /// The places of lane `number` of `lanes`.
    pub(super) fn new(job: &Job, number: u64, lanes: u64) -> Self {
        let block = job.cell.block as u64;
        let once = job.cell.access == Access::Cold;
        let size = if job.cell.writes() { job.sizes.target } else { job.sizes.data };
        let blocks = (size / block).max(1);
        match job.cell.work {
            Work::RandomRead | Work::Ranges if once => Self::scattered(job.seed, blocks, block)
                .of_lane(number, if job.cell.work == Work::Ranges { 1 } else { lanes }),
            Work::RandomRead | Work::RandomWrite | Work::Ranges => {
                Self::Random { state: mix(job.seed ^ mix(number + 1)), blocks, block }
            }
            Work::WholeFile => {
                Self::Round { next: number, begin: number, end: job.sizes.files, step: lanes, once }
            }
            Work::SequentialRead | Work::SequentialWrite => {
                let (begin, end) = (number * block, blocks * block);
                Self::Round { next: begin, begin, end, step: lanes * block, once }
            }
            Work::DurableAppend | Work::Lines => {
                Self::Round { next: 0, begin: 0, end: 1, step: 1, once: false }
            }
        }
    }

    /// The next place; none when each was visited and none may be visited twice.
    pub(super) fn next(&mut self) -> Option<u64> {
        match self {
            Self::Random { state, blocks, block } => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                // The upper half of the product is below `blocks`, without a division.
                let index = (u128::from(mix(*state)) * u128::from(*blocks)) >> 64;
                Some(index as u64 * *block)
            }
            Self::Scattered { next, step, end, stride, start, block } => {
                let turn = *next;
                *next = turn.saturating_add(*step);
                let index = (u128::from(turn) * u128::from(*stride) + u128::from(*start))
                    % u128::from(*end);
                (turn < *end).then_some(index as u64 * *block)
            }
            Self::Round { next, begin, end, step, once } => {
                let place = *next;
                let over = place >= *end;
                *next = match place + *step {
                    following if following < *end || *once => following,
                    _ => *begin,
                };
                (!over).then_some(place)
            }
        }
    }

    /// The places of one operation that fetches many ranges; fewer, or none, at the end.
    pub(super) fn next_ranges(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.next()).take(RANGES).collect()
    }

    fn scattered(seed: u64, blocks: u64, block: u64) -> Self {
        // About the golden section of the whole, and without a common divisor, so that every
        // block is met once before any is met again.
        let near = (blocks as f64 * 0.618_033_988_7) as u64;
        let stride = (near.max(1)..).find(|stride| divisor(*stride, blocks) == 1).unwrap_or(1);
        Self::Scattered { next: 0, step: 1, end: blocks, stride, start: mix(seed) % blocks, block }
    }

    fn of_lane(mut self, number: u64, lanes: u64) -> Self {
        if let Self::Scattered { next, step, .. } = &mut self {
            (*next, *step) = (number, lanes);
        }
        self
    }
}

fn divisor(left: u64, right: u64) -> u64 {
    if right == 0 { left } else { divisor(right, left % right) }
}

/// Splitmix64's last step: each bit of the number changes about half of the bits that come out.
pub(super) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::commands::bench::cell::{self, Cell};

    fn places(cell: &Cell, seed: u64, number: u64, count: usize) -> Vec<u64> {
        let lanes = cell.in_flight as u64;
        let mut pattern = Pattern::new(&Job::for_tests(cell.clone(), seed), number, lanes);
        std::iter::from_fn(|| pattern.next()).take(count).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_work_and_another_seed_another() {
        for cell in cell::all(false) {
            assert_eq!(places(&cell, 7, 0, 100), places(&cell, 7, 0, 100));
            if cell.is_random() {
                assert_ne!(places(&cell, 7, 0, 100), places(&cell, 8, 0, 100), "{}", cell.name());
            }
        }
    }

    #[test]
    fn every_place_is_aligned_and_within_the_file() {
        for cell in cell::all(false).into_iter().filter(|cell| cell.block <= 64 << 10) {
            let job = Job::for_tests(cell.clone(), 1);
            let end = if cell.writes() { job.sizes.target } else { job.sizes.data };
            let is_place = |place: &u64| match cell.work {
                Work::WholeFile => *place < job.sizes.files,
                _ => place.is_multiple_of(cell.block as u64) && place + cell.block as u64 <= end,
            };
            let last = cell.in_flight as u64 - 1;
            assert!(places(&cell, 1, last, 5000).iter().all(is_place), "{}", cell.name());
        }
    }

    #[test]
    fn cold_lanes_visit_each_block_once_and_end() {
        for cell in cell::all(false).into_iter().filter(|cell| cell.access == Access::Cold) {
            let lanes = cell.in_flight as u64;
            let visited: Vec<_> =
                (0..lanes).flat_map(|lane| places(&cell, 3, lane, usize::MAX)).collect();
            let different: HashSet<_> = visited.iter().collect();
            let blocks = Job::for_tests(cell.clone(), 3).sizes.data / cell.block as u64;
            assert_eq!(visited.len() as u64, blocks, "{}", cell.name());
            assert_eq!(different.len(), visited.len(), "{}", cell.name());
        }
    }
}
