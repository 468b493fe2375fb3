//! The participants, each with the label of its row and what has to be running for the row to bear
//! it.

mod copy;
mod fio;
mod hash;
mod idle;
mod in_flight;
mod mapped;
mod nowait;
#[cfg(feature = "peers")]
mod peers;
mod ring;
mod spawn_blocking;
mod tokio_ring;
mod tokio_thread;
mod walk;

use aiofile::BackendKind;
use aiofile_bench::participants::ours::{self, Form};
use aiofile_bench::participants::{path_calls, pread, tokio_fs, walks};
use aiofile_bench::{Cell, Class, Job, Participant, PathCall, Report, Result, Work};

use Class::{Ours, OursAlone, OursElsewhere, Peer, Plain, Reference};

type Takes = fn(&Cell) -> bool;
type Run = fn(&Job) -> Result<Report>;

/// All participants, in the order of the table.
pub fn all() -> Vec<Participant> {
    let mut all = plain();
    all.extend(on_tokio());
    #[cfg(feature = "peers")]
    all.extend(peers::all());
    all.extend(forms_of_ours());
    let fio = |name, does, backend, takes: Takes, run: Run| {
        Participant::new(name, Plain, does, backend, takes, run)
    };
    all.extend([
        fio("fio:io_uring", "fio, engine io_uring", "fio io_uring", fio::takes, |job| {
            fio::run(job, "io_uring")
        }),
        fio("fio:libaio", "fio, engine libaio", "fio libaio", fio::takes_direct, |job| {
            fio::run(job, "libaio")
        }),
    ]);
    all
}

fn plain() -> Vec<Participant> {
    let threads = |name, does, takes: Takes, run: Run| {
        Participant::new(name, Plain, does, "threads", takes, run)
    };
    let ring = |name, does, takes: Takes, run: Run| {
        Participant::new(name, Plain, does, "io_uring", takes, run)
    };
    vec![
        threads(
            "pread",
            "pread/pwrite in a loop, one thread",
            |cell| has_blocking_form(cell) || cell.is_copy(),
            |job| if job.cell.is_copy() { copy::by_loop(job) } else { pread::run(job, 1) },
        ),
        threads(
            "cp",
            "the command cp, and with --reflink=never, so that it reads and writes",
            Cell::is_copy,
            copy::by_cp,
        ),
        threads("walkdir", "the crate walkdir, one thread", Cell::is_walk, walk::by_walkdir),
        threads("sha256sum", "the command sha256sum", is_hash, hash::by_sha256sum),
        threads(
            "pread-2",
            "the same on two threads",
            |cell| has_blocking_form(cell) && on_two(cell),
            |job| pread::run(job, 2),
        ),
        threads(
            "threads",
            "the same, a thread for each in flight",
            |cell| {
                let is_transfer = transfers_alone(cell) || cell.work == Work::OwnedRange;
                cell.in_flight > crate::WORKERS && is_transfer
            },
            |job| pread::run(job, job.cell.in_flight),
        ),
        threads(
            "mmap",
            "copies out of a mapping, a thread for each in flight",
            mapped::takes,
            mapped::run,
        ),
        threads("preadv2", "preadv2 with RWF_NOWAIT in a loop, one thread", nowait::takes, |job| {
            nowait::run(job, 1)
        }),
        threads(
            "preadv2-2",
            "the same on two threads",
            |cell| nowait::takes(cell) && on_two(cell),
            |job| nowait::run(job, 2),
        ),
        ring("ring", "io-uring crate by hand, one thread", transfers_alone, |job| {
            ring::run(job, 1, false)
        }),
        ring(
            "ring-2",
            "the same on two threads, a ring each",
            |cell| transfers_alone(cell) && on_two(cell),
            |job| ring::run(job, 2, false),
        ),
        ring("ring-fixed", "ring with registered file and buffers", transfers_alone, |job| {
            ring::run(job, 1, true)
        }),
    ]
}

