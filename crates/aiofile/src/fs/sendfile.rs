//! From one open file to another, without a way through the program's memory.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use caio::{Error, ErrorKind, delay};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, copy_file_range, fcntl_getfl, sendfile};
use rustix::io::Errno;

use super::Fs;
use super::hop::{own, shown};

/// What one system call is asked to move.
const PIECE: u64 = 1 << 20;

/// What a pipe takes at once without waiting, when it says that it takes anything.
const STREAM_PIECE: u64 = 4096;

/// What is moved where the system cannot do it by itself.
const COPY_BYTES: usize = 64 * 1024;

/// A hop ends after this time.
pub(super) const ROUND_TIME: Duration = Duration::from_millis(20);

/// The pauses while the other side takes nothing.
const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// Sends `count` bytes of `from` at `offset` to another file, a pipe or a socket, and goes on until
/// all are sent or `from` has ended. Returns how many were sent. `from` is a file or a block
/// device, and its cursor stays where it is; they go to the cursor of `to`.
///
/// Done with copy_file_range(2) between files, which shares blocks where the file system can, else
/// with sendfile(2), else by reading and writing.
///
/// # Costs
/// A hop for what moves in 20 ms. While a pipe or a socket is full, no thread waits: it is
/// tried again after 1 ms, 2 ms and so on up to 20 ms.
///
/// # Errors
/// What the system answers, with the offset in `from`. What was sent before is sent.
///
/// # Cancel safety
/// After a future is dropped, some of the bytes are sent, and some may still be.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("sent");
/// use std::fs::File;
///
/// let version = std::fs::read("/proc/self/exe")?;
/// let (program, copy) = (File::open("/proc/self/exe")?, File::create(&path)?);
/// let sent = aiofile::fs::send_file(&program, 1, &copy, u64::MAX).await?;
/// assert_eq!(sent, version.len() as u64 - 1);
/// assert!(std::fs::read(&path)? == version[1..]);
/// # Ok(()) }
/// ```
#[doc(alias = "sendfile")]
#[doc(alias = "copy_file_range")]
pub async fn send_file(
    from: &(impl AsFd + Sync),
    offset: u64,
    to: &(impl AsFd + Sync),
    count: u64,
) -> io::Result<u64> {
    Fs::current().await?.send_file(from, offset, to, count).await
}

impl Fs {
    /// As [`fs::send_file`](send_file()).
    pub async fn send_file(
        &self,
        from: &(impl AsFd + Sync),
        offset: u64,
        to: &(impl AsFd + Sync),
        count: u64,
    ) -> io::Result<u64> {
        const NAME: &str = "send_file";
        let names = (shown(from.as_fd()), shown(to.as_fd()));
        let describe = |error, sent| describe(error, NAME, &names, offset, sent);
        let (from, to, count) =
            ends(from, to, offset, count).map_err(|error| describe(error, 0))?;
        let begin = move || Ok(Arc::new(Ends::new(from, to)?));
        let ends = self.context().run(NAME, begin).await.map_err(|error| describe(error, 0))?;
        let (mut sent, mut pause) = (0, PAUSE_MIN);
        while sent < count {
            let (ends, at, left) = (Arc::clone(&ends), offset + sent, count - sent);
            let round = move || Ok(ends.round(at, left)?);
            let (moved, stop) =
                self.context().run(NAME, round).await.map_err(|e| describe(e, sent))?;
            sent += moved;
            match stop {
                Stop::Time => {}
                Stop::End => break,
                Stop::Full => {
                    pause = if moved > 0 { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
                    delay(pause).await.map_err(|error| describe(Error::system(error), sent))?;
                }
            }
        }
        Ok(sent)
    }
}

/// Descriptors of one's own for a transfer from one open file to another, at an offset of one of
/// them, and how many bytes there can be at most.
///
/// # Errors
/// For an offset that no file has, and where no descriptor is left.
pub(super) fn ends(
    from: &impl AsFd,
    to: &impl AsFd,
    offset: u64,
    count: u64,
) -> Result<(File, File, u64), Error> {
    let Some(far) = (i64::MAX as u64).checked_sub(offset) else {
        let message = "the offset is beyond the largest file offset, 2^63 - 1";
        return Err(Error::new(ErrorKind::InvalidInput, message));
    };
    let own = |file: BorrowedFd<'_>| own(&file).map(File::from).map_err(Error::system);
    Ok((own(from.as_fd())?, own(to.as_fd())?, count.min(far)))
}

/// What failed after so many bytes, between which two.
pub(super) fn describe(
    error: Error,
    name: &'static str,
    (from, to): &(PathBuf, PathBuf),
    offset: u64,
    moved: u64,
) -> Error {
    error.doing(name).on(from).to(to).at(offset.saturating_add(moved))
}

/// The two ends of a transfer.
struct Ends {
    from: File,
    to: File,
    both_are_files: bool,
    /// Whether a write to it waits where it takes nothing.
    to_waits: bool,
}

/// Why a round ended.
#[derive(Debug, Clone, Copy)]
enum Stop {
    Time,
    End,
    Full,
}

impl Ends {
    fn new(from: File, to: File) -> io::Result<Self> {
        let (source, target) = (from.metadata()?, to.metadata()?);
        let both_are_files = source.is_file() && target.is_file();
        let is_stream = !target.is_file() && !is_block_device(&target);
        let to_waits = is_stream && !fcntl_getfl(&to)?.contains(OFlags::NONBLOCK);
        Ok(Self { from, to, both_are_files, to_waits })
    }

