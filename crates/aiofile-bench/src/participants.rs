//! The participants of `aiofile bench`; those of the comparison that are the same are made of the
//! same parts.

pub mod on_tokio;
pub mod ours;
pub mod own_ring;
pub mod path_calls;
pub mod pread;
pub mod tokio_fs;
pub mod walks;

use std::ops::Range;
use std::os::fd::AsFd;

use aiofile::{AlignedBuffer, BackendKind};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use crate::Result;
use crate::cell::{Access, Cell, Work};
use crate::job::Job;
use crate::participant::{Class, Participant};
use ours::Form;

/// The participants of `aiofile bench`, in the order of the columns.
pub fn all() -> Vec<Participant> {
    use BackendKind::{Linux, Rust, Thread, Uring};
    let ours = |name, run| {
        let does = "aiofile on this backend, as it comes";
        Participant::new(name, Class::Ours, does, name, |_| true, run)
    };
    let alone = |name, backend, run| {
        let does = "the backend alone: nothing in place, nothing by the pool";
        Participant::new(name, Class::OursAlone, does, backend, routes_matter, run)
    };
    vec![
        ours("uring", |job| ours::run(job, Form::On(Uring))),
        ours("linux", |job| ours::run(job, Form::On(Linux))),
        ours("thread", |job| ours::run(job, Form::On(Thread))),
        ours("rust", |job| ours::run(job, Form::On(Rust))),
        Participant::new(
            "in-place",
            Class::OursElsewhere,
            "the default backend with buffered_writes = \"in_place\"",
            "uring",
            |cell| cell.is_transfer() && cell.writes() && !cell.is_direct(),
            |job| ours::run(job, Form::WritesInPlace),
        ),
        Participant::new(
            "pread",
            Class::Plain,
            "pread and pwrite, a thread for each operation in flight",
            "threads",
            |_| true,
            |job| pread::run(job, job.cell.in_flight),
        ),
        Participant::new(
            "tokio-fs",
            Class::Peer,
            "tokio::fs, a file for each task: seek, then read or write",
            "threads",
            |cell| !cell.is_direct(),
            tokio_fs::run,
        ),
        alone("uring-alone", "uring", |job| ours::run(job, Form::Alone(Uring))),
        alone("thread-alone", "thread", |job| ours::run(job, Form::Alone(Thread))),
        alone("rust-alone", "rust", |job| ours::run(job, Form::Alone(Rust))),
    ]
}

/// Whether a backend's routes make a difference in this cell that is worth a row. Kernel AIO has
/// none of these: it takes no cached transfers.
fn routes_matter(cell: &Cell) -> bool {
    cell.is_random() && cell.access == Access::Cached && cell.is_headline()
}

/// A full buffer that O_DIRECT accepts, not of zeroes: some devices need not write these.
pub fn full_buffer(length: usize) -> AlignedBuffer {
    AlignedBuffer::copy_of(&vec![0xa5; length], caio::DEFAULT_ALIGNMENT)
}

/// Memory for one range, which O_DIRECT accepts.
pub fn own_memory(cell: &Cell, range: &Range<u64>) -> AlignedBuffer {
    let length = (range.end - range.start) as usize;
    let mut buffer = AlignedBuffer::new(length, if cell.is_direct() { 4096 } else { 16 });
    buffer.resize(length);
    buffer
}

/// Tells the kernel that a file of cold data is read at random places, so that it does not fetch
/// more than was asked for. The same for all participants.
fn advise(job: &Job, file: impl AsFd) -> Result<()> {
    let is_random = matches!(job.cell.work, Work::RandomRead | Work::Ranges);
    if is_random && job.cell.access == Access::Cold {
        posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_RANDOM)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::suite;

    #[test]
    fn names_are_unique_and_everyone_but_tokio_fs_takes_o_direct() {
        let all = all();
        let names: HashSet<_> = all.iter().map(|one| one.name).collect();
        assert_eq!(names.len(), all.len());
        for cell in suite::disk(false) {
            for one in all.iter().filter(|one| !one.class.is_aside()) {
                let is_spared = one.name == "tokio-fs" && cell.is_direct();
                assert_eq!((one.takes)(&cell), !is_spared, "{} {}", one.name, cell.name);
            }
        }
    }
}
