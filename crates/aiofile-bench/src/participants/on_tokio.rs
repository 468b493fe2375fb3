//! What the participants on tokio have in common: the runtime, a task for each client, and what
//! goes on beside them.

use std::future::Future;
use std::io;
use std::os::unix::net::UnixStream as StdStream;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

use crate::Result;
use crate::beside::Probe;
use crate::client::Client;
use crate::job::{Job, Report};
use crate::threads::{self, Ended};

/// Runs a job whose clients are tasks: `prepare` opens what they share and gives the maker of the
/// tasks. They run on the multi-thread runtime.
///
/// # Errors
/// Those of the tasks, and where the runtime cannot be made.
pub fn on_tokio<P, S, F>(job: &Job, prepare: P) -> Result<Report>
where
    P: AsyncFn(&Job) -> Result<S> + Sync,
    S: FnMut(Client) -> F,
    F: Future<Output = io::Result<Client>> + Send + 'static,
{
    on(several_threads, job, prepare)
}

/// The same on a runtime that is made so.
///
/// # Errors
/// The same.
pub fn on<P, S, F>(
    runtime: fn(&Job) -> io::Result<Runtime>,
    job: &Job,
    prepare: P,
) -> Result<Report>
where
    P: AsyncFn(&Job) -> Result<S> + Sync,
    S: FnMut(Client) -> F,
    F: Future<Output = io::Result<Client>> + Send + 'static,
{
    threads::run(job, 1, job.cell.in_flight, |thread| {
        runtime(job)?.block_on(async {
            let task_of = prepare(thread.job).await?;
            let tasks: Vec<_> = thread.ready().into_iter().map(task_of).map(tokio::spawn).collect();
            let probe = thread.probe().map(|probe| tokio::spawn(beside(probe)));
            let mut ended = Vec::new();
            for task in tasks {
                ended.push(task.await??);
            }
            let probe = match probe {
                Some(task) => Some(task.await??),
                None => None,
            };
            Ok(Ended::new(ended, probe))
        })
    })
}

/// With as many workers as the job says.
///
/// # Errors
/// Where the system refuses the threads.
pub fn several_threads(job: &Job) -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(job.workers).enable_all().build()
}

/// All tasks on the thread that waits for them, as the runtimes with a ring for each thread do it.
///
/// # Errors
/// Where the system refuses what the runtime needs.
pub fn one_thread(_: &Job) -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

async fn beside(probe: Probe) -> io::Result<Probe> {
    let (near, far) = StdStream::pair()?;
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    let (mut near, far) = (UnixStream::from_std(near)?, UnixStream::from_std(far)?);
    tokio::spawn(give_back(far));
    let trip = async move || {
        near.write_all(&[1]).await?;
        near.read_exact(&mut [0]).await.map(|_| ())
    };
    probe.run(sleep, trip).await
}

async fn give_back(mut far: UnixStream) -> io::Result<()> {
    let mut byte = [0];
    while far.read(&mut byte).await? > 0 {
        far.write_all(&byte).await?;
    }
    Ok(())
}
