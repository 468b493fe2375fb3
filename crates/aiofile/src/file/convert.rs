//! From std and back, from and to the file without a cursor, and another descriptor.

use std::fs;
use std::future::poll_fn;
use std::io::{self, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use caio::{Result, closed_descriptor};

use super::File;
use super::pending_write::Half;
use super::position::position;
use crate::aio_file::AioFile;
use crate::mode::Mode;

impl File {
    /// Takes over a file that std opened, in the default context. The cursor begins at its
    /// position, and keeps to it.
    ///
    /// Examines the descriptor on the calling thread. Where that fails, or the default context
    /// cannot be made, each operation returns that error.
    ///
    /// # Panics
    /// Where no context can be made at all, since there are no threads to be had.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::File;
    ///
    /// let mut file = File::from_std(std::fs::File::open("/proc/version")?);
    /// assert!(file.readline().await?.starts_with(b"Linux"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn from_std(std: fs::File) -> Self {
        AioFile::from_std_or_broken(std).into()
    }

    /// Another descriptor of the same file, by dup(2): **both have one cursor**, as in std and
    /// tokio. (A [`clone`](Clone::clone) has its own.) From then on both files follow the position
    /// of the descriptor, which costs two lseek(2) for each operation. One hop.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), or where there is no descriptor left.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, "one\ntwo\nthree\n")?;
    /// let mut file = aiofile::File::open(&path).await?; // one\n two\n three\n
    /// let mut other = file.try_clone().await?;
    /// assert_eq!(file.readline().await?, "one\n");
    /// assert_eq!(other.readline().await?, "two\n");
    /// assert_eq!(file.readline().await?, "three\n");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "dup")]
    pub async fn try_clone(&self) -> io::Result<Self> {
        self.change_ended().await;
        let file = self.file.duplicate().await?;
        let begin = self.share_position()?;
        let copy = Self::new(file, self.mode, begin);
        copy.shares_position.store(self.shares_position.load(Ordering::Acquire), Ordering::Release);
        let generation = Arc::clone(&self.generation);
        Ok(Self { generation, poll_bytes_max: self.poll_bytes_max, ..copy })
    }

    /// Gives the file back to std, after the write that is under way; its position is where the
    /// cursor is. The only file on the descriptor gives the descriptor itself; one of several
    /// clones gives a duplicate. What was read ahead of a pipe is lost, and so is the error of a
    /// write that was not told: flush before.
    ///
    /// # Panics
    /// Where the file is closed, or shares its descriptor with clones, and there is no descriptor
    /// left for the duplicate; [`try_into_std`](Self::try_into_std) does not. A closed file gives a
    /// descriptor through which nothing can be done (EBADF).
    ///
    /// # Cancel safety
    /// Dropping the future drops the file.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::File;
    /// use std::io::Write;
    ///
    /// let mut file = File::create(&path).await?;
    /// file.write_owned("first, ").await?;
    /// file.into_std().await.write_all(b"second")?;
    /// assert_eq!(std::fs::read(&path)?, b"first, second");
    /// # Ok(()) }
    /// ```
    pub async fn into_std(mut self) -> fs::File {
        poll_fn(|cx| self.poll_no_write(cx, Half::Write)).await;
        self.give_up_reading();
        self.leave_position();
        match self.file.into_std().await {
            Ok(file) => file,
            Err(_) => closed_descriptor()
                .try_clone_to_owned()
                .expect("there is a descriptor left for a duplicate")
                .into(),
        }
    }

    /// As [`into_std`](Self::into_std), at once: a duplicate of the descriptor, and this file is
    /// dropped. On the calling thread, two system calls.
    ///
    /// # Errors
    /// The file itself where a write is under way, bytes of a pipe were read ahead, the file is
    /// closed, or no descriptor is left.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use std::io::Read;
    ///
    /// let mut file = aiofile::File::open("/proc/version").await?;
    /// file.read_exact_bytes(6).await?;
    /// let mut rest = String::new();
    /// file.try_into_std().expect("nothing is under way").read_to_string(&mut rest)?;
    /// assert!(rest.starts_with("version"));
    /// # Ok(()) }
    /// ```
    #[allow(clippy::result_large_err, reason = "the signature is tokio's")]
    pub fn try_into_std(self) -> Result<fs::File, Self> {
        let is_busy = !self.is_idle() || !self.is_seekable() && !self.ahead().is_empty();
        if is_busy {
            return Err(self);
        }
        self.leave_position();
        match self.file.file().map(|file| file.file().try_clone()) {
            Ok(Ok(copy)) => Ok(copy),
            _ => Err(self),
        }
    }

    /// The file without its cursor, after the write that is under way.
    ///
    /// # Cancel safety
    /// Dropping the future drops the file.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// let mut file = aiofile::async_open(&path, "w+").await?;
    /// file.write_owned("by cursor").await?;
    /// let file = file.into_aio().await;
    /// assert_eq!(file.read_at(6, 3).await?, "cursor");
    /// # Ok(()) }
    /// ```
    pub async fn into_aio(mut self) -> AioFile {
        poll_fn(|cx| self.poll_no_write(cx, Half::Write)).await;
        self.file
    }

    /// Moves the descriptor's own position to the cursor, for whoever gets the descriptor.
    fn leave_position(&self) {
        if let Ok(file) = self.file.file()
            && file.is_seekable()
        {
            // What cannot be moved stays where it is, as some devices do.
            let _ = file.file().seek(SeekFrom::Start(self.tell()));
        }
    }
}

impl From<fs::File> for File {
    /// As [`from_std`](File::from_std).
    fn from(std: fs::File) -> Self {
        Self::from_std(std)
    }
}

impl From<OwnedFd> for File {
    /// As [`from_std`](File::from_std).
    fn from(descriptor: OwnedFd) -> Self {
        Self::from_std(descriptor.into())
    }
}

impl From<AioFile> for File {
    /// A cursor on this file, at its start; on a file that was opened elsewhere at the position of
    /// its descriptor.
    fn from(file: AioFile) -> Self {
        let mode = file.file().map_or(Mode::READ, Mode::of);
        let begin = position(&file).unwrap_or(0);
        Self::new(file, mode, begin)
    }
}
