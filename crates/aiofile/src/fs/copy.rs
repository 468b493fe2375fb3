//! Copying files: by the kernel where it can, else by parallel reads and writes at offsets.

mod attributes;
mod begin;
mod blocks;
mod chunks;
mod extents;
mod in_kernel;
mod job;
mod meter;
mod moving;
mod options;
mod outcome;
mod place;
mod plain;
mod sequential;
mod settings;
mod settle;
mod special;
mod spot;
mod tree;
mod verify;
mod within;

use std::io;
use std::path::Path;

use caio::{Error, ErrorKind, Result};

use super::Fs;
use super::scratch::{Scratch, temporary_name};
pub use moving::rename_or_copy;
pub use options::{CopyOptions, Reflink, Replace};
pub use outcome::{Copied, CopyMethod, CopyPhase, CopyProgress};
use settings::Settings;
pub use tree::{CopiedDir, CopyDirProgress};

/// What every device and file system in common use accepts for `O_DIRECT`, in bytes.
const DIRECT_BYTES: u64 = 4096;

/// Copies the contents and the permission bits of one file to another, and returns how many bytes
/// the copy has.
///
/// As `std::fs::copy`: a file that is there is overwritten in place, keeps its links and its owner,
/// and gets the permission bits of the source; a link is followed; the source has to be a regular
/// file. Beyond it, a file is not copied onto itself, a new file that was not completed is removed,
/// bits that would lend another owner's rights are left out, and entries of an access control list
/// never get more rights than the source gave. Blocks are shared where the file system can (Btrfs,
/// XFS), and holes stay holes. For everything else there is [`CopyOptions`].
///
/// # Costs
/// One hop where the file system shares blocks or the kernel copies by itself, and for small files;
/// else one for each block and two more.
///
/// # Errors
/// [`InvalidInput`](io::ErrorKind::InvalidInput) where the source is no regular file or is the
/// target; else what the system answers, with the path that it was about. A file that was
/// overwritten is incomplete then.
///
/// # Cancel safety
/// A future that is dropped ends the copy at its next block. A new file is removed, one that was
/// being overwritten stays incomplete.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let directory = directory.path();
/// use aiofile::fs;
///
/// let copy = directory.join("hosts");
/// let bytes = fs::copy("/etc/hosts", &copy).await?;
/// assert_eq!(bytes, std::fs::metadata(&copy)?.len());
/// # Ok(()) }
/// ```
#[doc(alias = "copyfile")]
#[doc(alias = "shutil")]
pub async fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    Fs::current().await?.copy(from, to).await
}

/// Copies a directory with all that is in it, and returns how many bytes its files have.
///
/// As [`CopyOptions::copy_dir`] without any option, but for what cannot be copied: that is an error
/// here, after all the rest has been copied.
///
/// # Costs
/// One hop for each directory and, where it has more than 32 files, for every 128 of them; up to 18
/// descriptors for directories, however deep the tree is, and those of the steps that run at once.
///
/// # Errors
/// Where it cannot begin: `from` is no directory, `to` lies in it, or cannot be made; else the
/// first entry that could not be copied, with the number of the others.
///
/// # Cancel safety
/// A future that is dropped ends the copy at its next file. What is complete stays.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let directory = directory.path();
/// # std::fs::create_dir_all(directory.join("project/src"))?;
/// # std::fs::write(directory.join("project/src/main.rs"), "fn main() {}")?;
/// use aiofile::fs;
///
/// fs::copy_dir(directory.join("project"), directory.join("copy")).await?;
/// assert_eq!(fs::read(directory.join("copy/src/main.rs")).await?, b"fn main() {}");
/// # Ok(()) }
/// ```
#[doc(alias = "copytree")]
pub async fn copy_dir(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    Fs::current().await?.copy_dir(from, to).await
}

impl Fs {
    /// As [`fs::copy`](copy()).
    pub async fn copy(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
        let settings = Settings { regular_only: true, ..Settings::default() };
        let (from, to) = (from.as_ref(), to.as_ref());
        let mut copied = job::copy(self.context(), settings.into(), from, to).await?;
        match copied.take_unkept() {
            Some(error) => Err(error),
            None => Ok(copied.len()),
        }
    }

    /// As [`fs::copy_dir`](copy_dir()).
    pub async fn copy_dir(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
        let settings = Settings::default().into();
        let copied = tree::copy(self.context(), settings, from.as_ref(), to.as_ref()).await?;
        match copied.first_failure() {
            Some(error) => Err(error.into()),
            None => Ok(copied.bytes()),
        }
    }
}

/// What the system answered to a call that was about a path.
fn answered(answer: impl Into<io::Error>, doing: &'static str, path: &Path) -> Error {
    Error::system(answer.into()).doing(doing).on(path)
}

/// A demand that cannot be met, about a path.
fn refused(message: impl Into<std::borrow::Cow<'static, str>>, path: &Path) -> Error {
    Error::new(ErrorKind::InvalidInput, message).doing("copy").on(path)
}

/// The source is shorter than when its copy began.
fn shrunk(source: &Path, size: u64, end: u64) -> Error {
    let message = format!("it ended there while it was copied, after {size} bytes before");
    Error::new(ErrorKind::UnexpectedEof, message).doing("read").on(source).at(end)
}

/// There is not as much memory.
fn no_memory(bytes: u64) -> Error {
    let source = io::Error::from(io::ErrorKind::OutOfMemory);
    Error::system(source).doing("copy").hint(format!("it needs {bytes} bytes for each block"))
}

/// The memory for one block.
fn block(bytes: u64) -> Result<caio::Buffer> {
    let room = usize::try_from(bytes).ok();
    let buffer = room.and_then(|room| caio::AlignedBuffer::try_new(room, caio::DEFAULT_ALIGNMENT));
    buffer.map(caio::Buffer::from).ok_or_else(|| no_memory(bytes))
}
