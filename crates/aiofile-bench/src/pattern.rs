//! Where the operations of a client go: the same seed gives the same places to every participant.

use std::ops::Range;

use crate::cell::{Access, Cell, Work};

/// The places of one client, in order: offsets; of whole files, indexes.
#[derive(Debug)]
pub(crate) enum Pattern {
    /// Any block, again and again.
    Random { state: u64, blocks: u64, block: u64 },
    /// Every block at most once, far from the one before: a place read twice is not cold.
    Scattered { next: u64, step: u64, end: u64, stride: u64, start: u64, block: u64 },
    /// One after the other, and from the beginning again unless `once`.
    Round { next: u64, begin: u64, end: u64, step: u64, once: bool },
}

impl Pattern {
    /// The places of client `number` of `clients`.
    pub(crate) fn new(cell: &Cell, seed: u64, number: u64, clients: u64) -> Self {
        let block = cell.block as u64;
        let once = cell.access == Access::Cold;
        let blocks = (cell.size / block).max(1);
        match cell.work {
            Work::RandomRead | Work::Ranges | Work::OwnedRange if once => {
                Self::scattered(seed, blocks, block)
                    .of_client(number, if cell.work == Work::Ranges { 1 } else { clients })
            }
            Work::RandomRead | Work::RandomWrite | Work::Ranges | Work::OwnedRange => {
                Self::Random { state: mix(seed ^ mix(number + 1)), blocks, block }
            }
            Work::WholeFiles | Work::Path(_) => {
                Self::Round { next: number, begin: number, end: blocks, step: clients, once }
            }
            Work::SequentialRead | Work::SequentialWrite => {
                let (begin, end) = (number * block, blocks * block);
                Self::Round { next: begin, begin, end, step: clients * block, once }
            }
            Work::DurableWrite => {
                let region = blocks / clients * block;
                let begin = number * region;
                Self::Round { next: begin, begin, end: begin + region, step: block, once }
            }
            _ => Self::Round { next: 0, begin: 0, end: 1, step: 1, once: false },
        }
    }

    /// The next place; none when each was visited and none may be visited twice.
    pub(crate) fn next(&mut self) -> Option<u64> {
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

    fn scattered(seed: u64, blocks: u64, block: u64) -> Self {
        // About the golden section of the whole, and without a common divisor, so that every
        // block is met once before any is met again.
        let near = (blocks as f64 * 0.618_033_988_7) as u64;
        let stride = (near.max(1)..).find(|stride| divisor(*stride, blocks) == 1).unwrap_or(1);
        Self::Scattered { next: 0, step: 1, end: blocks, stride, start: mix(seed) % blocks, block }
    }

    fn of_client(mut self, number: u64, clients: u64) -> Self {
        if let Self::Scattered { next, step, .. } = &mut self {
            (*next, *step) = (number, clients);
        }
        self
    }
}

/// Of the block at this place, the range that turn number `turn` takes: 8 KiB up to all of it, in
/// steps of 4 KiB, so that O_DIRECT takes it.
pub(crate) fn part(place: u64, block: u64, turn: u64) -> Range<u64> {
    const STEP: u64 = 4096;
    let bits = mix(place ^ mix(turn));
    let steps = block / STEP;
    let length = 2 + (bits >> 32) % (steps - 1);
    let start = (bits & 0xffff_ffff) % (steps - length + 1);
    place + start * STEP..place + (start + length) * STEP
}

fn divisor(left: u64, right: u64) -> u64 {
    if right == 0 { left } else { divisor(right, left % right) }
}

/// Splitmix64's last step: each bit of the number changes about half of the bits that come out.
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::suite;

    fn cells() -> impl Iterator<Item = Cell> {
        let disk = suite::disk(false).into_iter().map(|cell| Cell { size: 64 << 20, ..cell });
        disk.chain(suite::comparison(false))
    }

    fn places(cell: &Cell, seed: u64, number: u64, count: usize) -> Vec<u64> {
        let mut pattern = Pattern::new(cell, seed, number, cell.in_flight as u64);
        std::iter::from_fn(|| pattern.next()).take(count).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_work_and_another_seed_another() {
        for cell in cells() {
            assert_eq!(places(&cell, 7, 0, 100), places(&cell, 7, 0, 100));
            if cell.is_random() {
                assert_ne!(places(&cell, 7, 0, 100), places(&cell, 8, 0, 100), "{}", cell.name);
            }
        }
    }

    #[test]
    fn every_place_is_aligned_and_within_the_file() {
        for cell in cells().filter(|cell| cell.is_transfer() || cell.work == Work::WholeFiles) {
            let block = cell.block as u64;
            let is_place = |place: &u64| match cell.work {
                Work::WholeFiles => *place < cell.size / block,
                _ => place.is_multiple_of(block) && place + block <= cell.size,
            };
            let last = cell.in_flight as u64 - 1;
            assert!(places(&cell, 1, last, 5000).iter().all(is_place), "{}", cell.name);
        }
    }

    #[test]
    fn parts_of_a_block_lie_within_it_and_have_all_lengths() {
        let parts: Vec<_> = (0..2000).map(|turn| part(3 << 20, 1 << 20, turn)).collect();
        assert!(parts.iter().all(|part| part.start >= 3 << 20 && part.end <= 4 << 20));
        let lengths = parts.iter().map(|part| part.end - part.start);
        assert_eq!((lengths.clone().min(), lengths.max()), (Some(8 << 10), Some(1 << 20)));
        assert!(parts.iter().all(|part| part.start % 4096 == 0 && part.end % 4096 == 0));
        assert_eq!(part(0, 8192, 7), 0..8192);
    }

    #[test]
    fn clients_that_must_not_meet_do_not() {
        for cell in cells().filter(|cell| cell.work == Work::DurableWrite) {
            let (left, right) = (places(&cell, 1, 4, 1000), places(&cell, 1, 5, 1000));
            let left: HashSet<_> = left.into_iter().collect();
            assert!(right.iter().all(|place| !left.contains(place)), "{}", cell.name);
        }
    }

    #[test]
    fn cold_clients_visit_each_block_once_and_end() {
        // What is copied whole has no places.
        for cell in cells().filter(|cell| cell.access == Access::Cold && !cell.is_copy()) {
            let clients = cell.in_flight as u64;
            let visited: Vec<_> =
                (0..clients).flat_map(|client| places(&cell, 3, client, usize::MAX)).collect();
            let different: HashSet<_> = visited.iter().collect();
            assert_eq!(visited.len() as u64, cell.size / cell.block as u64, "{}", cell.name);
            assert_eq!(different.len(), visited.len(), "{}", cell.name);
        }
    }
}
