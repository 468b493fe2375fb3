//! Standard output and standard error.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use tokio::io::AsyncWrite;

use super::standard::{Standard, Stream};

/// The standard output of the process. Made by [`stdout`].
///
/// Nothing is buffered: when a write is ready, the system has its bytes. So what `println!` prints
/// and what is written here come in the order in which they are done; what `print!` prints without
/// the end of a line lies in std's buffer until it is flushed.
///
/// # Cancel safety
/// A write that was begun goes on as long as this lives. Offering the same bytes again waits for
/// it, and the next operation reports its error.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use tokio::io::AsyncWriteExt;
///
/// let mut output = aiofile::stdout();
/// output.write_all(b"done\n").await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Stdout {
    file: Standard,
    std: io::Stdout,
}

/// The standard error of the process. Made by [`stderr`]. As [`Stdout`] in everything else.
#[derive(Debug)]
pub struct Stderr {
    file: Standard,
    std: io::Stderr,
}

/// The standard output of the process. It is looked at when it is first written to: where the
/// process has closed it, that is the error of the write (EBADF). Where nobody reads a pipe any
/// more, a write fails with [`BrokenPipe`](io::ErrorKind::BrokenPipe).
#[must_use]
pub fn stdout() -> Stdout {
    let duplicate = || io::stdout().as_fd().try_clone_to_owned();
    let stream = Stream { name: "standard output", mode: "w", duplicate };
    Stdout { file: Standard::new(stream), std: io::stdout() }
}

/// The standard error of the process, as [`stdout`] is its output.
#[must_use]
pub fn stderr() -> Stderr {
    let duplicate = || io::stderr().as_fd().try_clone_to_owned();
    let stream = Stream { name: "standard error", mode: "w", duplicate };
    Stderr { file: Standard::new(stream), std: io::stderr() }
}

macro_rules! output {
    ($output:ident) => {
        /// Writes through: a poll is ready when the system has accepted the bytes, at most 1 MiB of
        /// them. Shutting down flushes, and closes nothing.
        impl AsyncWrite for $output {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut TaskContext<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                let file = ready!(self.get_mut().file.poll(cx))?;
                Pin::new(file).poll_write(cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut TaskContext<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                let file = ready!(self.get_mut().file.poll(cx))?;
                Pin::new(file).poll_write_vectored(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
                match self.get_mut().file.get() {
                    Some(file) => Pin::new(file).poll_flush(cx),
                    None => Poll::Ready(Ok(())),
                }
            }

            fn poll_shutdown(
                self: Pin<&mut Self>,
                cx: &mut TaskContext<'_>,
            ) -> Poll<io::Result<()>> {
                self.poll_flush(cx)
            }
        }

        impl AsFd for $output {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.std.as_fd()
            }
        }

        impl AsRawFd for $output {
            fn as_raw_fd(&self) -> RawFd {
                self.std.as_raw_fd()
            }
        }
    };
}

output!(Stdout);
output!(Stderr);