fn on_tokio() -> Vec<Participant> {
    let new = Participant::new;
    let unstable = new(
        "tokio-fs-uring",
        Peer,
        "tokio::fs on its unstable io_uring",
        "io_uring",
        has_form_of_tokio_fs,
        tokio_fs::run,
    );
    vec![
        new(
            "spawn_blocking",
            Plain,
            "pread/pwrite in spawn_blocking",
            "threads",
            |cell| !(cell.is_lines() || cell.is_copy() || is_path_call(cell) || is_on_many(cell)),
            |job| match job.cell.work {
                Work::Waiting | Work::WaitingRaised => in_flight::by_spawn_blocking(job),
                Work::Idle => idle::by_spawn_blocking(job),
                _ => spawn_blocking::run(job),
            },
        ),
        new(
            "tasks",
            Reference,
            "bare tasks of tokio, without any I/O",
            "threads",
            Cell::is_waiting,
            in_flight::by_bare_tasks,
        ),
        new(
            "tokio-ring",
            Plain,
            "a ring by hand on tokio's two workers",
            "io_uring",
            |cell| cell.is_transfer() && !cell.is_durable(),
            tokio_ring::run,
        ),
        new(
            "tokio-thread",
            Plain,
            "one thread beside tokio, given work by channels",
            "threads",
            |cell| cell.work == Work::RandomWrite && !cell.is_direct(),
            tokio_thread::run,
        ),
        new(
            "tokio-fs",
            Peer,
            "tokio::fs, seek and read",
            "threads",
            |cell| has_form_of_tokio_fs(cell) || is_path_call(cell),
            by_tokio_fs,
        ),
        new(
            "tokio-fs-8k",
            Plain,
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

fn forms_of_ours() -> Vec<Participant> {
    let new = Participant::new;
    let alone = |name, does, backend, run| new(name, OursAlone, does, backend, has_form_alone, run);
    vec![
        new(
            "aiofile",
            Ours,
            "the default context",
            "uring",
            |_| true,
            |job| match job.cell.work {
                Work::Copy | Work::CopyBytes => copy::by_aiofile(job),
                Work::CopyTree => copy::by_copy_dir(job),
                Work::Path(_) => path_calls::by_aiofile(job),
                Work::Walk | Work::ParallelWalk => walks::by_aiofile(job),
                Work::Hash => hash::by_aiofile(job),
                _ => ours_in(job, Form::Default),
            },
        ),
        new(
            "aiofile:cp",
            OursElsewhere,
            "the command aiofile cp -r, which keeps times, too",
            "uring",
            |cell| cell.work == Work::CopyTree,
            copy::by_aiofile,
        ),
        new(
            "aiofile:one-thread",
            OursElsewhere,
            "the same on tokio's current-thread runtime",
            "uring",
            Cell::is_transfer,
            |job| ours::run(job, Form::OneThread),
        ),
        new(
            "aiofile:in-place",
            OursElsewhere,
            "with buffered_writes = \"in_place\"",
            "uring",
            |cell| cell.is_transfer() && cell.writes() && !cell.is_direct(),
            |job| ours::run(job, Form::WritesInPlace),
        ),
        alone("aiofile:uring-ring", "everything through the ring", "uring", |job| {
            ours_in(job, Form::Alone(BackendKind::Uring))
        }),
        alone("aiofile:thread", "backend thread, nothing in place", "thread", |job| {
            ours_in(job, Form::Alone(BackendKind::Thread))
        }),
        alone("aiofile:rust", "backend rust, nothing in place", "rust", |job| {
            ours_in(job, Form::Alone(BackendKind::Rust))
        }),
        // It takes nothing else.
        new("aiofile:linux", OursAlone, "backend linux", "linux", Cell::is_direct, |job| {
            ours_in(job, Form::Alone(BackendKind::Linux))
        }),
    ]
}

fn ours_in(job: &Job, form: Form) -> Result<Report> {
    match job.cell.work {
        Work::Waiting | Work::WaitingRaised => in_flight::by_aiofile(job, form),
        Work::Idle => idle::by_aiofile(job, form),
        _ => ours::run(job, form),
    }
}

fn on_two(cell: &Cell) -> bool {
    cell.in_flight > 1
}

/// Without anything beside the transfers, which needs a runtime.
fn transfers_alone(cell: &Cell) -> bool {
    cell.is_transfer() && cell.is_speed()
}

fn has_blocking_form(cell: &Cell) -> bool {
    let others = matches!(cell.work, Work::WholeFiles | Work::Ranges | Work::Path(PathCall::Copy));
    transfers_alone(cell) || others || cell.is_lines()
}

/// tokio's `File` reads into a buffer of its own that O_DIRECT does not accept; 100,000 operations
/// in flight would need as many descriptors; and its idle pool is that of `spawn_blocking`.
fn has_form_of_tokio_fs(cell: &Cell) -> bool {
    let ranges = matches!(cell.work, Work::Ranges | Work::OwnedRange);
    let others = cell.work == Work::WholeFiles || ranges || cell.is_lines();
    (cell.is_transfer() || others) && !cell.is_direct()
}

fn by_tokio_fs(job: &Job) -> Result<Report> {
    if is_path_call(&job.cell) { path_calls::by_tokio(job) } else { tokio_fs::run(job) }
}

fn is_path_call(cell: &Cell) -> bool {
    matches!(cell.work, Work::Path(_))
}

fn is_hash(cell: &Cell) -> bool {
    cell.work == Work::Hash
}

/// Whether one operation goes through many files.
fn is_on_many(cell: &Cell) -> bool {
    is_hash(cell) || cell.is_walk()
}

fn has_form_alone(cell: &Cell) -> bool {
    let is_other = cell.is_copy() || is_path_call(cell) || is_on_many(cell);
    !is_other && cell.measure != aiofile_bench::Measure::Longest
}

#[cfg(test)]
pub mod tests {
    use std::path::Path;

    use aiofile_bench::{find, suite};

    use super::*;

    /// A short job in this directory.
    pub fn job_for_tests(cell: Cell, directory: &Path) -> Job {
        Job {
            participant: String::new(),
            cell,
            directory: directory.to_owned(),
            seed: 1,
            workers: 2,
            warm_up_ms: 0,
            measure_ms: 5,
            operations: None,
            command: None,
            group: None,
        }
    }

    #[test]
    fn every_cell_has_a_row_to_compare_with_and_every_label_is_there_once() {
        let all = super::all();
        for cell in suite::comparison(false) {
            let others = ["pread", "spawn_blocking", "walkdir", "sha256sum", "tokio-fs"];
            let others = others.map(|name| find(&all, name).unwrap());
            assert!(others.iter().any(|one| (one.takes)(&cell)), "{}", cell.name);
        }
        let mut names: Vec<_> = all.iter().map(|participant| participant.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
    }
}
