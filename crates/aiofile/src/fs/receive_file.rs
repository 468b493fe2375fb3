//! From a pipe or a socket into an open file, without a way through the program's memory.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use caio::{Buffer, Error, ErrorKind, SharedFile};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{Errno, retry_on_intr};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

use super::Fs;
use super::hop::shown;
use super::sendfile::{ROUND_TIME, describe, ends};

/// What the engine reads when it has waited for something; the rest does not come into memory.
const READ_BYTES: usize = 64 * 1024;

/// What the pipe between the two is asked to hold.
const PIPE_BYTES: usize = 1 << 20;

/// Receives `count` bytes from a pipe or a socket and writes them to a file at `offset`, and goes
/// on until all have come or `from` has ended. Returns how many came. `to` is a file or a block
/// device, and its cursor stays where it is; one that was opened to append gets them at its end.
///
/// The engine waits for the first bytes and reads them; what there is by then and comes meanwhile
/// goes through a pipe in the kernel by splice(2), at half the work for the processor from a TCP
/// socket, and little less than reading and writing it from others. Where the system cannot do that
/// with these two, all is read and written.
///
/// # Costs
/// Each time that there is something: a read of the engine's, and a hop for what comes in 20 ms. No
/// thread waits for the other side. Two descriptors, and up to a MiB in a pipe.
///
/// # Errors
/// What the system answers, with the offset in `to`: all before it was written. What came and
/// could not be written is lost, as with any stream. `InvalidInput` for a source that has offsets,
/// which is for [`send_file`](super::send_file()).
///
/// # Cancel safety
/// After a future is dropped, some of the bytes are written, and some may still be. What `from`
/// gave for it in that moment is lost, unless it is written.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("received");
/// use std::fs::File;
/// use std::io::Write;
///
/// let (from, mut sender) = std::os::unix::net::UnixStream::pair()?;
/// sender.write_all(b"some text")?;
/// drop(sender);
/// let received = aiofile::fs::receive_file(&from, &File::create(&path)?, 1, u64::MAX).await?;
/// assert_eq!((received, std::fs::read(&path)?), (9, b"\0some text".to_vec()));
/// # Ok(()) }
/// ```
#[doc(alias = "splice")]
#[doc(alias = "recvfile")]
pub async fn receive_file(
    from: &(impl AsFd + Sync),
    to: &(impl AsFd + Sync),
    offset: u64,
    count: u64,
) -> io::Result<u64> {
    Fs::current().await?.receive_file(from, to, offset, count).await
}

impl Fs {
    /// As [`fs::receive_file`](receive_file()).
    pub async fn receive_file(
        &self,
        from: &(impl AsFd + Sync),
        to: &(impl AsFd + Sync),
        offset: u64,
        count: u64,
    ) -> io::Result<u64> {
        const NAME: &str = "receive_file";
        let names = (shown(from.as_fd()), shown(to.as_fd()));
        let describe = |error, received| describe(error, NAME, &names, offset, received);
        let (from, to, count) =
            ends(from, to, offset, count).map_err(|error| describe(error, 0))?;
        let begin = move || Ends::new(from, to);
        let ends = self.context().run(NAME, begin).await.map_err(|error| describe(error, 0))?;
        let (ends, mut received) = (Arc::new(ends), 0);
        let mut buffer = Buffer::from(Vec::with_capacity(READ_BYTES));
        while received < count {
            let left = count - received;
            let room = usize::try_from(left).map_or(READ_BYTES, |left| left.min(READ_BYTES));
            let (read, filled) = self.context().read(&ends.from, buffer, 0..room, 0).await;
            if read.map_err(|error| describe(error, received))? == 0 {
                break;
            }
            let (ends, at) = (Arc::clone(&ends), offset + received);
            let round = move || {
                let moved = ends.round(filled.as_slice(), at, left);
                Ok((moved, filled))
            };
            let done = self.context().run(NAME, round).await;
            let (moved, same) = done.map_err(|error| describe(error, received))?;
            let (moved, failure) = moved;
            received += moved;
            if let Some(error) = failure {
                return Err(describe(Error::system(error), received).into());
            }
            buffer = same;
        }
        Ok(received)
    }
}

