//! Removing a directory with all that is in it.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use caio::{Error, ErrorKind};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, statat, unlinkat};
use rustix::io::Errno;

use super::Fs;
use super::hop::own;

/// What is being done, in messages.
const NAME: &str = "remove_dir_all";

/// A thread of the pool removes so many entries at once, or for so long.
const ROUND_ENTRIES: usize = 1024;
const ROUND_TIME: Duration = Duration::from_millis(20);

/// So many directories are open at once; those above are opened again on the way back.
const OPEN_MAX: usize = 32;

/// Removes a directory and all that is in it, as [`std::fs::remove_dir_all`] does.
///
/// A symbolic link is removed and never followed, `path` itself too, and no link that is put in the
/// place of a directory meanwhile leads out of the tree: each directory is opened from the one
/// above it. What others remove at the same time is no error. A tree may be of any depth.
///
/// # Costs
/// A hop for up to 1,024 entries or 20 ms, so that a large tree holds no thread; up to 32
/// descriptors.
///
/// # Errors
/// What the system answers first, with the path of what could not be removed; what was removed
/// before stays removed. `path` must be there, and be a directory or a link.
///
/// # Cancel safety
/// Dropping the future leaves the tree removed in part.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let root = directory.path().join("root");
/// std::fs::create_dir_all(root.join("some/where/deep"))?;
/// aiofile::fs::remove_dir_all(&root).await?;
/// assert!(!root.exists());
/// # Ok(()) }
/// ```
#[doc(alias("rmtree", "removedirs"))]
pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    Fs::current().await?.remove_dir_all(path).await
}

/// Removes a directory of an open directory, with all that is in it, as [`remove_dir_all`] does:
/// only the last name of the path is looked up, in `within`, and what comes before is for messages.
/// So whoever may rename directories meanwhile leads the removal nowhere else. A descriptor with
/// `O_PATH` will do.
///
/// # Errors
/// As for [`remove_dir_all`]; `InvalidInput` for a path that ends in no name.
///
/// # Cancel safety
/// As for [`remove_dir_all`].
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let place = directory.path();
/// std::fs::create_dir_all(place.join("old/tree"))?;
/// let open = std::fs::File::open(place)?;
/// aiofile::fs::remove_dir_all_at(&open, place.join("old")).await?;
/// assert!(!place.join("old").exists());
/// # Ok(()) }
/// ```
pub async fn remove_dir_all_at(within: impl AsFd, path: impl AsRef<Path>) -> io::Result<()> {
    Fs::current().await?.remove_dir_all_at(within, path).await
}

impl Fs {
    /// As [`fs::remove_dir_all`](remove_dir_all()).
    pub async fn remove_dir_all(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.remove_tree(None, path.as_ref()).await
    }

    /// As [`fs::remove_dir_all_at`](remove_dir_all_at()).
    pub async fn remove_dir_all_at(
        &self,
        within: impl AsFd,
        path: impl AsRef<Path>,
    ) -> io::Result<()> {
        let path = path.as_ref();
        if path.file_name().is_none() {
            let error = Error::new(ErrorKind::InvalidInput, "this path ends in no name");
            return Err(error.doing(NAME).on(path).into());
        }
        let within = own(&within).map_err(|error| Error::system(error).doing(NAME).on(path))?;
        self.remove_tree(Some(within), path).await
    }

    async fn remove_tree(&self, within: Option<OwnedFd>, path: &Path) -> io::Result<()> {
        let begin = |root: &Path| Removal::begin(within, root.to_owned());
        let mut under_way = self.call(NAME, path, begin).await?;
        while let Some(mut removal) = under_way {
            let round = move |_: &Path| Ok(removal.round()?.then_some(removal));
            under_way = self.call(NAME, path, round).await?;
        }
        Ok(())
    }
}

/// A removal that has come to some directory, the last of these.
#[derive(Debug)]
struct Removal {
    /// Where the last name of the root is looked up, if not its whole path.
    within: Option<OwnedFd>,
    root: PathBuf,
    levels: Vec<Level>,
}

/// A directory that is being emptied.
#[derive(Debug)]
struct Level {
    /// Its name in the directory above; none for the root.
    name: CString,
    id: (u64, u64),
    /// `None` while too many below it are open.
    open: Option<Dir>,
}

