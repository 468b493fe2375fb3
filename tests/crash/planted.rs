//! The same work with something left out: each job that needs it has to lose what it told.

use aiofile::{BackendKind, Context};

use crate::alone;
use crate::device::{Device, FILE_SYSTEMS};
use crate::examine::examine;
use crate::job::{Job, LeftOut};
use crate::jobs;
use crate::state::{Replay, State};
use crate::states::context;
use crate::trace::Trace;
use crate::workload::Workload;

/// Without any sync of a file or a directory, each job loses what it told to be durable.
pub(crate) fn find_no_sync() {
    find("no_sync", LeftOut::Sync);
}

/// Without the sync of a directory, new names are lost.
pub(crate) fn find_no_directory_sync() {
    find("no_directory_sync", LeftOut::DirectorySync);
}

/// Where a file is written over instead of being replaced, a mixture is found.
pub(crate) fn find_no_replacement() {
    find("no_replacement", LeftOut::Replacement);
}

fn find(planted: &str, left_out: LeftOut) {
    let Some(context) = context(BackendKind::Thread) else { return };
    for (file_system, _) in FILE_SYSTEMS {
        let Some(device) = alone::device(file_system) else { continue };
        let jobs: Vec<_> = jobs::all().filter(|job| job.needs.contains(&left_out)).collect();
        let keep = kept(&device, &context, &jobs, left_out);
        let caught = if keep.is_empty() { "yes" } else { "no" };
        println!(
            "gate=crash_states planted={planted} filesystem={file_system} jobs={} caught={caught}",
            jobs.len(),
        );
        assert!(keep.is_empty(), "{file_system} lost nothing of {keep:?}, without {planted}");
    }
}

/// The jobs that have lost nothing.
fn kept(
    device: &Device,
    context: &Context,
    jobs: &[&'static Job],
    left_out: LeftOut,
) -> Vec<&'static str> {
    // What another job syncs may make durable what this one has not synced.
    let workload = Workload { jobs: jobs.to_vec(), seed: 1, left_out, lanes_max: 1 };
    let trace = Trace::record(device, context, workload).unwrap();
    let loses = |job: &&'static Job| {
        // The last moment first: the kernel may write down by itself what is left to it.
        trace.notes.iter().rev().filter(|note| note.job == job.name).any(|note| {
            let state = State::all_lost(&trace, note.at);
            let disk = Replay::new(&trace).to(&state);
            let before = trace.notes.iter().filter(|note| note.at <= state.at);
            let notes: Vec<_> = before.copied().collect();
            !examine(device, disk, &[job], trace.workload.seed, &notes).lost.is_empty()
        })
    };
    jobs.iter().filter(|job| !loses(job)).map(|job| job.name).collect()
}
