//! Everyone who takes part, with the label of the row and what has to be running for the row to
//! bear it.

use crate::cell::{Cell, Job, Work};
use crate::report::Report;
use crate::stage::Result;

#[cfg(feature = "ours")]
mod aiofile;
mod blocking_lines;
#[cfg(feature = "peers")]
mod compio;
mod copy;
pub(crate) mod fio;
#[cfg(feature = "peers")]
mod glommio;
mod idle;
mod in_flight;
#[cfg(feature = "peers")]
mod monoio;
mod nowait;
mod on_tokio;
mod pread;
mod ring;
mod spawn_blocking;
mod tokio_fs;
mod tokio_ring;
mod tokio_thread;
#[cfg(feature = "peers")]
mod tokio_uring;

/// Threads that tokio and the two-thread rows work on.
pub const WORKERS: usize = 2;

/// One column of the matrix.
#[derive(Clone, Copy)]
pub struct Participant {
    /// The label.
    pub name: &'static str,
    /// What it does, in a few words.
    pub does: &'static str,
    /// What the run must show itself to have used.
    pub backend: &'static str,
    /// Whether it has a form for this cell.
    pub takes: fn(&Cell) -> bool,
    run: fn(&Job) -> Result<Report>,
    /// Whether it lives in the binary built with tokio's unstable io_uring.
    pub in_second_binary: bool,
}

impl Participant {
    const fn new(
        name: &'static str,
        does: &'static str,
        backend: &'static str,
        takes: fn(&Cell) -> bool,
        run: fn(&Job) -> Result<Report>,
    ) -> Participant {
        Participant { name, does, backend, takes, run, in_second_binary: false }
    }

    /// Runs the job in this process, and refuses a run whose backend is not the row's.
    pub fn run(&self, job: &Job) -> Result<Report> {
        let mut report = (self.run)(job)?;
        self.name.clone_into(&mut report.participant);
        // A run of no operations, made to count the system calls before them, may end before anyone
        // looks.
        if report.backend != self.backend && report.total_operations > 0 {
            let message =
                format!("{} ran on {}, not on {}", self.name, report.backend, self.backend);
            return Err(message.into());
        }
        Ok(report)
    }
}

/// All participants, in the order of the table.
pub fn all() -> Vec<Participant> {
    let mut everyone = plain();
    everyone.extend(on_tokio());
    #[cfg(feature = "peers")]
    everyone.extend(rings_of_their_own());
    #[cfg(feature = "ours")]
    everyone.extend(ours());
    everyone.extend([
        Participant::new(
            "fio:io_uring",
            "fio, engine io_uring",
            "fio io_uring",
            fio::takes,
            |job| fio::run(job, "io_uring"),
        ),
        Participant::new(
            "fio:libaio",
            "fio, engine libaio",
            "fio libaio",
            fio::takes_direct,
            |job| fio::run(job, "libaio"),
        ),
    ]);
    everyone
}

fn plain() -> Vec<Participant> {
    let new = Participant::new;
    vec![
        new(
            "pread",
            "pread/pwrite in a loop, one thread",
            "threads",
            |cell| whole_files_too(cell) || cell.is_lines() || cell.is_copy(),
            |job| if job.cell.is_copy() { copy::by_loop(job) } else { pread::run(job, 1) },
        ),
        new(
            "cp",
            "the command cp, and with --reflink=never, so that it reads and writes",
            "threads",
            Cell::is_copy,
            copy::by_cp,
        ),
        new("pread-2", "the same on two threads", "threads", whole_files_on_two, |job| {
            pread::run(job, 2)
        }),
        new("threads", "the same, a thread for each in flight", "threads", many_threads, |job| {
            pread::run(job, job.cell.in_flight)
        }),
        new("preadv2", "preadv2 with RWF_NOWAIT in a loop, one thread", "threads", cached, |job| {
            nowait::run(job, 1)
        }),
        new("preadv2-2", "the same on two threads", "threads", cached_on_two, |job| {
            nowait::run(job, 2)
        }),
        new("ring", "io-uring crate by hand, one thread", "io_uring", positional, |job| {
            ring::run(job, 1, false)
        }),
        new(
            "ring-2",
            "the same on two threads, a ring each",
            "io_uring",
            positional_on_two,
            |job| ring::run(job, 2, false),
        ),
        new("ring-fixed", "ring with registered file and buffers", "io_uring", positional, |job| {
            ring::run(job, 1, true)
        }),
    ]
}

fn on_tokio() -> Vec<Participant> {
    let new = Participant::new;
    let unstable = new(
        "tokio-fs-uring",
        "tokio::fs on its unstable io_uring",
        "io_uring",
        by_tokio_fs,
        tokio_fs::run,
    );
    vec![
        new(
            "spawn_blocking",
            "pread/pwrite in spawn_blocking",
            "threads",
            |cell| !cell.is_lines() && !cell.is_copy(),
            |job| match job.cell.work {
                Work::InFlight | Work::InFlightRaised => in_flight::by_spawn_blocking(job),
                Work::Idle => idle::by_spawn_blocking(job),
                _ => spawn_blocking::run(job),
            },
        ),
        new(
            "tasks",
            "bare tasks of tokio, without any I/O",
            "threads",
            Cell::is_waiting,
            in_flight::by_bare_tasks,
        ),
        new(
            "tokio-ring",
            "a ring by hand on tokio's two workers",
            "io_uring",
            |cell| positional(cell) && cell.work != Work::DurableAppend,
            tokio_ring::run,
        ),
        new(
            "tokio-thread",
            "one thread beside tokio, given work by channels",
            "threads",
            |cell| cell.work == Work::RandomWrite && !cell.direct,
            tokio_thread::run,
        ),
        new("tokio-fs", "tokio::fs, seek and read", "threads", by_tokio_fs, tokio_fs::run),
        new(
            "tokio-fs-8k",
            "tokio::fs with the 8 KiB of BufReader::new",
            "threads",
            Cell::is_lines,
            |job| {
                let mut job = job.clone();
                job.cell.block = 8 * 1024;
                tokio_fs::run(&job)
            },
        ),
        Participant { in_second_binary: true, ..unstable },
    ]
}

