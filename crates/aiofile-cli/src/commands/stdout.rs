//! Standard output of commands that print bytes, and may wait for long in between.

use std::future::pending;
use std::io::{self, Write};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::failure::Failure;

/// Writes all of these bytes.
///
/// # Errors
/// [`Failure::BrokenPipe`] or what the system answers.
pub(super) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::of_stdout(&error))
}

/// Waits until nobody reads what is written, which is for ever where it is no pipe. Whoever waits
/// for something to print would otherwise wait in vain.
pub(super) async fn reader_gone() -> Failure {
    // A regular file cannot be waited for, and has no reader who goes.
    let Ok(stdout) = AsyncFd::with_interest(io::stdout(), Interest::ERROR) else {
        return pending().await;
    };
    match stdout.ready(Interest::ERROR).await {
        Ok(_) => Failure::BrokenPipe,
        Err(_) => pending().await,
    }
}
