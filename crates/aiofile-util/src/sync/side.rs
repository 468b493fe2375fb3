//! One of the two directories. What is in it is reached from its open descriptor, one name after
//! the other and through no link, so that nobody leads the work out of it meanwhile.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use caio::Result;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};
use rustix::io::Errno;

use crate::steps::Doing;

/// To look names up in a directory, which not everybody may list.
const SEARCH: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The permissions that are needed to work in a directory.
const OWN: u32 = 0o700;

/// The source, or the target.
#[derive(Debug)]
pub(super) struct Side {
    root: OwnedFd,
    named: PathBuf,
}

impl Side {
    /// Opens the directory with this path, which may be a link to it.
    pub(super) fn open(named: &Path) -> Result<Self> {
        let root = rustix::fs::open(named, SEARCH, Mode::empty()).doing("open", named)?;
        Ok(Self { root, named: named.to_owned() })
    }

    /// What is called so in messages.
    pub(super) fn shown(&self, path: &Path) -> PathBuf {
        // Joined with nothing, it would get a slash at its end.
        if path.as_os_str().is_empty() { self.named.clone() } else { self.named.join(path) }
    }

    /// The directory with this path from the root.
    pub(super) fn directory(&self, path: &Path) -> Result<OpenDirectory> {
        let shown = self.shown(path);
        let mut open = openat(&self.root, ".", SEARCH, Mode::empty()).doing("open", &shown)?;
        for name in path {
            let flags = SEARCH | OFlags::NOFOLLOW;
            open = openat(&open, name, flags, Mode::empty()).doing("open", &shown)?;
        }
        Ok(OpenDirectory { open, shown })
    }

    /// The directory that holds this path, which is not the root's, and the name in it.
    pub(super) fn place(&self, path: &Path) -> Result<Place<OpenDirectory>> {
        let directory = self.directory(path.parent().unwrap_or(Path::new("")))?;
        let name = path.file_name().unwrap_or_default().to_owned();
        Ok(Place { directory, name, shown: self.shown(path) })
    }
}

/// An open directory.
#[derive(Debug)]
pub(super) struct OpenDirectory {
    open: OwnedFd,
    shown: PathBuf,
}

impl OpenDirectory {
    /// A name in it.
    pub(super) fn place(&self, name: &OsStr) -> Place<&Self> {
        Place { directory: self, name: name.to_owned(), shown: self.shown.join(name) }
    }

    /// The directory, by a name in it.
    pub(super) fn itself(&self) -> Place<&Self> {
        Place { directory: self, name: ".".into(), shown: self.shown.clone() }
    }

    /// The directory, so that it can be listed and changed.
    pub(super) fn readable(&self) -> Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(&self.open, ".", flags, Mode::empty()).map(File::from).doing("open", &self.shown)
    }

    /// The names in it, in the order of their bytes, from last to first.
    pub(super) fn names(&self) -> Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::new(self.readable()?).doing("read_dir", &self.shown)? {
            let entry = entry.doing("read_dir", &self.shown)?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        names.sort_unstable_by(|one, other| other.cmp(one));
        Ok(names)
    }

    /// What it is itself.
    pub(super) fn stat(&self) -> Result<Stat> {
        rustix::fs::fstat(&self.open).doing("stat", &self.shown)
    }

    /// Makes it one that its owner may work in; it gets the permissions of its source when all is
    /// done. Whether there was something to change.
    pub(super) fn open_up(&self) -> Result<bool> {
        let mode = self.stat()?.st_mode & 0o7777;
        if mode & OWN == OWN {
            return Ok(false);
        }
        // It cannot be opened in another way where its owner may not read it.
        let itself = format!("/proc/self/fd/{}", self.open.as_raw_fd());
        let mode = Mode::from_raw_mode(mode | OWN);
        rustix::fs::chmod(itself, mode).doing("chmod", &self.shown)?;
        Ok(true)
    }
}

impl AsFd for OpenDirectory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.open.as_fd()
    }
}

/// A name in an open directory.
#[derive(Debug)]
pub(super) struct Place<D> {
    pub(super) directory: D,
    pub(super) name: OsString,
    /// What is called so in messages.
    pub(super) shown: PathBuf,
}

impl<D: AsFd> Place<D> {
    /// What has the name, links not followed; `None` where nothing has it.
    pub(super) fn stat(&self) -> Result<Option<Stat>> {
        match statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            found => Ok(Some(found.doing("stat", &self.shown)?)),
        }
    }

    /// Where the link leads.
    pub(super) fn read_link(&self) -> Result<OsString> {
        let link = readlinkat(&self.directory, &self.name, Vec::new());
        let link = link.doing("readlink", &self.shown)?;
        Ok(OsStr::from_bytes(link.as_bytes()).to_owned())
    }

    /// The file or directory, and no link.
    pub(super) fn open(&self) -> Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = openat(&self.directory, &self.name, flags | OFlags::CLOEXEC, Mode::empty());
        opened.map(File::from).doing("open", &self.shown)
    }

    /// Removes the name, which must not be a directory's.
    pub(super) fn unlink(&self) -> Result<()> {
        let removed = rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty());
        removed.doing("unlink", &self.shown)
    }
}

/// What kind of thing was found.
pub(super) fn kind(found: &Stat) -> FileType {
    FileType::from_raw_mode(found.st_mode)
}
