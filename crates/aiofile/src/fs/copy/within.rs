//! Two open directories in which both files of a copy are looked up, so that no path leads
//! elsewhere meanwhile.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use caio::Result;
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use super::job::{self, Job};
use super::options::{CopyOptions, Replace};
use super::outcome::Copied;
use super::settings::Settings;
use super::{answered, refused};
use crate::runtime::chosen_context;

impl CopyOptions {
    /// Copies one regular file between two open directories: only the last name of each path is
    /// looked up, in its directory, and what comes before is for messages. Neither name is followed
    /// where it is a symbolic link. So whoever may rename directories meanwhile leads the copy
    /// nowhere else. A descriptor with `O_PATH` will do.
    ///
    /// Always as [`Replace::ByRename`] says, but that anything with the name is replaced (no
    /// directory), also a link and a file that may not be written to.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a source that is no regular file, and for
    /// a path that ends in no name; else as for [`copy`](Self::copy).
    ///
    /// # Cancel safety
    /// As for [`copy`](Self::copy).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?; let backup = directory.path();
    /// use aiofile::fs::CopyOptions;
    ///
    /// let (from, to) = (std::fs::File::open("/etc")?, std::fs::File::open(backup)?);
    /// CopyOptions::new().copy_at((&from, "/etc/hosts"), (&to, "hosts")).await?;
    /// assert_eq!(std::fs::read(backup.join("hosts"))?, std::fs::read("/etc/hosts")?);
    /// # Ok(()) }
    /// ```
    pub async fn copy_at(
        &self,
        (source, from): (impl AsFd, impl AsRef<Path>),
        (target, to): (impl AsFd, impl AsRef<Path>),
    ) -> io::Result<Copied> {
        let (from, to) = (from.as_ref(), to.as_ref());
        self.check(to)?;
        let within = Within::new((source, from), (target, to))?;
        let settings = Settings { replace: Replace::ByRename, ..self.settings.clone() };
        let context = chosen_context(self.context.as_ref()).await?;
        Ok(job::copy_within(&context, settings.into(), from, to, Some(within)).await?)
    }
}

/// Where a name of the source is, and one of the copy.
pub(super) struct Within {
    pub(super) from: OwnedFd,
    pub(super) to: OwnedFd,
}

impl Within {
    /// Both directories, once more, for threads of the pool.
    ///
    /// # Errors
    /// A path that ends in no name; else what the system answers.
    pub(super) fn new(
        (source, from): (impl AsFd, &Path),
        (target, to): (impl AsFd, &Path),
    ) -> Result<Self> {
        let again = |directory: &dyn AsFd, path| {
            name(path)?;
            let again = directory.as_fd().try_clone_to_owned();
            again.map_err(|error| answered(error, "copy", path))
        };
        Ok(Self { from: again(&source, from)?, to: again(&target, to)? })
    }

    /// Opens the source, which must be no link.
    pub(super) fn open_source(&self, job: &Job, flags: OFlags) -> Result<File, Errno> {
        let name = job.from.file_name().unwrap_or_default();
        openat(&self.from, name, flags | OFlags::NOFOLLOW, Mode::empty()).map(File::from)
    }

    /// The directory of the copy, which can be synced where that is asked for.
    pub(super) fn target_directory(&self, job: &Job) -> Result<OwnedFd> {
        let opened = match job.settings.durable {
            true => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                openat(&self.to, ".", flags, Mode::empty()).map_err(Into::into)
            }
            false => self.to.try_clone(),
        };
        opened.map_err(|error| answered(error, "create", &job.to))
    }
}

/// The name that a path ends in.
fn name(path: &Path) -> Result<&OsStr> {
    path.file_name().ok_or_else(|| refused("this path ends in no name of a file", path))
}
