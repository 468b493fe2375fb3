//! Moving a file or a directory: by renaming, and to another file system by copying.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use caio::{Error, ErrorKind, Result};
use rustix::fs::rename;
use rustix::io::Errno;

use super::super::Fs;
use super::answered;
use super::options::Replace;
use super::settings::Settings;
use super::{job, temporary_name, tree};

/// Gives a file or a directory another name, also on another file system: there it is copied with
/// all its attributes, and then removed here. Within a directory, names of one file stay names of
/// one file.
///
/// As rename(2), a file that has the name is replaced, and so is a directory that is empty. Between
/// file systems a file appears complete or not at all; a directory of that name has to be absent.
/// What cannot be kept there, such as an owner that only root could set, is lost. Where something
/// could not be copied, nothing is removed here; and nothing is before the copy is on the device,
/// so that a loss of power leaves the one or the other.
///
/// # Costs
/// One hop to rename; else those of [`copy`](super::copy) or
/// [`copy_dir`](super::copy_dir), a sync of each file and directory, and two hops more.
///
/// # Errors
/// What the system answers, with both paths; what [`copy_dir`](super::copy_dir) could not copy.
///
/// # Cancel safety
/// A future that is dropped leaves the source as it is or has moved all of it, but for a directory
/// whose removal has begun. A part of the copy of a directory may stay.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let directory = directory.path();
/// # std::fs::write(directory.join("draft"), "text")?;
/// use aiofile::fs;
///
/// fs::rename_or_copy(directory.join("draft"), directory.join("final")).await?;
/// assert_eq!(fs::read(directory.join("final")).await?, b"text");
/// # Ok(()) }
/// ```
#[doc(alias = "move")]
#[doc(alias = "mv")]
pub async fn rename_or_copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    Fs::current().await?.rename_or_copy(from, to).await
}

impl Fs {
    /// As [`fs::rename_or_copy`](rename_or_copy()).
    pub async fn rename_or_copy(
        &self,
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
    ) -> io::Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        let begin = |from: &Path, to: &Path| Ok(begin(from, to)?);
        match self.call_on_two("rename", (from, to), begin).await? {
            Left::Nothing => Ok(()),
            Left::File => {
                job::copy(self.context(), whole(Replace::ByRename), from, to).await?;
                self.remove_file(from).await
            }
            Left::Directory => {
                let copied = tree::copy(self.context(), whole(Replace::InPlace), from, to).await?;
                match copied.first_failure() {
                    Some(error) => Err(error.into()),
                    None => self.remove_dir_all(from).await,
                }
            }
        }
    }
}

/// What renaming has not done.
enum Left {
    Nothing,
    File,
    Directory,
}

fn begin(from: &Path, to: &Path) -> Result<Left> {
    let failed = |error: io::Error| answered(error, "rename", from).to(to);
    match rename(from, to) {
        Ok(()) => return Ok(Left::Nothing),
        Err(Errno::XDEV) => {}
        Err(answer) => return Err(failed(answer.into())),
    }
    let found = fs::symlink_metadata(from).map_err(failed)?;
    let there = fs::symlink_metadata(to).ok();
    if found.is_dir() {
        if there.is_some() {
            fs::remove_dir(to).map_err(failed)?;
        }
        return Ok(Left::Directory);
    }
    if there.as_ref().is_some_and(fs::Metadata::is_dir) {
        return Err(failed(Errno::ISDIR.into()));
    }
    if found.is_symlink() {
        return move_link(from, to).map_err(failed);
    }
    if !found.is_file() {
        let message = "only files, directories and links move between file systems";
        return Err(Error::new(ErrorKind::InvalidInput, message).doing("rename").on(from).to(to));
    }
    // What a link leads to is not what is replaced.
    if there.is_some_and(|there| !there.is_file()) {
        fs::remove_file(to).map_err(failed)?;
    }
    Ok(Left::File)
}

fn move_link(from: &Path, to: &Path) -> io::Result<Left> {
    let path = fs::read_link(from)?;
    let temporary: PathBuf = to.with_file_name(temporary_name());
    std::os::unix::fs::symlink(path, &temporary)?;
    if let Err(error) = fs::rename(&temporary, to) {
        // In vain where it is gone.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    fs::remove_file(from)?;
    Ok(Left::Nothing)
}

/// All that can be kept, durably: the source is removed when it is done.
fn whole(replace: Replace) -> Arc<Settings> {
    Arc::new(Settings {
        replace,
        durable: true,
        keep_times: true,
        keep_owner: true,
        keep_xattrs: true,
        keep_hard_links: true,
        ..Settings::default()
    })
}