/// The two ends of a transfer, and what is between them.
struct Ends {
    from: SharedFile,
    to: File,
    /// Where bytes go in, and where they come out.
    pipe: (OwnedFd, OwnedFd),
    /// Whether the system may move bytes from one to the other by itself.
    splices: AtomicBool,
    /// Whether a read waits where there is nothing.
    from_waits: bool,
}

impl Ends {
    fn new(from: File, to: File) -> caio::Result<Self> {
        let from_waits = !fcntl_getfl(&from).map_err(io::Error::from)?.contains(OFlags::NONBLOCK);
        let from = SharedFile::from_std(from)?;
        if from.is_seekable() {
            let message = "the source is no stream, and would never end";
            let error = Error::new(ErrorKind::InvalidInput, message);
            return Err(error.hint("use send_file for a file"));
        }
        let (out, into) = pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from)?;
        // A user may have so much in pipes and no more: then it is a smaller one.
        let _ = fcntl_setpipe_size(&into, PIPE_BYTES);
        Ok(Self { from, to, pipe: (into, out), splices: AtomicBool::new(true), from_waits })
    }

    /// Writes what has come, and moves what there is behind it until there is nothing more or the
    /// time is over. How many of all these bytes were written, and why it was not all.
    fn round(&self, first: &[u8], offset: u64, count: u64) -> (u64, Option<io::Error>) {
        if let Err(error) = self.to.write_all_at(first, offset) {
            return (0, Some(error));
        }
        let (begun, mut moved) = (Instant::now(), first.len() as u64);
        while moved < count && self.splices.load(Ordering::Relaxed) {
            match self.take(count - moved) {
                Ok(0) => break,
                Ok(taken) => {
                    let (written, failure) = self.put(offset + moved, taken);
                    moved += written;
                    if failure.is_some() {
                        return (moved, failure);
                    }
                }
                Err(error) => return (moved, Some(error)),
            }
            if begun.elapsed() >= ROUND_TIME {
                break;
            }
        }
        (moved, None)
    }

    /// Has the pipe take what there is; 0 where there is nothing, or no more.
    fn take(&self, count: u64) -> io::Result<usize> {
        if self.from_waits && !self.has_bytes()? {
            return Ok(0);
        }
        let length = usize::try_from(count).map_or(PIPE_BYTES, |count| count.min(PIPE_BYTES));
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        let into = &self.pipe.0;
        match retry_on_intr(|| splice(&self.from, None, into, None, length, flags)) {
            Ok(taken) => Ok(taken),
            Err(Errno::AGAIN) => Ok(0),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                self.splices.store(false, Ordering::Relaxed);
                Ok(0)
            }
            Err(answer) => Err(answer.into()),
        }
    }

    /// Whether a read would find anything now, if only that the other side is gone.
    fn has_bytes(&self) -> io::Result<bool> {
        let mut ready = [PollFd::new(&self.from, PollFlags::IN)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        Ok(retry_on_intr(|| poll(&mut ready, Some(&at_once)))? > 0)
    }

    /// Empties the pipe into the file. How much of it was written, and why it was not all.
    fn put(&self, offset: u64, taken: usize) -> (u64, Option<io::Error>) {
        let (mut at, end) = (offset, offset + taken as u64);
        while at < end && self.splices.load(Ordering::Relaxed) {
            let left = (end - at) as usize;
            let mut next = at;
            let (out, to) = (&self.pipe.1, &self.to);
            let put = || splice(out, None, to, Some(&mut next), left, SpliceFlags::MOVE);
            match retry_on_intr(put) {
                Ok(0) => return (at - offset, Some(io::ErrorKind::WriteZero.into())),
                Ok(written) => at += written as u64,
                // A file that is appended to, or a file system that cannot.
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                    self.splices.store(false, Ordering::Relaxed);
                }
                Err(answer) => return (at - offset, Some(answer.into())),
            }
        }
        let mut bytes = vec![0; (end - at).min(READ_BYTES as u64) as usize];
        while at < end {
            let length = bytes.len().min((end - at) as usize);
            let read = retry_on_intr(|| rustix::io::read(&self.pipe.1, &mut bytes[..length]));
            let copied = read.map_err(io::Error::from).and_then(|read| {
                self.to.write_all_at(&bytes[..read], at)?;
                Ok(read as u64)
            });
            match copied {
                Ok(copied) => at += copied,
                Err(error) => return (at - offset, Some(error)),
            }
        }
        (at - offset, None)
    }
}