#[cfg(feature = "peers")]
fn rings_of_their_own() -> Vec<Participant> {
    let new = Participant::new;
    let ring = "io_uring";
    vec![
        new("tokio-uring", "tokio-uring, one thread", ring, positional_and_ranges, |job| {
            tokio_uring::run(job, 1)
        }),
        new("tokio-uring-2", "the same on two", ring, positional_on_two, |job| {
            tokio_uring::run(job, 2)
        }),
        new("compio", "compio, one thread", ring, whole_files_too, |job| compio::run(job, 1)),
        new("compio-2", "the same on two", ring, whole_files_on_two, |job| compio::run(job, 2)),
        new("monoio", "monoio, one thread", ring, whole_files_too, |job| monoio::run(job, 1)),
        new("monoio-2", "the same on two", ring, whole_files_on_two, |job| monoio::run(job, 2)),
        new("glommio", "glommio, one thread", ring, positional_and_ranges, |job| {
            glommio::run(job, 1)
        }),
        new("glommio-2", "the same on two", ring, positional_on_two, |job| glommio::run(job, 2)),
    ]
}

#[cfg(feature = "ours")]
fn ours() -> Vec<Participant> {
    use aiofile::Engine;
    let new = Participant::new;
    vec![
        new(
            "aiofile",
            "the default context",
            "uring",
            |_| true,
            |job| aiofile::run(job, Engine::Default),
        ),
        new(
            "aiofile:one-thread",
            "the same on tokio's current-thread runtime",
            "uring",
            positional,
            |job| aiofile::run(job, Engine::OneThread),
        ),
        new(
            "aiofile:uring-ring",
            "everything through the ring",
            "uring, not in place",
            ours_alone,
            |job| aiofile::run(job, Engine::UringRing),
        ),
        new(
            "aiofile:thread",
            "backend thread, nothing in place",
            "thread, not in place",
            ours_alone,
            |job| aiofile::run(job, Engine::Thread),
        ),
        new(
            "aiofile:rust",
            "backend rust, nothing in place",
            "rust, not in place",
            ours_alone,
            |job| aiofile::run(job, Engine::Rust),
        ),
        new(
            "aiofile:linux",
            "backend linux, nothing in place",
            "linux, not in place",
            ours_alone,
            |job| aiofile::run(job, Engine::Linux),
        ),
    ]
}

fn two_threads(cell: &Cell) -> bool {
    cell.in_flight > 1
}

fn many_threads(cell: &Cell) -> bool {
    cell.in_flight > WORKERS && positional(cell)
}

fn cached(cell: &Cell) -> bool {
    matches!(cell.work, Work::RandomRead | Work::SequentialRead) && !cell.direct
}

fn cached_on_two(cell: &Cell) -> bool {
    cached(cell) && two_threads(cell)
}

fn positional(cell: &Cell) -> bool {
    cell.is_transfer()
}

fn positional_on_two(cell: &Cell) -> bool {
    positional(cell) && two_threads(cell)
}

#[cfg(feature = "peers")]
fn positional_and_ranges(cell: &Cell) -> bool {
    positional(cell) || cell.work == Work::ManyRanges
}

fn whole_files_too(cell: &Cell) -> bool {
    positional(cell) || matches!(cell.work, Work::SmallFiles | Work::ManyRanges)
}

fn whole_files_on_two(cell: &Cell) -> bool {
    whole_files_too(cell) && two_threads(cell)
}

/// tokio's `File` reads into a buffer of its own that O_DIRECT does not accept; 100,000 operations
/// in flight would need as many descriptors; and its idle pool is that of `spawn_blocking`.
fn by_tokio_fs(cell: &Cell) -> bool {
    let has_form = whole_files_too(cell) || cell.is_lines() || cell.is_fairness();
    has_form && !cell.direct
}

#[cfg(feature = "ours")]
fn ours_alone(cell: &Cell) -> bool {
    !cell.is_copy() && !cell.is_fairness()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell;

    #[test]
    fn labels_are_unique() {
        let everyone = all();
        let mut names: Vec<_> = everyone.iter().map(|participant| participant.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), everyone.len());
    }

    #[test]
    fn every_cell_has_a_plain_baseline() {
        for cell in cell::all(false) {
            let plain = ["pread", "spawn_blocking"];
            let takes = |one: &Participant| plain.contains(&one.name) && (one.takes)(&cell);
            assert!(all().iter().any(takes), "{}", cell.name);
        }
    }
}
