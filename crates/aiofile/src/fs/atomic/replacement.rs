//! The new file, from the time when it is a temporary one until it has the name.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;

use super::Durability;
use crate::fs::scratch::Scratch;

/// So many symbolic links are followed, as the kernel does.
const LINKS_MAX: usize = 40;

/// To look names up in a directory, which not everybody may list.
#[cfg(target_os = "linux")]
const SEARCH: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const SEARCH: OFlags = OFlags::RDONLY;

/// What is to be replaced.
pub(super) struct Target {
    directory: Arc<OwnedFd>,
    path: PathBuf,
    /// The file that has the name now.
    old: Option<Stat>,
}

impl Target {
    pub(super) fn find(path: &Path, durability: Durability) -> io::Result<Self> {
        let path = followed(path)?;
        if path.as_os_str().as_bytes().ends_with(b"/") || path.file_name().is_none() {
            return Err(Errno::ISDIR.into());
        }
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let access = if durability == Durability::Full { OFlags::RDONLY } else { SEARCH };
        let flags = access | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(CWD, parent, flags, Mode::empty())?;
        let mut target = Self { directory: Arc::new(directory), path, old: None };
        target.old = target.look()?;
        Ok(target)
    }

    fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }

    fn look(&self) -> io::Result<Option<Stat>> {
        let found = rustix::fs::statat(&self.directory, self.name(), AtFlags::SYMLINK_NOFOLLOW);
        let stat = match found {
            Err(Errno::NOENT) => return Ok(None),
            found => found?,
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Some(stat)),
            FileType::Directory => Err(Errno::ISDIR.into()),
            _ => {
                let message = "it is not a regular file, and nothing else can be replaced";
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            }
        }
    }
}

/// The path that symbolic links at the end of this one lead to, whether anything is there or not.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match std::fs::read_link(&path) {
            Ok(link) => path = path.parent().unwrap_or(Path::new("")).join(link),
            // It is no symbolic link, or nothing.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(error),
        }
    }
    Err(Errno::LOOP.into())
}

/// The new file while it has a temporary name, which goes when this is dropped.
pub(super) struct Replacement {
    target: Target,
    file: File,
    scratch: Scratch<Arc<OwnedFd>>,
}

impl Replacement {
    pub(super) fn create(target: Target, mode: u32) -> io::Result<Self> {
        // Until it has the mode of the old one, nobody else may look into it.
        let mode = if target.old.is_some() { 0o600 } else { mode };
        let mode = Mode::from_raw_mode(mode & 0o7777);
        let (file, scratch) = Scratch::create(Arc::clone(&target.directory), mode)?;
        Ok(Self { target, file, scratch })
    }

    /// The file, to be filled.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives it the name.
    pub(super) fn commit(self, durability: Durability) -> io::Result<()> {
        if let Some(old) = &self.target.old {
            self.become_like(old)?;
        }
        match durability {
            Durability::None => {}
            Durability::Data => self.file.sync_data()?,
            Durability::Full => self.file.sync_all()?,
        }
        let Self { target, scratch, .. } = self;
        scratch.rename(&target.directory, target.name()).map_err(|(answer, _)| answer)?;
        if durability == Durability::Full {
            rustix::fs::fsync(&target.directory)?;
        }
        Ok(())
    }

    /// Takes over owner, group and mode. An owner that only a privileged process may set stays its
    /// own; then nobody is to act with another's rights, either.
    fn become_like(&self, old: &Stat) -> io::Result<()> {
        let new = rustix::fs::fstat(&self.file)?;
        let mut mode = old.st_mode & 0o7777;
        if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid) {
            let (uid, gid) = (Uid::from_raw(old.st_uid), Gid::from_raw(old.st_gid));
            if rustix::fs::fchown(&self.file, Some(uid), Some(gid)).is_err() {
                let _ = rustix::fs::fchown(&self.file, None, Some(gid));
                mode &= 0o1777;
            }
        }
        Ok(rustix::fs::fchmod(&self.file, Mode::from_raw_mode(mode))?)
    }
}
