//! A participant: its name, the cells it has a form for, and what its process does.

use std::fmt;

use nix::sys::signal::{SigSet, Signal};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::cell::{Access, Cell};
use crate::job::{Job, Report};
use crate::memory_group;

/// The hidden command that a participant's process is started with; its argument is the job.
pub const COMMAND: &str = "bench-participant";

/// What a participant is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Ours, as it is used.
    Ours,
    /// Ours in another setting, which does not compete.
    OursElsewhere,
    /// A backend of ours without what is around it, which must not have done anything in place. It
    /// does not compete: it is not used so.
    OursAlone,
    /// Another library.
    Peer,
    /// Another library on one thread, which has no more unless told otherwise.
    OneThreadPeer,
    /// Plain system calls, another program, or a ring by hand.
    Plain,
    /// Something that does no work which could win.
    Reference,
}

impl Class {
    /// Whether it is one of ours.
    pub fn is_ours(self) -> bool {
        self == Self::Ours || self.is_aside()
    }

    /// Whether it is one of ours that does not compete.
    pub fn is_aside(self) -> bool {
        matches!(self, Self::OursElsewhere | Self::OursAlone)
    }

    /// Whether it is not ours and competes.
    pub fn is_rival(self) -> bool {
        matches!(self, Self::Plain) || self.is_peer()
    }

    /// Whether it is another library.
    pub fn is_peer(self) -> bool {
        matches!(self, Self::Peer | Self::OneThreadPeer)
    }
}

/// One column of the table.
#[derive(Clone, Copy)]
pub struct Participant {
    /// The label.
    pub name: &'static str,
    /// What it is compared with.
    pub class: Class,
    /// What it does, in a few words.
    pub does: &'static str,
    /// What the run must show itself to have used.
    pub backend: &'static str,
    /// Whether it has a form for this cell.
    pub takes: fn(&Cell) -> bool,
    /// Runs a job in this process.
    pub run: fn(&Job) -> Result<Report>,
    /// Whether it lives in another binary of the same program.
    pub in_second_binary: bool,
}

impl Participant {
    /// One that lives in this binary.
    pub const fn new(
        name: &'static str,
        class: Class,
        does: &'static str,
        backend: &'static str,
        takes: fn(&Cell) -> bool,
        run: fn(&Job) -> Result<Report>,
    ) -> Self {
        Self { name, class, does, backend, takes, run, in_second_binary: false }
    }

    /// Refuses a report that is not what its label says: another backend, operations that went
    /// other ways, data that was not where it should have been.
    ///
    /// # Errors
    /// What is wrong.
    pub fn accept(&self, job: &Job, report: &Report) -> Result<(), String> {
        if report.backend != self.backend {
            return Err(format!("ran on {:?}, not on {:?}", report.backend, self.backend));
        }
        self.accept_routes(job, report)?;
        let Some(device) = report.device_bytes.filter(|_| !job.cell.writes()) else {
            return Ok(());
        };
        match job.cell.access {
            Access::Cold if device < report.bytes / 2 => Err(format!(
                "was not cold: {device} of {} bytes came from the device (not possible on this \
                 file system?)",
                report.bytes
            )),
            Access::Cached if report.bytes > 0 && device > report.bytes / 10 => {
                let bytes = report.bytes;
                Err(format!("was not cached: {device} of {bytes} bytes came from the device"))
            }
            _ => Ok(()),
        }
    }

    fn accept_routes(&self, job: &Job, report: &Report) -> Result<(), String> {
        let Some(routes) = report.routes else { return Ok(()) };
        if report.backend != "uring" && report.rings > 0 {
            return Err(format!("{} has {} rings open", report.backend, report.rings));
        }
        if self.class != Class::OursAlone {
            return Ok(());
        }
        // Transfers are what every backend has. Of the rest, the pool does what one has not.
        let pool = if job.cell.is_random() { routes.pool } else { 0 };
        let (other, all) = (routes.in_place + pool, routes.backend + routes.pool);
        if other > 0 || all == 0 && report.operations > 0 {
            return Err(format!("{other} operations did not go to the backend, {all} did"));
        }
        if report.backend == "uring" && report.rings == 0 && report.operations > 0 {
            return Err("the backend uring has no ring open".to_owned());
        }
        Ok(())
    }
}

