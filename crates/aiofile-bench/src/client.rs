//! A client does one operation after the other; `n` in flight are `n` clients. It deals out the
//! places, looks at the clock and counts, so that every participant does the same work and is
//! measured in the same way.

use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

use crate::cell::RANGES;
use crate::compute::compute;
use crate::job::Job;
use crate::latencies::Latencies;
use crate::pattern::{Pattern, part};

/// When counting begins and when it ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The end of the warm-up.
    pub(crate) open: Instant,
    /// The end.
    pub(crate) close: Instant,
}

impl Window {
    /// One whose warm-up begins now.
    pub(crate) fn starting_now(job: &Job) -> Self {
        let open = Instant::now() + job.warm_up();
        Self { open, close: open + job.measure() }
    }
}

/// One operation after the other.
#[derive(Debug)]
pub struct Client {
    window: Window,
    pattern: Pattern,
    block: usize,
    /// How many ranges of their own lengths there were.
    turn: u64,
    compute: Duration,
    /// Whether latencies are what counts, also of an operation that takes the whole window.
    is_timed: bool,
    sample_every: u32,
    until_sample: u32,
    left: Option<u64>,
    sampled: Option<Instant>,
    first: Option<Instant>,
    last: Instant,
    operations: u64,
    /// Bytes that operations which count have moved, as far as they were told.
    moved: u64,
    latencies: Latencies,
}

impl Client {
    /// Client `number` of `clients`.
    pub(crate) fn new(job: &Job, window: Window, number: usize, clients: usize) -> Self {
        let (number, clients) = (number as u64, clients as u64);
        // Where operations are counted, the clients share them out.
        let share = |all: u64| all / clients + u64::from(number < all % clients);
        Self {
            window,
            pattern: Pattern::new(&job.cell, job.seed, number, clients),
            block: job.cell.block,
            turn: 0,
            compute: Duration::from_micros(job.cell.compute_us),
            is_timed: !job.cell.is_speed(),
            sample_every: if job.operations.is_some() { 1 } else { job.cell.sample_every() },
            until_sample: 0,
            left: job.operations.map(share),
            sampled: None,
            first: None,
            last: window.open,
            operations: 0,
            moved: 0,
            latencies: Latencies::default(),
        }
    }

    /// The offset of the next operation (of whole files: the index); none when the time, or the
    /// data, is over.
    #[inline]
    pub fn begin(&mut self) -> Option<u64> {
        self.may_go_on()?;
        self.next_place()
    }

    /// The offsets of the next operation on many ranges, into `places`.
    pub fn begin_ranges(&mut self, places: &mut Vec<u64>) -> Option<()> {
        self.may_go_on()?;
        places.clear();
        for _ in 0..RANGES {
            places.push(self.next_place()?);
        }
        Some(())
    }

    /// The range of the next operation on a range of its own length.
    pub fn begin_range(&mut self) -> Option<Range<u64>> {
        self.may_go_on()?;
        let place = self.next_place()?;
        self.turn += 1;
        Some(part(place, self.block as u64, self.turn))
    }

    /// Counts the operation on a range of its own length begun last.
    ///
    /// # Errors
    /// Where it moved less than that.
    pub fn finish_range(&mut self, moved: usize, range: &Range<u64>) -> io::Result<()> {
        self.finish_moved(moved, (range.end - range.start) as usize)
    }

    /// Counts the operation begun last, which was to move one block.
    ///
    /// # Errors
    /// Where it failed, or moved less: a short read is no work done.
    #[inline]
    pub fn finish(&mut self, result: io::Result<usize>) -> io::Result<()> {
        self.finish_moved(result?, self.block)
    }

    /// Counts the operation on many ranges begun last, which was to move a block for each.
    ///
    /// # Errors
    /// Where it moved less.
    pub fn finish_ranges(&mut self, moved: usize) -> io::Result<()> {
        self.finish_moved(moved, self.block * RANGES)
    }

    /// Counts the operation begun last, of whose result the caller is sure, and computes where the
    /// cell wants that.
    #[inline]
    pub fn finish_whole(&mut self) {
        if self.first.is_some() {
            self.operations += 1;
        }
        if let Some(since) = self.sampled.take() {
            let now = Instant::now();
            if now >= self.window.open {
                self.latencies.record((now - since).as_nanos() as u64);
            }
        }
        if !self.compute.is_zero() {
            compute(self.compute);
        }
    }

    #[inline]
    fn finish_moved(&mut self, moved: usize, expected: usize) -> io::Result<()> {
        if moved != expected {
            let message = format!("an operation moved {moved} of {expected} bytes");
            return Err(io::Error::other(message));
        }
        if self.first.is_some() {
            self.moved += moved as u64;
        }
        self.finish_whole();
        Ok(())
    }

    #[inline]
    fn next_place(&mut self) -> Option<u64> {
        let place = self.pattern.next();
        if place.is_none() {
            self.last = Instant::now();
        }
        place
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
            // A client whose single operation takes longer than the window ends it a little later,
            // with something to show.
            None => {
                let is_seen = self.is_timed && !self.latencies.is_empty();
                now >= self.window.close && (self.operations > 0 || is_seen)
            }
        };
        if over {
            return None;
        }
        if self.first.is_none() && (now >= self.window.open || self.left.is_some()) {
            self.first = Some(now);
        }
        // Also in the warm-up: an operation that is held up may end in the window, or after it.
        self.sampled = Some(now);
        Some(())
    }
}

