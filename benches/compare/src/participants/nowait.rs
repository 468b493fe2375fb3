//! `preadv2` with `RWF_NOWAIT` by hand: what a read costs that may not make a thread of an event
//! loop wait for a device, with the one descriptor and the many buffers that tasks have.

use std::fs::File;
use std::io::{self, IoSliceMut};

use aiofile::AlignedBuffer;
use aiofile_bench::participants::full_buffer;
use aiofile_bench::{Cell, Client, Job, Report, Result, Work, threads};
use rustix::io::{ReadWriteFlags, preadv2};

/// Whether it can do this cell.
pub fn takes(cell: &Cell) -> bool {
    let reads = matches!(cell.work, Work::RandomRead | Work::SequentialRead);
    reads && cell.is_speed() && !cell.is_direct()
}

/// Runs the job on this many threads, which share the file; each goes round its clients.
pub fn run(job: &Job, threads: usize) -> Result<Report> {
    let file = job.open()?;
    threads::run(job, threads, job.cell.in_flight, |thread| {
        let with_buffer = |client| (client, full_buffer(job.cell.block));
        let mut clients: Vec<_> = thread.ready().into_iter().map(with_buffer).collect();
        let (mut ended, mut turn) = (Vec::new(), 0);
        while !clients.is_empty() {
            turn %= clients.len();
            let (client, buffer) = &mut clients[turn];
            if one(&file, client, buffer)? {
                turn += 1;
            } else {
                ended.push(clients.swap_remove(turn).0);
            }
        }
        Ok(ended)
    })
}

/// Does one read, if there is time for another.
fn one(file: &File, client: &mut Client, buffer: &mut AlignedBuffer) -> io::Result<bool> {
    let Some(offset) = client.begin() else { return Ok(false) };
    let read = preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT);
    client.finish(read.map_err(io::Error::from))?;
    Ok(true)
}
