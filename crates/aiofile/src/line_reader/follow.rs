//! Lines of a file that grows, under whatever name it goes on.

mod follower;
mod wait;

use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use caio::Context;
use futures_core::Stream;

use super::LineReader;
use crate::AioFile;
use crate::boxed::BoxedFuture;
use follower::{Follower, Start};

/// The lines of a file that other processes go on writing, such as a log: those that are there, and
/// then each one when its end has been written. Made by
/// [`LineReader::follow`]; never ends by itself.
///
/// Between lines it waits for what the system tells of the file and its directory (inotify), and
/// costs nothing. Where the system tells nothing, such as on a file system of another machine, it
/// looks after 10 ms, and then after twice as long each time, up to a second.
///
/// # Rotation, truncation, removal
/// It follows the name. Once another file has it, the old one is read to its end and then the new
/// one from its start; what is written to the old one after that is not seen. A file that has
/// become shorter than what was read of it is read from its start; one that was emptied and has
/// grown beyond that again before anybody looked cannot be told from one that has grown. Where
/// there is no file of that name, the old one is followed until there is one. A last line without
/// its end is given before the next file, or the same from its start.
/// [`next_event`](Self::next_event) tells of all that.
///
/// # Cancel safety
/// Dropping the future of [`next`](Self::next) or [`next_event`](Self::next_event) loses nothing.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("log");
/// use aiofile::LineReader;
/// use std::io::Write;
///
/// let mut log = std::fs::File::create(&path)?;
/// log.write_all(b"first\nsec")?;
/// let mut lines = LineReader::follow(&path);
/// assert_eq!(lines.next().await.unwrap()?, b"first");
/// log.write_all(b"ond\n")?;
/// assert_eq!(lines.next().await.unwrap()?, b"second");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    /// Byte offset of the next line.
    position: u64,
    /// `None` while the work has it.
    follower: Option<Box<Follower>>,
    /// What was begun for the next event, whose future may have been dropped.
    work: Option<Work>,
}

type Work = BoxedFuture<(Box<Follower>, io::Result<FollowEvent>)>;

/// What happens to a file that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FollowEvent {
    /// A line, without its separator.
    Line(Vec<u8>),
    /// The file has become shorter than what was read of it, and is read from its start.
    Truncated,
    /// Another file has the name, and is read from its start.
    Rotated,
    /// No file has the name any more. The one that had it is still followed.
    Removed,
}

impl LineReader {
    /// The lines of a file that grows, from its start, for as long as it is asked for more. A line
    /// that has no end yet is not given, and the file may be rotated, truncated and removed: see
    /// [`Follow`]. Costs nothing yet.
    #[doc(alias = "tail")]
    pub fn follow(path: impl Into<PathBuf>) -> Follow {
        Follow::new(path.into())
    }
}

impl Follow {
    fn new(path: PathBuf) -> Self {
        let follower = Some(Box::new(Follower::new(path.clone())));
        Self { path, position: 0, follower, work: None }
    }

    /// Begins at the end: with the first line that begins after now. Takes effect before the first
    /// line is asked for, as all of these settings do.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// let mut lines = aiofile::LineReader::follow("/var/log/messages").from_end();
    /// while let Some(line) = lines.next().await {
    ///     println!("{}", String::from_utf8_lossy(&line?));
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn from_end(self) -> Self {
        self.set(|follower| follower.start = Start::End)
    }

    /// Begins at this byte offset, which is taken for the start of a line, such as the
    /// [`position`](Self::position) of an earlier run. Where the file is shorter, it has been
    /// truncated since.
    #[must_use]
    pub fn offset(mut self, offset: u64) -> Self {
        self.position = offset;
        self.set(|follower| follower.start = Start::Offset(offset))
    }