/// What the clients of a run come to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) operations: u64,
    /// None where what was done has not been told in bytes.
    pub(crate) moved: u64,
    pub(crate) latencies: Latencies,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Tally {
    /// Adds a client that has ended.
    pub(crate) fn add(&mut self, client: &Client) {
        self.operations += client.operations;
        self.moved += client.moved;
        self.latencies.merge(&client.latencies);
        if let Some(first) = client.first {
            self.first = Some(self.first.map_or(first, |known| known.min(first)));
            self.last = Some(self.last.map_or(client.last, |known| known.max(client.last)));
        }
    }

    /// From the first operation that counted to the last.
    pub(crate) fn duration(&self) -> Duration {
        match (self.first, self.last) {
            (Some(first), Some(last)) => last.saturating_duration_since(first),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;
    use crate::suite;

    fn job(name: &str) -> Job {
        let cells = suite::comparison(true);
        Job::for_tests(cells.into_iter().find(|cell: &Cell| cell.name == name).unwrap())
    }

    fn tally_of(clients: &[Client]) -> Tally {
        let mut tally = Tally::default();
        clients.iter().for_each(|client| tally.add(client));
        tally
    }

    /// What one of many tries comes to: on a busy machine a whole window may pass before the client
    /// has its turn.
    fn at_last(attempt: impl Fn() -> Option<Tally>) -> Tally {
        (0..500).find_map(|_| attempt()).expect("one try in 500 is not disturbed")
    }

    #[test]
    fn a_client_ends_with_its_time_and_has_counted() {
        let job = job("direct-read-4k-1");
        let tally = at_last(|| {
            let mut client = Client::new(&job, Window::starting_now(&job), 0, 1);
            while client.begin().is_some() {
                client.finish(Ok(4096)).unwrap();
            }
            let tally = tally_of(&[client]);
            (tally.duration() >= Duration::from_millis(4)).then_some(tally)
        });
        assert!(tally.operations > 0);
        assert!(tally.operations <= tally.latencies.count());
    }

    #[test]
    fn an_operation_that_outlasts_the_window_counts() {
        let job = Job { warm_up_ms: 0, ..job("direct-read-4k-1") };
        let tally = at_last(|| {
            let mut client = Client::new(&job, Window::starting_now(&job), 0, 1);
            client.begin()?;
            std::thread::sleep(Duration::from_millis(8));
            client.finish(Ok(4096)).unwrap();
            assert!(client.begin().is_none());
            Some(tally_of(&[client]))
        });
        assert_eq!(tally.operations, 1);
    }

    #[test]
    fn an_operation_that_is_held_up_from_the_warm_up_to_the_end_is_seen() {
        let job = job("compute-1ms");
        let tally = at_last(|| {
            let mut client = Client::new(&job, Window::starting_now(&job), 0, 1);
            client.begin()?;
            std::thread::sleep(Duration::from_millis(10));
            client.finish(Ok(4096)).unwrap();
            assert!(client.begin().is_none());
            // It may have begun after the warm-up.
            let tally = tally_of(&[client]);
            (tally.operations == 0).then_some(tally)
        });
        assert!(tally.latencies.longest_us().unwrap() >= 9_900.0);
    }

    #[test]
    fn counted_operations_are_shared_out_to_the_last() {
        for wanted in [0, 100] {
            let job = Job { operations: Some(wanted), ..job("cached-read-4k-64") };
            let window = Window::starting_now(&job);
            let mut clients: Vec<_> =
                (0..64).map(|number| Client::new(&job, window, number, 64)).collect();
            for client in &mut clients {
                while client.begin().is_some() {
                    client.finish(Ok(4096)).unwrap();
                }
            }
            assert_eq!(tally_of(&clients).operations, wanted);
        }
    }

    #[test]
    fn ranges_of_their_own_lengths_are_counted_in_bytes() {
        let job = Job { operations: Some(50), ..job("owned-ranges-cached") };
        let mut client = Client::new(&job, Window::starting_now(&job), 0, 1);
        let mut bytes = 0;
        while let Some(range) = client.begin_range() {
            let length = range.end - range.start;
            assert!(client.finish_range(length as usize - 1, &range).is_err());
            client.finish_range(length as usize, &range).unwrap();
            bytes += length;
        }
        let tally = tally_of(&[client]);
        assert_eq!((tally.operations, tally.moved), (50, bytes));
        assert!((50 << 18..50 << 20).contains(&bytes), "{bytes}");
    }

    #[test]
    fn a_short_transfer_is_no_work() {
        let job = Job { operations: Some(1), ..job("many-ranges-8k") };
        let mut client = Client::new(&job, Window::starting_now(&job), 0, 1);
        let mut places = Vec::new();
        client.begin_ranges(&mut places).unwrap();
        assert_eq!(places.len(), RANGES);
        assert!(client.finish(Ok(100)).unwrap_err().to_string().contains("100 of 8192"));
        assert!(client.finish_ranges(8192).is_err());
        client.finish_ranges(RANGES * 8192).unwrap();
    }
}
