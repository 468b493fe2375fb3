//! One run of a job: to its end or to the poll at which it is dropped, and the look at what it
//! left.

use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::task::Poll;
use std::time::Duration;

use aiofile::{Context, with_context};
use tokio::runtime::{Builder, Runtime};

use crate::in_use::eventually;
use crate::job::{Job, prepared};
use crate::settled::settled;

/// Longer than this no job takes: it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// What came of a run.
pub(crate) struct Ended {
    /// `None` where it was dropped.
    pub(crate) result: Option<io::Result<()>>,
    pub(crate) directory: PathBuf,
}

/// Runs the job in a directory of its own, at most to the given poll, and examines what it left.
///
/// # Errors
/// What does not hold.
pub(crate) fn run(
    job: &Job,
    context: &Context,
    runtime: &Runtime,
    polls: Option<usize>,
) -> Result<Ended, String> {
    let place = prepared();
    let directory = place.path().to_owned();
    let work = to_poll(polls, with_context(context, (job.run)(directory.clone())));
    let result = runtime
        .block_on(async { tokio::time::timeout(PATIENCE, work).await })
        .map_err(|_| format!("it hangs, with {:?} in flight", context.in_flight()))?;
    settled(context, PATIENCE)?;
    match result {
        Some(Ok(())) => job.examine(&directory, true)?,
        // What a drop tidies up may go a moment later, on another thread.
        _ => eventually(PATIENCE, || job.examine(&directory, false))?,
    }
    Ok(Ended { result, directory })
}

/// Drops the future when it was polled so often; `None` then.
async fn to_poll<F: Future>(polls: Option<usize>, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut polled = 0;
    poll_fn(|cx| {
        if polls.is_some_and(|polls| polled >= polls) {
            return Poll::Ready(None);
        }
        polled += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polls == Some(polled) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The error tells which file it was, as the user named it, and what the system answered.
pub(crate) fn is_told(error: &io::Error, directory: &Path, errno: i32) -> Result<(), String> {
    let text = error.to_string();
    let place = directory.to_string_lossy();
    if !text.contains(&*place) && !text.contains("/dev/fd/") {
        return Err(format!("the error names no file: {text}"));
    }
    let answer = io::Error::from_raw_os_error(errno).to_string();
    match text.contains(&answer) {
        true => Ok(()),
        false => Err(format!("the error does not tell {answer:?}: {text}")),
    }
}
