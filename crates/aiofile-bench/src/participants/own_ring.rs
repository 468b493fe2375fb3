//! What the runtimes with a ring for each thread have in common: tasks on the thread that made
//! them, and what goes on beside these.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::Result;
use crate::beside::Probe;
use crate::cell::Work;
use crate::job::{Job, Report};
use crate::threads::{self, Ended, Thread};
use crate::transfers::{Transfer, transfers, whole_files};

/// A runtime whose tasks stay on their thread.
#[allow(async_fn_in_trait, reason = "its futures stay on their thread")]
pub trait OwnRing: 'static {
    /// An open file of it.
    type File: Transfer + 'static;
    /// A socket of it.
    type Socket: 'static;

    /// Makes a runtime and runs this on it.
    ///
    /// # Errors
    /// Where it does not work here.
    fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T>;

    /// Starts a task; the future that is returned waits for it.
    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = Result<T>> + 'static;

    /// Opens the cell's file.
    async fn open(job: &Job) -> io::Result<Self::File>;

    /// Reads a file whole and returns how long it is.
    async fn read_file(path: &Path) -> io::Result<usize> {
        let _ = path;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Waits.
    fn sleep(time: Duration) -> impl Future;

    /// A pair of connected sockets.
    ///
    /// # Errors
    /// Where it cannot be had.
    fn sockets() -> io::Result<(Self::Socket, Self::Socket)>;

    /// Sends a byte.
    async fn send(socket: &mut Self::Socket) -> io::Result<()>;

    /// Waits for a byte and returns how many came: none at the end.
    async fn receive(socket: &mut Self::Socket) -> io::Result<usize>;
}

/// Runs the job on so many runtimes, a task for each client.
///
/// # Errors
/// Where the runtime does not work here, or an operation failed.
pub fn run<R: OwnRing>(job: &Job, threads: usize) -> Result<Report> {
    threads::run(job, threads, job.cell.in_flight, |thread| R::block_on(tasks::<R>(thread)))
}

async fn tasks<R: OwnRing>(thread: &Thread<'_>) -> Result<Ended> {
    let cell = Rc::new(thread.job.cell.clone());
    let source = Rc::new(match cell.work {
        Work::WholeFiles => Source::Paths(thread.job.small_paths()),
        _ => Source::File(R::open(thread.job).await?),
    });
    let task_of = |client| {
        let (source, cell) = (Rc::clone(&source), Rc::clone(&cell));
        R::spawn(async move {
            match &*source {
                Source::Paths(paths) => whole_files(client, paths, R::read_file).await,
                Source::File(file) => transfers(client, file, &cell).await,
            }
        })
    };
    let tasks: Vec<_> = thread.ready().into_iter().map(task_of).collect();
    let probe = match thread.probe() {
        Some(probe) => Some(R::spawn(beside::<R>(probe)).await??),
        None => None,
    };
    let mut clients = Vec::new();
    for task in tasks {
        clients.push(task.await??);
    }
    Ok(Ended::new(clients, probe))
}

enum Source<F> {
    File(F),
    Paths(Vec<PathBuf>),
}

async fn beside<R: OwnRing>(probe: Probe) -> io::Result<Probe> {
    let (mut near, mut far) = R::sockets()?;
    let given_back = R::spawn(async move {
        while R::receive(&mut far).await? > 0 {
            R::send(&mut far).await?;
        }
        io::Result::Ok(())
    });
    let trip = async || {
        R::send(&mut near).await?;
        R::receive(&mut near).await.map(|_| ())
    };
    let probe = probe.run(R::sleep, trip).await?;
    drop(near);
    given_back.await.map_err(io::Error::other)??;
    Ok(probe)
}
