//! Runs a participant's threads: all get ready, then the window opens for all at once, and while
//! they work the calling thread looks from outside at the processor time, the context switches, and
//! at what is really running.

use std::fs;
use std::io;
use std::process;
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::Instant;

use crate::Result;
use crate::beside::{Beside, Probe};
use crate::client::{Client, Tally, Window};
use crate::compute;
use crate::job::{Job, Report};
use crate::usage::{Usage, device_bytes, open_rings, peak_kib};

/// One thread of a participant.
#[derive(Debug)]
pub struct Thread<'a> {
    /// What is to be done.
    pub job: &'a Job,
    /// Which of the threads this is.
    pub index: usize,
    threads: usize,
    clients: usize,
    gate: &'a Barrier,
    window: &'a OnceLock<Window>,
}

impl Thread<'_> {
    /// Says that everything is open and set up, waits for the others, and gives this thread's
    /// clients. To be called once.
    pub fn ready(&self) -> Vec<Client> {
        self.gate.wait();
        let window = *self.window.wait();
        (self.index..self.clients)
            .step_by(self.threads)
            .map(|number| Client::new(self.job, window, number, self.clients))
            .collect()
    }

    /// What is to watch what goes on beside the operations; on the first thread alone, where the
    /// cell has such a thing.
    pub fn probe(&self) -> Option<Probe> {
        let what = self.job.cell.beside.filter(|_| self.index == 0)?;
        Some(Probe::new(*self.window.wait(), what))
    }
}

/// What a thread comes back with.
#[derive(Debug, Default)]
pub struct Ended {
    clients: Vec<Client>,
    probe: Option<Probe>,
}

impl Ended {
    /// Its clients, and its probe where it had one.
    pub fn new(clients: Vec<Client>, probe: Option<Probe>) -> Self {
        Self { clients, probe }
    }
}

impl From<Vec<Client>> for Ended {
    fn from(clients: Vec<Client>) -> Self {
        Self { clients, probe: None }
    }
}

/// Runs `body` on so many threads, which share so many clients, and reports. A body that fails ends
/// the process, since the others wait for it.
///
/// # Errors
/// Where the system does not tell what this process uses, and where nothing ended in time.
pub fn run<F, E>(job: &Job, threads: usize, clients: usize, body: F) -> Result<Report>
where
    F: Fn(&Thread<'_>) -> Result<E> + Sync,
    E: Into<Ended> + Send,
{
    if job.cell.compute_us > 0 || job.cell.beside == Some(Beside::Compute) {
        compute::prepare();
    }
    let (gate, window) = (Barrier::new(threads + 1), OnceLock::new());
    thread::scope(|scope| {
        let (gate, window, body) = (&gate, &window, &body);
        let threads: Vec<_> = (0..threads)
            .map(|index| {
                let thread = Thread { job, index, threads, clients, gate, window };
                scope.spawn(move || body(&thread).unwrap_or_else(|error| give_up(&*error)))
            })
            .collect();
        gate.wait();
        // Before the first operation, which counts where there is no warm-up.
        let device_before = device_bytes();
        let window = *window.get_or_init(|| Window::starting_now(job));
        let seen = Seen::watch(job, window, device_before)?;
        let (mut tally, mut probe) = (Tally::default(), None);
        for thread in threads {
            let ended: Ended =
                thread.join().map_err(|_| io::Error::other("a thread panicked"))?.into();
            ended.clients.iter().for_each(|client| tally.add(client));
            probe = probe.or(ended.probe);
        }
        seen.into_report(job, tally, probe)
    })
}

fn give_up(error: &(dyn std::error::Error + Send + Sync)) -> ! {
    // Where that fails there is no other place to say it.
    let _ = io::Write::write_all(&mut io::stderr(), format!("{error}\n").as_bytes());
    process::exit(2)
}

/// What was seen of the process from outside its threads.
struct Seen {
    rings: usize,
    threads: usize,
    before: Usage,
    device_before: Option<u64>,
}

impl Seen {
    fn watch(job: &Job, window: Window, device_before: Option<u64>) -> Result<Self> {
        // Some rings are open from the start, others from their first operation on. On a busy
        // machine this thread may have its next turn when all is over, so the first look counts.
        let mut rings = open_rings()?;
        let now = Instant::now();
        sleep_until(now + window.open.saturating_duration_since(now) / 2);
        rings = rings.max(open_rings()?);
        let threads = fs::read_dir("/proc/self/task")?.count();
        sleep_until(window.open);
        let before = Usage::now()?;
        // Without a warm-up everything counts, also what was read before this thread had its turn.
        let device_before = if job.warm_up().is_zero() { device_before } else { device_bytes() };
        Ok(Self { rings, threads, before, device_before })
    }

    fn into_report(self, job: &Job, tally: Tally, probe: Option<Probe>) -> Result<Report> {
        let is_seen = tally.operations > 0 || !job.cell.is_speed() && !tally.latencies.is_empty();
        if !is_seen && job.operations.is_none() {
            return Err("no operation ended in time; give it more with --seconds".into());
        }
        let (before, after) = (self.before, Usage::now()?);
        let seconds = tally.duration().as_secs_f64().max(1e-9);
        // Among many busy threads this one may come late: what was used in its time is stretched to
        // the time of the operations.
        let stretch = seconds / (after.at - before.at).as_secs_f64().max(1e-9);
        let mut report = Report {
            backend: if self.rings > 0 { "io_uring" } else { "threads" }.to_owned(),
            threads: self.threads,
            rings: self.rings,
            operations: tally.operations,
            bytes: match tally.moved {
                0 => tally.operations * job.cell.bytes_each(),
                moved => moved,
            },
            seconds,
            user_us: (after.user_us - before.user_us) * stretch,
            system_us: (after.system_us - before.system_us) * stretch,
            switches: (after.switches - before.switches) * stretch,
            peak_kib: peak_kib(),
            device_bytes: device_bytes()
                .and_then(|after| Some(after.saturating_sub(self.device_before?))),
            ..Report::default()
        };
        let mut latencies = tally.latencies;
        if let Some(probe) = probe {
            let window = job.measure().as_secs_f64().max(1e-9);
            report.note("beside_per_s", probe.times as f64 / window);
            report.note("operations_per_s", report.operations as f64 / window);
            if probe.is_timed() {
                latencies = probe.latencies;
            }
        }
        report.set_latencies(latencies);
        Ok(report)
    }
}

fn sleep_until(when: Instant) {
    thread::sleep(when.saturating_duration_since(Instant::now()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    #[test]
    fn work_is_seen_in_operations_time_and_memory() {
        let cell = suite::comparison(true).remove(0);
        let job = Job { warm_up_ms: 5, measure_ms: 60, ..Job::for_tests(cell) };
        let report = run(&job, 2, 2, |thread| {
            let mut clients = thread.ready();
            for client in &mut clients {
                while client.begin().is_some() {
                    client.finish(Ok(4096))?;
                }
            }
            Ok(clients)
        });
        let report = report.unwrap();
        assert!(report.operations > 1000 && report.seconds > 0.05, "{report:?}");
        assert!(report.user_us + report.system_us > 1000.0, "{report:?}");
        assert!(report.peak_kib > 1000 && report.p50_us.is_some(), "{report:?}");
    }
}
