//! Who takes part, under which name, and in which cells; and what a participant's process does.

mod ours;
mod threads;
mod tokio_fs;

use std::error::Error;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::str::FromStr;

use aiofile::{AlignedBuffer, BackendKind};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use serde::{Deserialize, Serialize};

use super::cell::{Access, Cell, Work};
use super::job::{Job, Report};

/// What went wrong in a run, for the row that shows it.
pub(super) type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// One column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) enum Participant {
    /// One of our backends. `alone`: nothing is done in place and nothing by the context's pool,
    /// so that the backend itself is what is measured.
    Ours { backend: BackendKind, alone: bool },
    /// Plain `pread` and `pwrite`, a thread for each operation in flight.
    Threads,
    /// `tokio::fs`, a file for each task.
    TokioFs,
}

impl Participant {
    /// Everyone, in the order of the columns.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let ours = |alone| {
            let kinds =
                [BackendKind::Uring, BackendKind::Linux, BackendKind::Thread, BackendKind::Rust];
            kinds.into_iter().map(move |backend| Self::Ours { backend, alone })
        };
        ours(false).chain([Self::Threads, Self::TokioFs]).chain(ours(true))
    }

    /// Whether it is one of ours.
    pub(super) fn is_ours(self) -> bool {
        matches!(self, Self::Ours { .. })
    }

    /// Whether it is a backend without the routes around it.
    pub(super) fn is_alone(self) -> bool {
        matches!(self, Self::Ours { alone: true, .. })
    }

    /// The same with its routes around it.
    pub(super) fn with_routes(self) -> Self {
        match self {
            Self::Ours { backend, .. } => Self::Ours { backend, alone: false },
            other => other,
        }
    }

    /// The name of the backend that has to have run.
    pub(super) fn backend(self) -> &'static str {
        match self {
            Self::Ours { backend, .. } => backend.name(),
            Self::Threads => "pread",
            Self::TokioFs => "tokio::fs",
        }
    }

    /// Whether there is anything to measure; the reason where not.
    pub(super) fn takes(self, cell: &Cell) -> Result<(), &'static str> {
        let buffered = cell.is_random() && cell.access == Access::Cached;
        match self {
            Self::Ours { alone: true, .. } if !buffered || !cell.is_headline() => {
                Err("its routes make no difference here")
            }
            Self::TokioFs if cell.access == Access::Direct => {
                Err("its own buffer does not suit O_DIRECT")
            }
            _ => Ok(()),
        }
    }

    /// Runs a job in this process.
    ///
    /// # Errors
    /// Where the participant does not work here, or an operation failed.
    pub(super) fn run(self, job: &Job) -> Result<Report> {
        match self {
            Self::Ours { backend, alone } => ours::run(job, backend, alone),
            Self::Threads => threads::run(job),
            Self::TokioFs => tokio_fs::run(job),
        }
    }

    /// What its column stands for.
    pub(super) fn explanation(self) -> &'static str {
        match self {
            Self::Ours { alone: true, .. } => {
                "the backend alone: nothing in place, nothing by the pool"
            }
            Self::Ours { .. } => "aiofile on this backend, as it comes",
            Self::Threads => "pread and pwrite, a thread for each operation in flight",
            Self::TokioFs => "tokio::fs, a file for each task: seek, then read or write",
        }
    }
}

impl fmt::Display for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours { backend, alone: true } => f.pad(&format!("{backend}-alone")),
            Self::Ours { backend, .. } => f.pad(backend.name()),
            Self::Threads => f.pad("pread"),
            Self::TokioFs => f.pad("tokio-fs"),
        }
    }
}

impl FromStr for Participant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::all().find(|one| one.to_string() == name).ok_or_else(|| format!("no {name:?}"))
    }
}

impl From<Participant> for String {
    fn from(participant: Participant) -> Self {
        participant.to_string()
    }
}

impl TryFrom<String> for Participant {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

/// The cell's file as std opens it.
fn open(job: &Job) -> Result<File> {
    let append = job.cell.work == Work::DurableAppend;
    let direct = job.cell.access == Access::Direct;
    let mut options = OpenOptions::new();
    options.read(!append).write(job.cell.writes() && !append).append(append);
    options.custom_flags(if direct { caio::flags::O_DIRECT } else { 0 });
    Ok(options.open(job.path())?)
}

/// Tells the kernel that a file of cold data is read at random places, so that it does not fetch
/// what nobody asked for. The same for everyone.
fn advise(job: &Job, file: impl AsFd) -> Result<()> {
    let is_random = matches!(job.cell.work, Work::RandomRead | Work::Ranges);
    if is_random && job.cell.access == Access::Cold {
        posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_RANDOM)?;
    }
    Ok(())
}

/// A full buffer that O_DIRECT accepts, not of zeroes: some devices need not write these.
fn noise(length: usize) -> AlignedBuffer {
    AlignedBuffer::copy_of(&vec![0xa5; length], caio::DEFAULT_ALIGNMENT)
}

/// A runtime with as many workers as there are CPUs, as tokio makes them unless told otherwise.
fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bench::cell;

    #[test]
    fn names_come_back_as_what_they_were() {
        for participant in Participant::all() {
            assert_eq!(participant.to_string().parse(), Ok(participant));
        }
        assert!("kuring".parse::<Participant>().is_err());
    }

    #[test]
    fn tokio_fs_is_spared_o_direct_and_everyone_else_takes_every_headline() {
        for cell in cell::all(false) {
            let direct = cell.access == Access::Direct;
            assert_eq!(Participant::TokioFs.takes(&cell).is_err(), direct);
            assert_eq!(Participant::Threads.takes(&cell), Ok(()));
        }
    }
}
