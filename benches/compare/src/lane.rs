//! A lane does one operation at a time; `n` in flight are `n` lanes. It deals out the offsets,
//! looks at the clock and counts, so that every participant does the same work and is measured in
//! the same way.

use std::io;
use std::time::{Duration, Instant};

use crate::cell::{Job, RANGES, Work};
use crate::stats::Histogram;

/// The time in which operations count.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// When the warm-up ends.
    pub open: Instant,
    /// When the run ends.
    pub close: Instant,
}

impl Window {
    /// A window that begins with the warm-up now.
    pub fn starting_now(job: &Job) -> Window {
        let open = Instant::now() + job.warm_up();
        Window { open, close: open + job.measure() }
    }
}

/// One stream of operations, each begun when the one before has ended.
pub struct Lane {
    window: Window,
    targets: Targets,
    block: usize,
    sample_every: u32,
    until_sample: u32,
    timed_since: Option<Instant>,
    first: Option<Instant>,
    last: Instant,
    counted: u64,
    total: u64,
    latencies: Histogram,
}

impl Lane {
    /// Lane `number` of `lanes`.
    pub fn new(job: &Job, window: Window, number: usize, lanes: usize) -> Lane {
        let sample_every = job.cell.sample_every();
        Lane {
            window,
            targets: Targets::new(job, number as u64, lanes as u64),
            block: job.cell.block,
            sample_every,
            until_sample: 0,
            timed_since: None,
            first: None,
            last: window.open,
            counted: 0,
            total: 0,
            latencies: Histogram::default(),
        }
    }

    /// The offset of the next operation (of small files: the index); none when the time is over.
    #[inline]
    pub fn begin(&mut self) -> Option<u64> {
        if self.until_sample == 0 {
            self.until_sample = self.sample_every;
            self.look_at_the_clock()?;
        }
        self.until_sample -= 1;
        Some(self.targets.next())
    }

    /// The offsets of the next operation of many ranges, into `places`; none when the time is over.
    pub fn begin_many(&mut self, places: &mut Vec<u64>) -> Option<()> {
        places.clear();
        places.push(self.begin()?);
        places.extend((1..RANGES).map(|_| self.targets.next()));
        Some(())
    }

    /// Counts the operation of many ranges begun last, which was to move a block for each.
    pub fn finish_many(&mut self, moved: usize) -> io::Result<()> {
        if moved != self.block * RANGES {
            let message = format!("{RANGES} ranges of {} bytes gave {moved}", self.block);
            return Err(io::Error::other(message));
        }
        self.finish_whole();
        Ok(())
    }

    /// The time in which this lane's operations count.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Counts the operation begun last, which was to move one block.
    #[inline]
    pub fn finish(&mut self, result: io::Result<usize>) -> io::Result<()> {
        let moved = result?;
        if moved != self.block {
            let message = format!("an operation moved {moved} of {} bytes", self.block);
            return Err(io::Error::other(message));
        }
        self.finish_whole();
        Ok(())
    }

    /// Counts the operation begun last, of whose result the caller is sure.
    #[inline]
    pub fn finish_whole(&mut self) {
        self.total += 1;
        if self.first.is_some() {
            self.counted += 1;
        }
        if let Some(since) = self.timed_since.take() {
            self.latencies.record(since.elapsed().as_nanos() as u64);
        }
    }

    fn look_at_the_clock(&mut self) -> Option<()> {
        let now = Instant::now();
        if self.first.is_some() {
            self.last = now;
        }
        let over = now >= self.window.close && (self.counted > 0 || self.window.is_empty());
        if over {
            return None;
        }
        if self.first.is_none() && now >= self.window.open {
            self.first = Some(now);
        }
        self.timed_since = self.first.map(|_| now);
        Some(())
    }
}

impl Window {
    fn is_empty(&self) -> bool {
        self.open == self.close
    }
}

