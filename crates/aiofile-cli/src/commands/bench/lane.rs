//! A lane does one operation at a time; `n` in flight are `n` lanes. It deals out the places,
//! looks at the clock and counts, in the same way for everyone.

use std::time::{Duration, Instant};

use super::histogram::Histogram;
use super::job::Job;
use super::pattern::Pattern;

/// When counting begins and when it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The end of the warm-up.
    pub(super) open: Instant,
    /// The end.
    pub(super) close: Instant,
}

/// One operation after the other.
#[derive(Debug)]
pub(super) struct Lane {
    window: Window,
    pattern: Pattern,
    sample_every: u32,
    until_sample: u32,
    left: Option<u64>,
    sampled: Option<Instant>,
    first: Option<Instant>,
    last: Instant,
    operations: u64,
    latencies: Histogram,
}

impl Lane {
    /// Lane `number` of as many as the cell has in flight.
    pub(super) fn new(job: &Job, window: Window, number: usize) -> Self {
        let (number, lanes) = (number as u64, job.cell.in_flight as u64);
        // Where operations are counted, the lanes share them out.
        let share = |all: u64| all / lanes + u64::from(number < all % lanes);
        Self {
            window,
            pattern: Pattern::new(job, number, lanes),
            sample_every: if job.operations.is_some() { 1 } else { job.cell.sample_every() },
            until_sample: 0,
            left: job.operations.map(share),
            sampled: None,
            first: None,
            last: window.open,
            operations: 0,
            latencies: Histogram::default(),
        }
    }

    /// Where the next operation goes; none when the time, or the data, is over.
    #[inline]
    pub(super) fn begin(&mut self) -> Option<u64> {
        self.may_go_on()?;
        let Some(place) = self.pattern.next() else {
            self.over();
            return None;
        };
        Some(place)
    }

    /// The same for an operation on many places.
    pub(super) fn begin_ranges(&mut self) -> Option<Vec<u64>> {
        self.may_go_on()?;
        let places = self.pattern.next_ranges();
        if places.len() < super::cell::RANGES {
            self.over();
            return None;
        }
        Some(places)
    }

    /// Counts the operation begun last, which moved `moved` of the bytes it should have moved.
    ///
    /// # Errors
    /// Where these are not all: a short read is no work done.
    #[inline]
    pub(super) fn end(&mut self, moved: usize, expected: usize) -> Result<(), String> {
        if moved != expected {
            return Err(format!("an operation moved {moved} of {expected} bytes"));
        }
        if self.first.is_some() {
            self.operations += 1;
        }
        if let Some(since) = self.sampled.take() {
            self.latencies.record(since.elapsed().as_nanos() as u64);
        }
        Ok(())
    }

    #[inline]
    fn may_go_on(&mut self) -> Option<()> {
        if self.until_sample == 0 {
            self.until_sample = self.sample_every;
            self.look_at_the_clock()?;
        }
        self.until_sample -= 1;
        Some(())
    }

    fn look_at_the_clock(&mut self) -> Option<()> {
        let now = Instant::now();
        if self.first.is_some() {
            self.last = now;
        }
        let over = match &mut self.left {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            // A lane whose single operation takes longer than the window ends it a little later,
            // with something to show.
            None => now >= self.window.close && self.operations > 0,
        };
        if over {
            return None;
        }
        if self.first.is_none() && (now >= self.window.open || self.left.is_some()) {
            self.first = Some(now);
        }
        self.sampled = self.first.map(|_| now);
        Some(())
    }

    fn over(&mut self) {
        self.last = Instant::now();
    }
}

/// What the lanes of a run come to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Operations that counted.
    pub(super) operations: u64,
    /// Their latencies.
    pub(super) latencies: Histogram,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Tally {
    /// All lanes together.
    pub(super) fn of(lanes: &[Lane]) -> Self {
        let mut tally = Self::default();
        for lane in lanes {
            tally.operations += lane.operations;
            tally.latencies.merge(&lane.latencies);
            if let Some(first) = lane.first {
                tally.first = Some(tally.first.map_or(first, |known| known.min(first)));
                tally.last = Some(tally.last.map_or(lane.last, |known| known.max(lane.last)));
            }
        }
        tally
    }

    /// From the first operation that counted to the last.
    pub(super) fn duration(&self) -> Duration {
        match (self.first, self.last) {
            (Some(first), Some(last)) => last.saturating_duration_since(first),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bench::cell::{self, Access, Cell};

    fn window() -> Window {
        let open = Instant::now();
        Window { open, close: open + Duration::from_millis(5) }
    }

    fn cell(passes: impl Fn(&Cell) -> bool) -> Cell {
        cell::all(false).into_iter().find(passes).unwrap()
    }

    #[test]
    fn a_lane_ends_with_its_time_and_has_counted() {
        let job = Job::for_tests(cell(|cell| cell.access == Access::Direct), 1);
        let mut lane = Lane::new(&job, window(), 0);
        while lane.begin().is_some() {
            lane.end(1, 1).unwrap();
        }
        let tally = Tally::of(&[lane]);
        assert!(tally.operations > 0);
        assert_eq!(tally.operations, tally.latencies.total());
        assert!(tally.duration() >= Duration::from_millis(4), "{:?}", tally.duration());
    }

    #[test]
    fn an_operation_that_outlasts_the_window_counts() {
        let job = Job::for_tests(cell(|cell| cell.access == Access::Direct), 1);
        let mut lane = Lane::new(&job, window(), 0);
        assert!(lane.begin().is_some());
        std::thread::sleep(Duration::from_millis(8));
        lane.end(1, 1).unwrap();
        assert!(lane.begin().is_none());
        assert_eq!(Tally::of(&[lane]).operations, 1);
    }

    #[test]
    fn counted_operations_are_shared_out_to_the_last() {
        let mut job = Job::for_tests(cell(|cell| cell.in_flight == 64), 1);
        job.operations = Some(100);
        let mut lanes: Vec<_> = (0..64).map(|number| Lane::new(&job, window(), number)).collect();
        for lane in &mut lanes {
            while lane.begin().is_some() {
                lane.end(1, 1).unwrap();
            }
        }
        assert_eq!(Tally::of(&lanes).operations, 100);
    }

    #[test]
    fn a_short_transfer_is_no_work() {
        let job = Job::for_tests(cell(|cell| cell.in_flight == 1), 1);
        let mut lane = Lane::new(&job, window(), 0);
        lane.begin();
        assert!(lane.end(100, 4096).unwrap_err().contains("100 of 4096"));
    }
}