    /// Moves bytes until the time is over, or the source, or the room in the target.
    fn round(&self, offset: u64, count: u64) -> io::Result<(u64, Stop)> {
        let begun = Instant::now();
        let mut sent = 0;
        while sent < count {
            if self.has_ended(offset + sent)? {
                return Ok((sent, Stop::End));
            }
            if self.to_waits && !self.has_room()? {
                return Ok((sent, Stop::Full));
            }
            let piece = if self.to_waits { STREAM_PIECE } else { PIECE };
            match self.send(offset + sent, piece.min(count - sent)) {
                Ok(0) => return Ok((sent, Stop::End)),
                Ok(moved) => sent += moved as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok((sent, Stop::Full));
                }
                // It comes again when what was sent is counted.
                Err(_) if sent > 0 => break,
                Err(error) => return Err(error),
            }
            if begun.elapsed() >= ROUND_TIME {
                break;
            }
        }
        Ok((sent, Stop::Time))
    }

    /// Whether the source is known to have no more: then it does not matter that a stream is full
    /// or closed. Files that have no length, as those of /proc, are read to find out.
    fn has_ended(&self, offset: u64) -> io::Result<bool> {
        if self.both_are_files {
            return Ok(false);
        }
        let source = self.from.metadata()?;
        Ok(source.is_file() && source.len() > 0 && offset >= source.len())
    }

    /// Whether a stream takes anything now. A side that is gone does, and the write tells.
    fn has_room(&self) -> io::Result<bool> {
        let mut room = [PollFd::new(&self.to, PollFlags::OUT)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        Ok(poll(&mut room, Some(&at_once))? > 0)
    }

    /// One piece, in the best way that these two can.
    fn send(&self, offset: u64, count: u64) -> io::Result<usize> {
        let length = usize::try_from(count).unwrap_or(usize::MAX);
        if self.both_are_files {
            let mut at = offset;
            // At what looks like the end, sendfile is asked, too: files of /proc have no length.
            if let Ok(moved @ 1..) =
                copy_file_range(&self.from, Some(&mut at), &self.to, None, length)
            {
                return Ok(moved);
            }
        }
        let mut at = offset;
        match sendfile(&self.to, &self.from, Some(&mut at), length) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::OVERFLOW) => {
                self.copy(offset, length)
            }
            other => Ok(other?),
        }
    }

    fn copy(&self, offset: u64, length: usize) -> io::Result<usize> {
        let mut bytes = vec![0; length.min(COPY_BYTES)];
        let read = self.from.read_at(&mut bytes, offset)?;
        if read == 0 {
            return Ok(0);
        }
        match (&self.to).write(&bytes[..read])? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            written => Ok(written),
        }
    }
}

fn is_block_device(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    metadata.file_type().is_block_device()
}
