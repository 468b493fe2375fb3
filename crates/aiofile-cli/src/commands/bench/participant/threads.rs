//! Plain system calls: a thread for each operation in flight, each waiting in its call.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::{Result, advise, open};
use crate::commands::bench::cell::{Access, RANGES, Work};
use crate::commands::bench::job::{Job, Report};
use crate::commands::bench::lane::Lane;
use crate::commands::bench::meter::Meter;

/// Runs the job.
pub(super) fn run(job: &Job) -> Result<Report> {
    let file = match job.cell.work {
        Work::WholeFile => None,
        _ => Some(open(job)?),
    };
    if let Some(file) = &file {
        advise(job, file)?;
    }
    let mut meter = Meter::start(job);
    thread::scope(|scope| {
        let drive = |lane| scope.spawn(|| drive(job, lane, file.as_ref()));
        let threads: Vec<_> = meter.lanes().map(drive).collect();
        meter.wait()?;
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().map_err(|_| "a thread panicked")?
        };
        let lanes = threads.into_iter().map(join).collect::<Result<Vec<_>>>()?;
        let report = meter.finish(&lanes)?;
        Ok(Report { backend: "pread".to_owned(), ..report })
    })
}

fn drive(job: &Job, mut lane: Lane, file: Option<&File>) -> Result<Lane> {
    let block = job.cell.block;
    let Some(file) = file else {
        while let Some(index) = lane.begin() {
            lane.end(fs::read(job.small_file(index))?.len(), block)?;
        }
        return Ok(lane);
    };
    let mut buffer = super::noise(block);
    match job.cell.work {
        Work::RandomWrite | Work::SequentialWrite => {
            while let Some(offset) = lane.begin() {
                lane.end(file.write_at(&buffer, offset)?, block)?;
            }
        }
        Work::DurableAppend => {
            let mut file = file;
            while lane.begin().is_some() {
                let written = file.write(&buffer)?;
                file.sync_data()?;
                lane.end(written, block)?;
            }
        }
        Work::Lines => {
            while lane.begin().is_some() {
                lane.end(lines(job)?, job.sizes.log as usize)?;
            }
        }
        Work::Ranges => return ranges(job, lane, file),
        _ => {
            while let Some(offset) = lane.begin() {
                lane.end(file.read_at(&mut buffer, offset)?, block)?;
            }
        }
    }
    Ok(lane)
}

fn lines(job: &Job) -> Result<usize> {
    let mut reader = BufReader::with_capacity(job.cell.block, File::open(job.path())?);
    let (mut line, mut seen) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut line)? > 0 {
        seen += black_box(&line).len();
        line.clear();
    }
    Ok(seen)
}

/// Cached ranges are read one after the other, since a thread more costs more than it brings;
/// others by as many threads as there are ranges, which stay from one operation to the next.
fn ranges(job: &Job, mut lane: Lane, file: &File) -> Result<Lane> {
    let block = job.cell.block;
    if job.cell.access == Access::Cached {
        let mut buffers = vec![vec![0; block]; RANGES];
        while let Some(places) = lane.begin_ranges() {
            let mut moved = 0;
            for (offset, buffer) in places.into_iter().zip(&mut buffers) {
                moved += file.read_at(buffer, offset)?;
            }
            lane.end(moved, block * RANGES)?;
        }
        return Ok(lane);
    }
    thread::scope(|scope| {
        let (done, results) = sync_channel(RANGES);
        let errands: Vec<_> = (0..RANGES)
            .map(|_| {
                let (errand, errands) = sync_channel(1);
                let done = done.clone();
                scope.spawn(move || fetch(file, block, &errands, &done));
                errand
            })
            .collect();
        while let Some(places) = lane.begin_ranges() {
            for (errand, offset) in errands.iter().zip(places) {
                errand.send(offset)?;
            }
            let mut moved = 0;
            for _ in 0..RANGES {
                moved += results.recv()??;
            }
            lane.end(moved, block * RANGES)?;
        }
        Ok(lane)
    })
}

fn fetch(
    file: &File,
    block: usize,
    errands: &Receiver<u64>,
    done: &SyncSender<std::io::Result<usize>>,
) {
    let mut buffer = super::noise(block);
    while let Ok(offset) = errands.recv() {
        if done.send(file.read_at(&mut buffer, offset)).is_err() {
            return;
        }
    }
}