    /// Begins with this file, which was opened by the name before: another one may have it by now,
    /// and comes after it. It has to be readable; the context for what comes after it is still that
    /// of [`context`](Self::context).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?; let path = directory.path().join("log");
    /// use aiofile::{AioFile, LineReader};
    ///
    /// std::fs::write(&path, "one\ntwo\n")?;
    /// let log = AioFile::open(&path, "r").await?;
    /// std::fs::rename(&path, directory.path().join("log.1"))?;
    /// std::fs::write(&path, "three\n")?;
    /// let mut lines = LineReader::follow(&path).file(&log).offset(4);
    /// assert_eq!(lines.next().await.unwrap()?, b"two");
    /// assert_eq!(lines.next().await.unwrap()?, b"three");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn file(self, file: &AioFile) -> Self {
        self.set(|follower| follower.first = Some(file.clone()))
    }

    /// What ends a line: any bytes, `\n` unless said. Without any byte a file is one line, which
    /// ends with the file's rotation or truncation.
    #[must_use]
    pub fn separator(self, separator: impl AsRef<[u8]>) -> Self {
        self.set(|follower| follower.separator = separator.as_ref().to_vec())
    }

    /// Takes one `\r` off the end of a line, so that both `\n` and `\r\n` end lines.
    #[must_use]
    pub fn crlf(self, crlf: bool) -> Self {
        self.set(|follower| follower.crlf = crlf)
    }

    /// Refuses lines of more bytes, not counting the separator: 256 MiB unless said. What does not
    /// fit is an error, and passed over.
    #[must_use]
    pub fn max_line_bytes(self, bytes: usize) -> Self {
        self.set(|follower| follower.line_bytes_max = bytes)
    }

    /// The context to read with; the runtime's default context unless set.
    #[must_use]
    pub fn context(self, context: &Context) -> Self {
        self.set(|follower| follower.context = Some(context.clone()))
    }

    /// The name that is followed.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Byte offset of the next line in the file that has the name, or had it before the rotation
    /// that was told last.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next line without its separator, once it is whole. Never `None`: there may always be one
    /// more. What is told of the file between lines is passed over.
    ///
    /// # Errors
    /// Where the file is not there at the start, is no regular file, or has a line beyond
    /// [`max_line_bytes`](Self::max_line_bytes), which is passed over; else what the system
    /// answers. The next call tries again.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        Some(poll_fn(|cx| self.poll_line(cx)).await)
    }

    /// The next line, or what else has happened to the file.
    ///
    /// # Errors
    /// As for [`next`](Self::next).
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?; let path = directory.path().join("log");
    /// use aiofile::{FollowEvent, LineReader};
    ///
    /// std::fs::write(&path, "one\n")?;
    /// let mut lines = LineReader::follow(&path);
    /// assert_eq!(lines.next_event().await?, FollowEvent::Line(b"one".to_vec()));
    /// std::fs::write(directory.path().join("fresh"), "two\n")?;
    /// std::fs::rename(directory.path().join("fresh"), &path)?;
    /// assert_eq!(lines.next_event().await?, FollowEvent::Rotated);
    /// assert_eq!(lines.next_event().await?, FollowEvent::Line(b"two".to_vec()));
    /// # Ok(()) }
    /// ```
    pub async fn next_event(&mut self) -> io::Result<FollowEvent> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    fn set(mut self, set: impl FnOnce(&mut Follower)) -> Self {
        if let Some(follower) = &mut self.follower {
            set(follower);
        }
        self
    }

    fn poll_line(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<Vec<u8>>> {
        loop {
            if let FollowEvent::Line(line) = ready!(self.poll_event(cx))? {
                return Poll::Ready(Ok(line));
            }
        }
    }

    fn poll_event(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<FollowEvent>> {
        if let Some(follower) = &mut self.follower
            && let Some(line) = follower.line_in_memory()
        {
            self.position = follower.position();
            return Poll::Ready(Ok(FollowEvent::Line(line)));
        }
        if let Some(mut follower) = self.follower.take() {
            self.work = Some(BoxedFuture::new(async move {
                let event = follower.next_event().await;
                (follower, event)
            }));
        }
        let Some(work) = &mut self.work else { unreachable!("the follower is here or at work") };
        let (follower, event) = ready!(work.poll(cx));
        self.work = None;
        self.position = follower.position();
        self.follower = Some(follower);
        Poll::Ready(event)
    }
}

impl Stream for Follow {
    type Item = io::Result<Vec<u8>>;

    /// As [`next`](Follow::next). An error does not end the stream.
    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_line(cx).map(Some)
    }
}
