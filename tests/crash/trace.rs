//! What came to the disk while the jobs worked, and when each step of theirs was acknowledged.

use std::sync::{Arc, Mutex, PoisonError};

use aiofile::Context;

use crate::device::Device;
use crate::disk::{Disk, Event};
use crate::job::{Mark, Tell, told};
use crate::workload::Workload;

/// A step of a job, by the number of events that had come to the disk before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Note {
    pub(crate) job: &'static str,
    pub(crate) mark: Mark,
    pub(crate) step: u64,
    pub(crate) at: usize,
}

pub(crate) struct Trace {
    pub(crate) workload: Workload,
    /// The disk before the first event.
    pub(crate) base: Disk,
    pub(crate) events: Vec<Event>,
    /// The first events only prepare the work.
    pub(crate) begins: usize,
    pub(crate) notes: Vec<Note>,
}

impl Trace {
    /// Does the work on a new file system.
    ///
    /// # Errors
    /// What kept it from being done.
    pub(crate) fn record(
        device: &Device,
        context: &Context,
        workload: Workload,
    ) -> Result<Self, String> {
        device.served.load(device.fresh.clone());
        let mounted = device.mount()?;
        workload.prepare(mounted.path()).map_err(told)?;
        let outside = tempfile::tempdir().map_err(told)?;
        let begins = device.served.position();
        let notes = Arc::new(Mutex::new(Vec::new()));
        let (noted, server) = (Arc::clone(&notes), device.served.watch());
        let tell: Tell = Arc::new(move |job, mark, step| {
            let mut notes = noted.lock().unwrap_or_else(PoisonError::into_inner);
            notes.push(Note { job, mark, step, at: server.position() });
        });
        let done = workload.run(mounted.path(), outside.path(), context, &tell);
        let events = device.served.take_events();
        done.map_err(told)?;
        let notes = std::mem::take(&mut *notes.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Self { workload, base: device.fresh.clone(), events, begins, notes })
    }
}
