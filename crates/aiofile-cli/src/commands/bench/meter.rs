//! What a run costs, seen from inside the participant's process: operations from the lanes, the
//! rest from the kernel's books of this process, at the two ends of the time that counts.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};

use super::job::{Job, Report};
use super::lane::{Lane, Tally, Window};
use super::participant::Result;

/// A run under way.
#[derive(Debug)]
pub(super) struct Meter {
    job: Job,
    window: Window,
    before: Option<Books>,
    /// Bytes that had come from the device when the first operation that counts could begin.
    device_before: Option<u64>,
}

impl Meter {
    /// Starts the warm-up. Everything is open by now.
    pub(super) fn start(job: &Job) -> Self {
        let open = Instant::now() + job.warm_up();
        let window = Window { open, close: open + Duration::from_millis(job.measure_ms) };
        Self { job: job.clone(), window, before: None, device_before: device_bytes() }
    }

    /// The lanes, which begin as soon as somebody drives them.
    pub(super) fn lanes(&self) -> impl Iterator<Item = Lane> {
        (0..self.job.cell.in_flight).map(|number| Lane::new(&self.job, self.window, number))
    }

    /// Waits for the end of the warm-up, on a thread that drives no lane, and opens the books.
    ///
    /// # Errors
    /// Where the system does not tell what this process has used.
    pub(super) fn wait(&mut self) -> Result<()> {
        thread::sleep(self.window.open.saturating_duration_since(Instant::now()));
        self.before = Some(Books::now()?);
        // Without a warm-up everything counts, also what was read before this thread had its turn.
        if !self.job.warm_up().is_zero() {
            self.device_before = device_bytes();
        }
        Ok(())
    }

    /// Closes the books when all lanes have ended.
    ///
    /// # Errors
    /// Where no operation ended.
    pub(super) fn finish(self, lanes: &[Lane]) -> Result<Report> {
        let (after, tally) = (Books::now()?, Tally::of(lanes));
        let before = self.before.ok_or("the books were never opened")?;
        let counts_operations = self.job.operations.is_some();
        if tally.operations == 0 && !counts_operations {
            return Err("no operation ended in time; give it more with --seconds".into());
        }
        let seconds = tally.duration().as_secs_f64().max(1e-9);
        // Among many busy threads the one that opens the books may come late: what they say of
        // their time is stretched to the time of the operations.
        let stretch = seconds / (after.at - before.at).as_secs_f64().max(1e-9);
        Ok(Report {
            operations: tally.operations,
            bytes: tally.operations * self.job.bytes_each(),
            seconds,
            user_us: (after.user_us - before.user_us) * stretch,
            system_us: (after.system_us - before.system_us) * stretch,
            switches: (after.switches - before.switches) * stretch,
            peak_kib: peak_kib(),
            device_bytes: device_bytes()
                .and_then(|after| Some(after.saturating_sub(self.device_before?))),
            latencies: tally.latencies,
            ..Report::default()
        })
    }
}

/// What the kernel says that this process has used so far.
#[derive(Debug)]
struct Books {
    at: Instant,
    user_us: f64,
    system_us: f64,
    switches: f64,
}

impl Books {
    fn now() -> Result<Self> {
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        let switches = |usage: &Usage| {
            usage.voluntary_context_switches() + usage.involuntary_context_switches()
        };
        let microseconds =
            |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64;
        Ok(Self {
            at: Instant::now(),
            user_us: microseconds(usage.user_time()),
            system_us: microseconds(usage.system_time()),
            switches: switches(&usage) as f64,
        })
    }
}

/// The peak of this program's own memory. `getrusage` would count that of the process which
/// started it.
fn peak_kib() -> u64 {
    field("/proc/self/status", "VmHWM:").unwrap_or(0)
}

/// What this process has caused to be read from devices.
fn device_bytes() -> Option<u64> {
    field("/proc/self/io", "read_bytes:")
}

fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bench::cell;

    #[test]
    fn work_is_seen_in_operations_time_and_memory() {
        let cell = cell::all(false).into_iter().find(|cell| cell.in_flight == 1).unwrap();
        let job = Job { warm_up_ms: 5, measure_ms: 60, ..Job::for_tests(cell, 1) };
        let mut meter = Meter::start(&job);
        let mut lanes: Vec<_> = meter.lanes().collect();
        meter.wait().unwrap();
        for lane in &mut lanes {
            while lane.begin().is_some() {
                lane.end(1, 1).unwrap();
            }
        }
        let report = meter.finish(&lanes).unwrap();
        assert!(report.operations > 1000 && report.seconds > 0.05, "{report:?}");
        assert!(report.user_us + report.system_us > 1000.0, "{report:?}");
        assert!(report.peak_kib > 1000, "{report:?}");
    }

    #[test]
    fn a_run_in_which_nothing_ended_is_an_error() {
        let cell = cell::all(false).remove(0);
        let mut meter = Meter::start(&Job::for_tests(cell, 1));
        meter.wait().unwrap();
        let error = meter.finish(&[]).unwrap_err();
        assert!(error.to_string().contains("--seconds"), "{error}");
    }
}
