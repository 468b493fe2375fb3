//! System calls that may wait and that the engine has no operation for, off the executor.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

/// Runs `work` on a thread where it may block; on this one, where there is no other to be had.
pub(crate) async fn blocking<T, F>(work: F) -> T
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let take = |work: &Mutex<Option<F>>| {
        let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
        work.expect("it runs once")
    };
    let work = Arc::new(Mutex::new(Some(work)));
    let (done, result) = oneshot::channel();
    let run = {
        let work = Arc::clone(&work);
        move || _ = done.send(take(&work)())
    };
    let Ok(thread) = thread::Builder::new().name("blocking".to_owned()).spawn(run) else {
        return take(&work)();
    };
    match (result.await, thread) {
        (Ok(value), _) => value,
        (Err(_), thread) => match thread.join() {
            Ok(()) => unreachable!("it ends with a value or a panic"),
            Err(panic) => resume_unwind(panic),
        },
    }
}
