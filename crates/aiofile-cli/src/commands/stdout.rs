//! Standard output of commands that print bytes, and may wait for long in between.

use std::future::pending;
use std::io::{self, Write};
use std::os::fd::AsFd;

use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

use crate::failure::Failure;
use crate::streams;

/// Writes all of these bytes.
///
/// # Errors
/// [`Failure::BrokenPipe`] or what the system answers.
pub(super) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = streams::check(&stdout)
        .and_then(|()| stdout.write_all(bytes))
        .and_then(|()| stdout.flush());
    written.map_err(|error| Failure::of_stdout(&error))
}

/// Waits until nobody reads what is written, which is for ever where it is no pipe. Whoever waits
/// for something to print would otherwise wait in vain.
pub(super) async fn reader_gone() -> Failure {
    let Ok(descriptor) = io::stdout().as_fd().try_clone_to_owned() else { return pending().await };
    // A regular file cannot be waited for, and has no reader who goes. What can be is left as it
    // is: others may share it, so it must not become non-blocking.
    let Ok(stdout) = Sender::from_owned_fd_unchecked(descriptor) else { return pending().await };
    match stdout.ready(Interest::ERROR).await {
        Ok(_) => Failure::BrokenPipe,
        Err(_) => pending().await,
    }
}
