//! Plain system calls in a loop: what the kernel gives to a program that waits in each call.

use std::fs;
use std::os::unix::fs::FileExt;

use super::blocking_lines;
use crate::buffer::AlignedBuffer;
use crate::cell::{Job, RANGES, Work};
use crate::lane::Lane;
use crate::report::Report;
use crate::stage::{self, Result, Seat};

/// Runs the job on this many threads, each with a lane of its own.
pub fn run(job: &Job, threads: usize) -> Result<Report> {
    stage::run(job, threads, threads, |seat| match job.cell.work {
        Work::SmallFiles => whole_files(seat),
        Work::LineBytes | Work::LineStrings => blocking_lines::run(seat),
        Work::ManyRanges => ranges(seat),
        _ => positional(seat),
    })
}

fn positional(seat: &Seat<'_>) -> Result<Vec<Lane>> {
    let file = seat.job.open()?;
    let mut buffer = AlignedBuffer::new(seat.job.cell.block);
    let mut lanes = seat.ready();
    for lane in &mut lanes {
        match seat.job.cell.work {
            Work::RandomWrite => {
                while let Some(offset) = lane.begin() {
                    lane.finish(file.write_at(&buffer, offset))?;
                }
            }
            Work::DurableAppend => {
                while let Some(offset) = lane.begin() {
                    let written = file.write_at(&buffer, offset);
                    file.sync_data()?;
                    lane.finish(written)?;
                }
            }
            _ => {
                while let Some(offset) = lane.begin() {
                    lane.finish(file.read_at(&mut buffer, offset))?;
                }
            }
        }
    }
    Ok(lanes)
}

fn ranges(seat: &Seat<'_>) -> Result<Vec<Lane>> {
    let file = seat.job.open()?;
    let mut buffers = vec![vec![0; seat.job.cell.block]; RANGES];
    let mut places = Vec::new();
    let mut lanes = seat.ready();
    for lane in &mut lanes {
        while lane.begin_many(&mut places).is_some() {
            let mut moved = 0;
            for (buffer, offset) in buffers.iter_mut().zip(&places) {
                moved += file.read_at(buffer, *offset)?;
            }
            lane.finish_many(moved)?;
        }
    }
    Ok(lanes)
}

fn whole_files(seat: &Seat<'_>) -> Result<Vec<Lane>> {
    let paths = seat.job.small_paths();
    let mut lanes = seat.ready();
    for lane in &mut lanes {
        while let Some(index) = lane.begin() {
            lane.finish(fs::read(&paths[index as usize]).map(|content| content.len()))?;
        }
    }
    Ok(lanes)
}
