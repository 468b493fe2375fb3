//! Runs a participant's threads: all get ready, then the window opens for all at once, and while
//! they work this thread looks from outside at the processor time, the context switches, and at
//! what is really running.

use std::fs;
use std::io;
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};

use crate::cell::Job;
use crate::lane::{Lane, Tally, Window};
use crate::report::Report;

/// The result of a participant, or why it could not run.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The place of one thread of a participant.
pub struct Seat<'a> {
    /// What is to be done.
    pub job: &'a Job,
    /// Which of the threads this is.
    pub index: usize,
    seats: usize,
    lanes: usize,
    gate: &'a Barrier,
    window: &'a OnceLock<Window>,
}

impl Seat<'_> {
    /// Says that everything is open and set up, waits for the others, and gives this thread's
    /// lanes.
    pub fn ready(&self) -> Vec<Lane> {
        self.gate.wait();
        let window = *self.window.wait();
        (self.index..self.lanes)
            .step_by(self.seats)
            .map(|number| Lane::new(self.job, window, number, self.lanes))
            .collect()
    }
}

/// Runs `body` on `seats` threads that share `lanes` lanes, and reports. A body that fails ends the
/// process, since the others wait for it.
pub fn run<F>(job: &Job, seats: usize, lanes: usize, body: F) -> Result<Report>
where
    F: Fn(&Seat<'_>) -> Result<Vec<Lane>> + Sync,
{
    let gate = Barrier::new(seats + 1);
    let shared_window = OnceLock::new();
    let mut tally = Tally::default();
    let seen = thread::scope(|scope| -> Result<Seen> {
        let (gate, window, body) = (&gate, &shared_window, &body);
        let threads: Vec<_> = (0..seats)
            .map(|index| {
                let seat = Seat { job, index, seats, lanes, gate, window };
                scope.spawn(move || body(&seat).unwrap_or_else(|error| give_up(&*error)))
            })
            .collect();
        gate.wait();
        let window = *window.get_or_init(|| Window::starting_now(job));
        let seen = watch(window)?;
        for thread in threads {
            let lanes = thread.join().map_err(|_| io::Error::other("a thread panicked"))?;
            lanes.iter().for_each(|lane| tally.add(lane));
        }
        Ok(seen)
    })?;
    Ok(seen.into_report(job, &tally))
}

fn give_up(error: &(dyn std::error::Error + Send + Sync)) -> ! {
    eprintln!("{error}");
    std::process::exit(2)
}

/// What was seen of the process from outside its threads.
struct Seen {
    rings: usize,
    threads: usize,
    seconds: f64,
    user_us: f64,
    system_us: f64,
    switches: f64,
}

fn watch(window: Window) -> Result<Seen> {
    // Some rings are open from the start, others from their first operation on. On a busy machine
    // this thread may have its next turn when all is over, so the first look counts too.
    let mut rings = count_rings()?;
    let now = Instant::now();
    sleep_until(now + window.open.saturating_duration_since(now) / 2);
    rings = rings.max(count_rings()?);
    let threads = fs::read_dir("/proc/self/task")?.count();
    sleep_until(window.open);
    let (from, before) = (Instant::now(), getrusage(UsageWho::RUSAGE_SELF)?);
    sleep_until(window.close);
    let after = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok(Seen {
        rings,
        threads,
        seconds: from.elapsed().as_secs_f64(),
        user_us: user_us(&after) - user_us(&before),
        system_us: system_us(&after) - system_us(&before),
        switches: (switches(&after) - switches(&before)) as f64,
    })
}

fn sleep_until(when: Instant) {
    thread::sleep(when.saturating_duration_since(Instant::now()));
}

/// The io_uring instances that this process has open.
pub fn count_rings() -> io::Result<usize> {
    let is_ring = |entry: &fs::DirEntry| {
        fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == "anon_inode:[io_uring]")
    };
    Ok(fs::read_dir("/proc/self/fd")?.filter_map(io::Result::ok).filter(is_ring).count())
}

/// Processor time in user mode, in microseconds.
pub fn user_us(usage: &Usage) -> f64 {
    usage.user_time().tv_sec() as f64 * 1e6 + usage.user_time().tv_usec() as f64
}

/// Processor time in the kernel, in microseconds.
pub fn system_us(usage: &Usage) -> f64 {
    usage.system_time().tv_sec() as f64 * 1e6 + usage.system_time().tv_usec() as f64
}

/// Context switches, voluntary and not.
pub fn switches(usage: &Usage) -> i64 {
    usage.voluntary_context_switches() + usage.involuntary_context_switches()
}

impl Seen {
    /// Processor time is taken between two moments, operations between two others that lie close
    /// by: a rate each, and the quotient of the rates is the figure for one operation.
    fn into_report(self, job: &Job, tally: &Tally) -> Report {
        let duration = tally.duration().max(Duration::from_nanos(1)).as_secs_f64();
        let operations_per_s = tally.counted as f64 / duration;
        let per_operation = |amount: f64| {
            if tally.counted == 0 || self.seconds == 0.0 {
                return 0.0;
            }
            amount / self.seconds / operations_per_s
        };
        let percentile = |share| tally.latencies.percentile_us(share);
        Report {
            participant: String::new(),
            backend: if self.rings > 0 { "io_uring" } else { "threads" }.to_owned(),
            threads: self.threads,
            rings: self.rings,
            operations: tally.counted,
            total_operations: tally.total,
            seconds: duration,
            operations_per_s,
            bytes_per_s: operations_per_s * job.cell.bytes_per_operation() as f64,
            p50_us: percentile(0.5),
            p99_us: percentile(0.99),
            p999_us: percentile(0.999),
            longest_us: percentile(1.0),
            user_us_per_op: per_operation(self.user_us),
            system_us_per_op: per_operation(self.system_us),
            switches_per_op: per_operation(self.switches),
            peak_rss_kib: getrusage(UsageWho::RUSAGE_SELF)
                .map_or(0, |usage| usage.max_rss() as u64),
            ..Report::default()
        }
    }
}