/// What the lanes of a run counted together.
#[derive(Default)]
pub struct Tally {
    /// Operations within the window.
    pub counted: u64,
    /// Operations of the whole run, the warm-up included.
    pub total: u64,
    /// Latencies within the window.
    pub latencies: Histogram,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Tally {
    /// Adds a lane that has ended.
    pub fn add(&mut self, lane: &Lane) {
        self.counted += lane.counted;
        self.total += lane.total;
        self.latencies.merge(&lane.latencies);
        if let Some(first) = lane.first {
            self.first = Some(self.first.map_or(first, |known| known.min(first)));
            self.last = Some(self.last.map_or(lane.last, |known| known.max(lane.last)));
        }
    }

    /// The time in which the counted operations were done.
    pub fn duration(&self) -> Duration {
        match (self.first, self.last) {
            (Some(first), Some(last)) => last - first,
            _ => Duration::ZERO,
        }
    }
}

/// The offsets of a lane.
enum Targets {
    Random { state: u64, blocks: u64, block: u64 },
    Round { next: u64, begin: u64, end: u64, step: u64 },
}

impl Targets {
    fn new(job: &Job, number: u64, lanes: u64) -> Targets {
        let (block, size) = (job.cell.block as u64, job.cell.size);
        match job.cell.work {
            Work::RandomRead
            | Work::RandomWrite
            | Work::ManyRanges
            | Work::FairnessWait
            | Work::FairnessTimer => {
                let state = mix(job.seed.wrapping_add(mix(number + 1)));
                Targets::Random { state, blocks: size / block, block }
            }
            Work::SmallFiles => {
                Targets::Round { next: number, begin: number, end: size / block, step: lanes }
            }
            Work::DurableAppend => {
                let region = size / lanes / block * block;
                let begin = number * region;
                Targets::Round { next: begin, begin, end: begin + region, step: block }
            }
            _ => Targets::Round { next: 0, begin: 0, end: size, step: block },
        }
    }

    #[inline]
    fn next(&mut self) -> u64 {
        match self {
            Targets::Random { state, blocks, block } => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                // The high half of a product maps the number onto the blocks without a division.
                let index = (u128::from(mix(*state)) * u128::from(*blocks)) >> 64;
                index as u64 * *block
            }
            Targets::Round { next, begin, end, step } => {
                let target = *next;
                *next = if target + *step < *end { target + *step } else { *begin };
                target
            }
        }
    }
}

/// The finalizer of splitmix64: every input bit changes about half of the output bits.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell;

    fn job(name: &str) -> Job {
        let cell = cell::all(true).into_iter().find(|cell| cell.name == name).unwrap();
        Job::for_tests(cell, 1)
    }

    #[test]
    fn the_same_seed_gives_the_same_offsets_and_lanes_differ() {
        let job = job("cached-read-4k-64");
        let take = |number| {
            let mut targets = Targets::new(&job, number, 64);
            (0..100).map(|_| targets.next()).collect::<Vec<_>>()
        };
        assert_eq!(take(3), take(3));
        assert_ne!(take(3), take(4));
        let within = |offset: &u64| offset.is_multiple_of(4096) && offset + 4096 <= job.cell.size;
        assert!(take(3).iter().all(within));
    }

    #[test]
    fn appending_lanes_stay_in_their_regions() {
        let job = job("durable-append-64");
        let region = job.cell.size / 64;
        let mut targets = Targets::new(&job, 5, 64);
        for _ in 0..1000 {
            let offset = targets.next();
            assert!((5 * region..6 * region).contains(&offset));
        }
    }

    #[test]
    fn small_files_are_shared_out_without_overlap() {
        let job = job("small-files-64");
        let mut targets = Targets::new(&job, 2, 64);
        assert_eq!([targets.next(), targets.next()], [2, 66]);
    }

    #[test]
    fn a_lane_ends_and_has_counted() {
        let job = job("direct-read-4k-1");
        let mut lane = Lane::new(&job, Window::starting_now(&job), 0, 1);
        while lane.begin().is_some() {
            lane.finish(Ok(4096)).unwrap();
        }
        let mut tally = Tally::default();
        tally.add(&lane);
        assert!(tally.counted > 0 && tally.counted <= tally.total);
        assert!(tally.duration() >= Duration::from_millis(4));
    }

    #[test]
    fn a_short_transfer_is_refused() {
        let job = job("direct-read-4k-1");
        let mut lane = Lane::new(&job, Window::starting_now(&job), 0, 1);
        lane.begin();
        assert!(lane.finish(Ok(100)).is_err());
    }

    #[test]
    fn many_ranges_are_one_operation() {
        let job = job("many-ranges-8k");
        let mut lane = Lane::new(&job, Window::starting_now(&job), 0, 1);
        let mut places = Vec::new();
        lane.begin_many(&mut places).unwrap();
        assert_eq!(places.len(), RANGES);
        assert!(lane.finish_many(100).is_err());
        lane.finish_many(RANGES * job.cell.block).unwrap();
        assert_eq!(lane.total, 1);
    }

    #[test]
    fn an_empty_window_lets_nothing_begin() {
        let mut job = job("direct-read-4k-1");
        job.measure_ms = 0;
        let mut lane = Lane::new(&job, Window::starting_now(&job), 0, 1);
        assert_eq!(lane.begin(), None);
    }
}
