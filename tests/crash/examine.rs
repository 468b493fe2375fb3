//! The look at what a loss of power has left: the file system recovers, and then each job is asked.

use std::path::Path;

use crate::device::Device;
use crate::disk::Disk;
use crate::job::{Job, Mark, STEPS, Seen};
use crate::trace::Note;

/// What was found.
#[derive(Default)]
pub(crate) struct Examined {
    /// How many acknowledged steps had to be there.
    pub(crate) acknowledged: u64,
    /// What does not hold: of which job, and what.
    pub(crate) lost: Vec<(&'static str, String)>,
}

/// What had been noted when so many events had come to the disk.
pub(crate) fn seen(job: &'static Job, seed: u64, directory: &Path, notes: &[Note]) -> Seen {
    let mut seen = Seen {
        job: job.name,
        seed,
        directory: directory.join(job.name),
        acknowledged: std::collections::BTreeSet::new(),
        begun: 0,
    };
    for note in notes.iter().filter(|note| note.job == job.name) {
        match note.mark {
            Mark::Begun => seen.begun = STEPS.min(seen.begun.max(note.step + 1)),
            Mark::Acknowledged => _ = seen.acknowledged.insert(note.step),
        }
    }
    seen
}

/// Mounts the disk and asks each job. `notes` are those of before the loss.
pub(crate) fn examine(
    device: &Device,
    disk: Disk,
    jobs: &[&'static Job],
    seed: u64,
    notes: &[Note],
) -> Examined {
    let mut examined = Examined::default();
    device.served.load(disk);
    let mounted = match device.mount() {
        Ok(mounted) => mounted,
        Err(error) => {
            examined.lost.push(("all", error));
            return examined;
        }
    };
    for job in jobs {
        let seen = seen(job, seed, mounted.path(), notes);
        let is_under_way = seen.acknowledged.len() as u64 != seen.begun;
        if is_under_way && !device.has_journal() {
            // What a step has changed in part may have taken the place of what was there.
            continue;
        }
        examined.acknowledged += seen.acknowledged.len() as u64;
        if let Err(error) = (job.check)(&seen) {
            examined.lost.push((job.name, error));
        }
    }
    examined
}
