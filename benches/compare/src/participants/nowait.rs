//! `preadv2` with `RWF_NOWAIT` by hand: what a read costs that may not make a thread of an event
//! loop wait for a device, with the one descriptor and the many buffers that tasks have.

use std::fs::File;
use std::io::{self, IoSliceMut};

use rustix::io::{ReadWriteFlags, preadv2};

use crate::buffer::AlignedBuffer;
use crate::cell::Job;
use crate::lane::Lane;
use crate::report::Report;
use crate::stage::{self, Result};

/// Runs the job on this many threads, which share the file; each goes round its lanes.
pub fn run(job: &Job, threads: usize) -> Result<Report> {
    let file = job.open()?;
    stage::run(job, threads, job.cell.in_flight, |seat| {
        let with_buffer = |lane| (lane, AlignedBuffer::new(job.cell.block));
        let mut lanes: Vec<_> = seat.ready().into_iter().map(with_buffer).collect();
        let (mut ended, mut turn) = (Vec::new(), 0);
        while !lanes.is_empty() {
            turn %= lanes.len();
            let (lane, buffer) = &mut lanes[turn];
            if one(&file, lane, buffer)? {
                turn += 1;
            } else {
                ended.push(lanes.swap_remove(turn).0);
            }
        }
        Ok(ended)
    })
}

/// Does one read, if there is time for another.
fn one(file: &File, lane: &mut Lane, buffer: &mut AlignedBuffer) -> io::Result<bool> {
    let Some(offset) = lane.begin() else { return Ok(false) };
    let read = preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT);
    lane.finish(read.map_err(io::Error::from))?;
    Ok(true)
}
