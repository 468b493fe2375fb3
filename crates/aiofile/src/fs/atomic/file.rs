//! A file in the making, which takes its name when it is complete.

use std::future::poll_fn;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::pin::Pin;

use caio::SharedFile;
use tokio::io::AsyncWrite;

use super::Durability;
use super::by_operations::Scratch;
use super::replacement::{Replacement, Target};
use crate::fs::Fs;
use crate::runtime::drop_elsewhere;
use crate::{AioFile, File, Mode};

/// A file in the making, by [`AtomicWriteOptions::open`]: until [`commit`](Self::commit), whoever
/// opens the path finds the old contents, or no file.
///
/// It is a [`File`] with a cursor in everything else. Dropped without `commit`, it is removed,
/// within tokio by another thread, a moment later; on a backend with files of its own it stays
/// under its temporary name, as after a crash. What is replaced and what is kept of it is told
/// at [`write_atomic`].
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("report");
/// use aiofile::fs::AtomicWriteOptions;
/// use tokio::io::AsyncWriteExt;
///
/// let mut report = AtomicWriteOptions::new().open(&path).await?;
/// for line in 1..=3 {
///     AsyncWriteExt::write_all(&mut *report, format!("line {line}\n").as_bytes()).await?;
/// }
/// assert!(!path.exists());
/// report.commit().await?;
/// assert_eq!(std::fs::read_to_string(&path)?, "line 1\nline 2\nline 3\n");
/// # Ok(()) }
/// ```
///
/// [`AtomicWriteOptions::open`]: super::AtomicWriteOptions::open
/// [`write_atomic`]: super::write_atomic
pub struct AtomicFile {
    file: File,
    path: PathBuf,
    durability: Durability,
    /// `None` once it has its name.
    making: Option<Making>,
}

/// What has to be done yet.
enum Making {
    Replacement(Replacement),
    ByOperations(Scratch),
}

impl AtomicFile {
    pub(super) async fn begin(
        fs: &Fs,
        path: &Path,
        durability: Durability,
        mode: u32,
    ) -> io::Result<Self> {
        if fs.context().info().capability.own_files {
            let (file, scratch) = Scratch::create(fs.context(), path, mode).await?;
            let making = Making::ByOperations(scratch);
            return Ok(Self::new(fs, file, path, durability, making));
        }
        let begin = move |path: &Path| {
            let replacement = Replacement::create(Target::find(path, durability)?, mode)?;
            let file = SharedFile::new(replacement.file().try_clone()?, path)?;
            Ok((file, replacement))
        };
        let (file, replacement) = fs.call("write_atomic", path, begin).await?;
        Ok(Self::new(fs, file, path, durability, Making::Replacement(replacement)))
    }

    fn new(fs: &Fs, file: SharedFile, path: &Path, durability: Durability, making: Making) -> Self {
        let file = AioFile::new(fs.context().clone(), file, None);
        let (file, path) = (File::new(file, Mode::WRITE, 0), path.to_owned());
        Self { file, path, durability, making: Some(making) }
    }

    /// Gives the file its name, in place of what has that name. Waits for a write whose future was
    /// dropped. One hop; with the durability of the options, which waits for the device.
    ///
    /// # Errors
    /// As for [`write_atomic`](super::write_atomic), and that of an earlier write whose future was
    /// dropped. The file is then as it was, and nothing is left behind.
    ///
    /// # Cancel safety
    /// Where the future is dropped, the file is replaced or as it was.
    pub async fn commit(mut self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut self.file).poll_flush(cx)).await?;
        let (durability, fs) = (self.durability, Fs::new(self.file.file().context()));
        match self.making.take() {
            None => Ok(()),
            Some(Making::Replacement(replacement)) => {
                fs.call("write_atomic", &self.path, move |_| replacement.commit(durability)).await
            }
            Some(Making::ByOperations(scratch)) => {
                scratch.commit(self.file.file(), durability).await
            }
        }
    }

    /// Removes it, and leaves what has the name. One hop, after which nothing is left behind, as a
    /// drop does not promise.
    ///
    /// # Errors
    /// Where no thread can be had; the drop then removes it.
    ///
    /// # Cancel safety
    /// Where the future is dropped, it is removed all the same.
    pub async fn discard(mut self) -> io::Result<()> {
        let fs = Fs::new(self.file.file().context());
        match self.making.take() {
            None => Ok(()),
            Some(Making::Replacement(replacement)) => {
                let remove = move |_: &Path| {
                    drop(replacement);
                    Ok(())
                };
                fs.call("unlink", &self.path, remove).await
            }
            Some(Making::ByOperations(scratch)) => Ok(scratch.remove().await?),
        }
    }
}

impl Deref for AtomicFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl DerefMut for AtomicFile {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.file
    }
}

impl std::fmt::Debug for AtomicFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AtomicFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let Some(Making::Replacement(replacement)) = self.making.take() {
            drop_elsewhere(replacement);
        }
    }
}