impl fmt::Debug for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Participant").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The participant of this name.
pub fn find<'a>(all: &'a [Participant], name: &str) -> Option<&'a Participant> {
    all.iter().find(|participant| participant.name == name)
}

/// The whole life of a participant's process: the job in, the report out. The process ends together
/// with the one that started it: a benchmark must not go on without anyone to report to.
///
/// # Errors
/// Where the job is none, or failed.
pub fn participate(all: &[Participant], job: &str) -> Result<String> {
    // The signals that the parent waits for are blocked here, too, by inheritance.
    SigSet::all().thread_unblock()?;
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    let job: Job = serde_json::from_str(job)?;
    if let Some(group) = &job.group {
        memory_group::enter(group)?;
    }
    let participant = find(all, &job.participant);
    let participant = participant.ok_or_else(|| format!("no participant {}", job.participant))?;
    Ok(serde_json::to_string(&(participant.run)(&job)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Routes;
    use crate::participants;
    use crate::suite;

    fn check(name: &str, access: Access, report: &Report) -> Result<(), String> {
        let cell = suite::disk(false).into_iter().find(|cell| cell.access == access).unwrap();
        find(&participants::all(), name).unwrap().accept(&Job::for_tests(cell), report)
    }

    fn report(backend: &str) -> Report {
        Report { backend: backend.to_owned(), operations: 1, bytes: 1000, ..Report::default() }
    }

    #[test]
    fn a_row_whose_backend_is_not_its_label_is_refused() {
        assert_eq!(check("uring", Access::Direct, &report("uring")), Ok(()));
        let refusal = check("uring", Access::Direct, &report("thread")).unwrap_err();
        assert_eq!(refusal, "ran on \"thread\", not on \"uring\"");
        let routes = Some(Routes::default());
        let refusal =
            check("thread", Access::Direct, &Report { routes, rings: 1, ..report("thread") });
        assert!(refusal.unwrap_err().contains("1 rings open"));
    }

    #[test]
    fn a_backend_that_was_not_alone_is_refused() {
        let report = |routes| Report { routes: Some(routes), rings: 1, ..report("uring") };
        let mixed = report(Routes { in_place: 3, backend: 7, pool: 1 });
        assert_eq!(check("uring", Access::Cached, &mixed), Ok(()));
        let refusal = check("uring-alone", Access::Cached, &mixed).unwrap_err();
        assert!(refusal.contains("4 operations did not go"), "{refusal}");
        assert!(check("uring-alone", Access::Cached, &report(Routes::default())).is_err());
        let pure = report(Routes { backend: 7, ..Routes::default() });
        assert_eq!(check("uring-alone", Access::Cached, &pure), Ok(()));
        assert!(check("uring-alone", Access::Cached, &Report { rings: 0, ..pure }).is_err());
    }

    #[test]
    fn data_that_was_not_where_it_should_have_been_is_refused() {
        let check = |access, device_bytes| {
            check("thread", access, &Report { device_bytes, ..report("thread") })
        };
        assert_eq!(check(Access::Cold, Some(1000)), Ok(()));
        assert!(check(Access::Cold, Some(0)).unwrap_err().contains("not cold"));
        assert_eq!(check(Access::Cached, Some(0)), Ok(()));
        assert!(check(Access::Cached, Some(900)).unwrap_err().contains("not cached"));
        assert_eq!(check(Access::Cold, None), Ok(()));
        assert_eq!(check(Access::Direct, Some(1000)), Ok(()));
    }
}
