//! One thread beside tokio that writes what tasks send it: the hand-over to a thread and back
//! without any layer, which is what tokio leaves of a pool. The thread is the file's one writer.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use aiofile::AlignedBuffer;
use aiofile_bench::participants::full_buffer;
use aiofile_bench::participants::on_tokio::on_tokio;
use aiofile_bench::transfers::{Transfer, transfers};
use aiofile_bench::{Job, Report, Result};
use tokio::sync::oneshot;

/// Runs the job on tokio's multi-thread runtime, a task for each client, and on one thread that
/// makes all the calls.
pub fn run(job: &Job) -> Result<Report> {
    on_tokio(job, async |job| {
        let (orders, inbox) = channel();
        let (file, cell) = (job.open()?, job.cell.clone());
        thread::spawn(move || serve(&inbox, &file));
        Ok(move |client| {
            let (orders, cell) = (Orders(orders.clone()), cell.clone());
            async move { transfers(client, &orders, &cell).await }
        })
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

/// The way to that thread.
struct Orders(Sender<Order>);

impl Transfer for Orders {
    type Buffer = AlignedBuffer;

    fn buffer(&self, block: usize) -> AlignedBuffer {
        full_buffer(block)
    }

    async fn read(&self, buffer: AlignedBuffer, _: u64) -> (io::Result<usize>, AlignedBuffer) {
        (Err(io::ErrorKind::Unsupported.into()), buffer)
    }

    async fn write(
        &self,
        buffer: AlignedBuffer,
        offset: u64,
    ) -> (io::Result<usize>, AlignedBuffer) {
        let (answer, answered) = oneshot::channel();
        // Where the thread has gone, so has the other end of the answer.
        let _ = self.0.send(Order { buffer, offset, answer });
        answered.await.unwrap_or_else(|gone| (Err(io::Error::other(gone)), full_buffer(0)))
    }
}