impl Removal {
    /// Opens the root, or removes it where it is a link: then there is nothing more to do.
    fn begin(within: Option<OwnedFd>, root: PathBuf) -> io::Result<Option<Self>> {
        let mut removal = Self { within, root, levels: Vec::new() };
        let (base, name) = removal.base();
        let is_link = match removal.within {
            Some(_) => {
                let found = statat(base, name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(found.st_mode).is_symlink()
            }
            None => std::fs::symlink_metadata(&removal.root)?.is_symlink(),
        };
        if is_link {
            unlinkat(base, name, AtFlags::empty())?;
            return Ok(None);
        }
        let level = Level::open(base, OsStr::as_bytes(name))?;
        removal.levels.push(level);
        Ok(Some(removal))
    }

    /// Where the root is looked up, and as what.
    fn base(&self) -> (BorrowedFd<'_>, &OsStr) {
        match &self.within {
            Some(within) => (within.as_fd(), self.root.file_name().unwrap_or_default()),
            None => (CWD, self.root.as_os_str()),
        }
    }

    /// Removes some entries; whether there are more.
    fn round(&mut self) -> Result<bool, Error> {
        let begun = Instant::now();
        for _ in 0..ROUND_ENTRIES {
            if begun.elapsed() >= ROUND_TIME {
                break;
            }
            if !self.step()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Removes an entry, or goes down into it, or up where none is left; whether there are more.
    fn step(&mut self) -> Result<bool, Error> {
        let Some(mut level) = self.levels.pop() else { return Ok(false) };
        let Some(open) = &mut level.open else {
            let error = io::Error::other("a directory was closed under its own removal");
            return Err(self.failed(&level.name, error));
        };
        match next(open) {
            Ok(Some((name, file_type))) => {
                let entered = enter(open, &name, file_type);
                self.levels.push(level);
                match entered {
                    Ok(Some(below)) => self.push(below),
                    Ok(None) => {}
                    Err(error) => return Err(self.failed(&name, error)),
                }
                Ok(true)
            }
            Ok(None) => self.leave(level),
            Err(error) => Err(self.failed(&level.name, error)),
        }
    }

    fn push(&mut self, below: Level) {
        if let Some(above) = self.levels.len().checked_sub(OPEN_MAX - 1) {
            self.levels[above].open = None;
        }
        self.levels.push(below);
    }

    /// Removes a directory that is empty; whether there is one above it to go on with.
    fn leave(&mut self, level: Level) -> Result<bool, Error> {
        let Some(above) = self.levels.last_mut() else {
            let (base, name) = self.base();
            unlinkat(base, name, AtFlags::REMOVEDIR)
                .map_err(|errno| Error::system(errno.into()).on(&self.root))?;
            return Ok(false);
        };
        let done = match above.open_again(&level) {
            Ok(open) => open
                .fd()
                .and_then(|open| absent_is_fine(unlinkat(open, &level.name, AtFlags::REMOVEDIR))),
            Err(errno) => Err(errno),
        };
        match done {
            Ok(()) => Ok(true),
            Err(errno) => Err(self.failed(&level.name, errno.into())),
        }
    }

    /// The error of an entry of the directory that the removal has come to.
    fn failed(&self, name: &CStr, error: io::Error) -> Error {
        let mut path = self.root.clone();
        let names = self.levels.iter().skip(1).map(|level| level.name.as_c_str());
        let is_root = self.levels.is_empty();
        for name in names.chain((!is_root).then_some(name)) {
            path.push(OsStr::from_bytes(name.to_bytes()));
        }
        Error::system(error).on(&path)
    }
}

impl Level {
    /// Opens a directory, and no link to one.
    fn open(above: BorrowedFd<'_>, name: impl rustix::path::Arg) -> rustix::io::Result<Self> {
        let name = name.into_c_str()?.into_owned();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = openat(above, &name, flags, Mode::empty())?;
        let metadata = fstat(&descriptor)?;
        let id = (metadata.st_dev, metadata.st_ino);
        Ok(Self { name, id, open: Some(Dir::new(descriptor)?) })
    }

    /// Its descriptor; where that was closed, it is opened again from the one `below` it, if that
    /// is still there.
    fn open_again(&mut self, below: &Self) -> rustix::io::Result<&mut Dir> {
        if self.open.is_none() {
            let Some(below) = &below.open else { return Err(Errno::BADF) };
            let again = Self::open(below.fd()?, c"..")?;
            // Somebody has moved the directory below to another place, which is not ours.
            if again.id != self.id {
                return Err(Errno::XDEV);
            }
            self.open = again.open;
        }
        self.open.as_mut().ok_or(Errno::BADF)
    }
}

/// The next entry that is not the directory itself or the one above.
fn next(open: &mut Dir) -> io::Result<Option<(CString, FileType)>> {
    loop {
        let Some(entry) = open.read() else { return Ok(None) };
        let entry = entry?;
        if entry.file_name() != c"." && entry.file_name() != c".." {
            return Ok(Some((entry.file_name().to_owned(), entry.file_type())));
        }
    }
}

/// Removes an entry that is no directory, and opens one that is.
fn enter(within: &Dir, name: &CStr, file_type: FileType) -> io::Result<Option<Level>> {
    let within = within.fd()?;
    if matches!(file_type, FileType::Directory | FileType::Unknown) {
        match Level::open(within, name) {
            Ok(level) => return Ok(Some(level)),
            Err(Errno::NOENT) => return Ok(None),
            // It is no directory, or no longer.
            Err(Errno::NOTDIR | Errno::LOOP) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    absent_is_fine(unlinkat(within, name, AtFlags::empty()))?;
    Ok(None)
}

fn absent_is_fine(result: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match result {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}
