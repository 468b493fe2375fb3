//! One thread beside tokio that writes what tasks send it: the hand-over to a thread and back
//! without any layer, which is what tokio leaves of a pool. The thread is the file's one writer.

use std::fs::File;
use std::io::{self, Error};
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::oneshot;

use super::on_tokio::on_tokio;
use crate::buffer::AlignedBuffer;
use crate::cell::Job;
use crate::lane::Lane;
use crate::report::Report;
use crate::stage::Result;

/// Runs the job on tokio's multi-thread runtime with two workers, a task for each lane, and on one
/// thread that makes all the calls.
pub fn run(job: &Job) -> Result<Report> {
    on_tokio(job, async |job| {
        let (orders, inbox) = channel();
        let (file, block) = (job.open()?, job.cell.block);
        thread::spawn(move || serve(&inbox, &file));
        Ok(move |lane| lane_of_writes(lane, orders.clone(), block))
    })
}

/// A buffer, its offset, and where both go back to.
struct Order {
    buffer: AlignedBuffer,
    offset: u64,
    answer: oneshot::Sender<(io::Result<usize>, AlignedBuffer)>,
}

/// Ends when the last task has gone.
fn serve(inbox: &Receiver<Order>, file: &File) {
    for Order { buffer, offset, answer } in inbox {
        let result = file.write_at(&buffer, offset);
        // A task that is no longer there wants no answer.
        let _ = answer.send((result, buffer));
    }
}

async fn lane_of_writes(mut lane: Lane, orders: Sender<Order>, block: usize) -> io::Result<Lane> {
    let mut buffer = AlignedBuffer::new(block);
    while let Some(offset) = lane.begin() {
        let (answer, answered) = oneshot::channel();
        orders.send(Order { buffer, offset, answer }).map_err(Error::other)?;
        let result;
        (result, buffer) = answered.await.map_err(Error::other)?;
        lane.finish(result)?;
    }
    Ok(lane)
}
