//! A name in a directory, for a regular file: opening it to be overwritten, or a temporary file
//! that will get it.

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use caio::{Error, ErrorKind, Result};
use nix::unistd::geteuid;
use rustix::fs::{
    Access, AtFlags, CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, StatxAttributes, StatxFlags,
    accessat, fcntl_setfl, fstat, fstatvfs, ftruncate, open, openat, statfs, statx,
};
use rustix::io::Errno;

use super::job::Job;
use super::options::Replace;
use super::place::is_same;
use super::settings::Settings;
use super::within::Within;
use super::{Scratch, answered, refused};
use crate::fs::write::PAGE_BYTES;

/// Where the file is or will be.
pub(super) struct Spot {
    /// `None` where the name is a whole path.
    directory: Option<OwnedFd>,
    name: OsString,
    /// What is there now.
    existing: Option<Metadata>,
    /// The path as it was typed.
    shown: PathBuf,
}

/// What becomes of a file that is open to be filled.
#[derive(Default)]
pub(super) struct Landing {
    /// Removes the file unless the copy is completed.
    pub(super) scratch: Option<Scratch>,
    /// Where the scratch file is to go.
    pub(super) rename_to: Option<Spot>,
    /// The directory got a new name.
    pub(super) directory: Option<OwnedFd>,
    /// Why it is not renamed, where it was to be.
    pub(super) in_place: Option<Error>,
}

impl Spot {
    /// The spot with this path. Its directory is opened.
    pub(super) fn at(path: &Path, existing: Option<Metadata>, job: &Job) -> Result<Self> {
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        // To sync a directory it has to be readable.
        let access = if job.settings.durable { OFlags::RDONLY } else { OFlags::PATH };
        let flags = access | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = open(parent, flags, Mode::empty());
        let directory = directory.map_err(|answer| answered(answer, "create", &job.to))?;
        let name = path.file_name().unwrap_or_default().to_owned();
        let shown = job.to.clone();
        Ok(Self { directory: Some(directory), name, existing, shown })
    }

    /// The spot of a file that is overwritten whatever leads to it.
    pub(super) fn as_typed(existing: Option<Metadata>, job: &Job) -> Self {
        let (name, shown) = (job.to.clone().into(), job.to.clone());
        Self { directory: None, name, existing, shown }
    }

    /// The name of the copy in an open directory, whatever has that name.
    pub(super) fn within(within: &Within, job: &Job) -> Result<Self> {
        let name = job.to.file_name().unwrap_or_default().to_owned();
        let (directory, shown) = (within.target_directory(job)?, job.to.clone());
        Ok(Self { directory: Some(directory), name, existing: None, shown })
    }

    /// It was reached by links: one of `/proc/self/fd` is no name of the file, but the file.
    /// Nothing else shall take its place.
    pub(super) fn reached_by_links(self, path: &Path, job: &Job) -> Self {
        let is_of_proc = |path: &Path| {
            let found = path.parent().and_then(|parent| statfs(parent).ok());
            found.is_some_and(|found| found.f_type == PROC_SUPER_MAGIC)
        };
        match is_of_proc(path) || is_of_proc(&self.shown) {
            true => Self::as_typed(self.existing, job),
            false => self,
        }
    }

    /// Opens what is to be filled: a scratch file, or what is there.
    ///
    /// # Errors
    /// What the system answers, before anything was changed.
    pub(super) fn open(self, job: &Job, source: &Metadata) -> Result<(File, Landing)> {
        let settings = &job.settings;
        let Some(directory) =
            self.directory.as_ref().filter(|_| settings.replace != Replace::InPlace)
        else {
            return self.overwrite(job, source, None);
        };
        if let Some(reason) = self.forbids_renaming(directory) {
            let reason = Error::new(ErrorKind::InvalidInput, reason);
            return self.overwrite_because(job, source, reason);
        }
        if self.existing.is_some() {
            // Replacing it would need no permission for the file itself; overwriting it would.
            accessat(directory, &self.name, Access::WRITE_OK, AtFlags::EACCESS)
                .map_err(|answer| answered(answer, "open", &self.shown))?;
        }
        let directory = directory.try_clone();
        let directory = directory.map_err(|error| answered(error, "open", &self.shown))?;
        match Scratch::create(directory, creation_mode(settings)) {
            Ok((file, scratch)) => {
                make_direct(&file, settings, &self.shown)?;
                let scratch = Some(scratch);
                Ok((file, Landing { scratch, rename_to: Some(self), ..Landing::default() }))
            }
            Err(answer) if self.existing.is_some() && speaks_for_overwriting(answer) => {
                let error = Error::system(answer.into()).doing("create a file beside");
                self.overwrite_because(job, source, error)
            }
            Err(answer) => Err(answered(answer, "create", &self.shown)),
        }
    }

    /// Whether the file system lacks the room for another file of `blocks` blocks of 512 bytes,
    /// and would have it if what is there went.
    pub(super) fn has_room_for_one_only(&self, blocks: u64) -> bool {
        let Some(existing) = &self.existing else { return false };
        let Ok(found) = fstatvfs(self.directory()) else { return false };
        let (needed, free) = (blocks * 512, found.f_bavail.saturating_mul(found.f_frsize));
        // A file system that knows no limit has no blocks at all.
        found.f_blocks > 0
            && needed > free
            && needed <= free.saturating_add(existing.blocks() * 512)
    }

    /// Opens what is there to be overwritten, though it was to be replaced; or says no where that
    /// is not wanted.
    pub(super) fn overwrite_because(
        self,
        job: &Job,
        source: &Metadata,
        reason: Error,
    ) -> Result<(File, Landing)> {
        let reason = reason.on(&self.shown);
        if job.settings.replace == Replace::ByRename {
            return Err(reason.hint("it can be written in place only"));
        }
        self.overwrite(job, source, Some(reason))
    }

    /// Opens what is there, cut off to what is written over at once, or makes it.
    pub(super) fn overwrite(
        self,
        job: &Job,
        source: &Metadata,
        in_place: Option<Error>,
    ) -> Result<(File, Landing)> {
        let failed = |answer: Errno| answered(answer, "open", &self.shown);
        let access = if job.settings.verify { OFlags::RDWR } else { OFlags::WRONLY };
        let flags = access | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        if self.existing.is_none() {
            let new = flags | OFlags::CREATE | OFlags::EXCL;
            let mode = creation_mode(&job.settings);
            match openat(self.directory(), &self.name, new, mode) {
                Ok(file) => {
                    let file = File::from(file);
                    let shared = self.directory().try_clone_to_owned();
                    let shared = shared.map_err(|error| answered(error, "open", &self.shown))?;
                    let scratch = Some(Scratch::of(shared, self.name.clone()));
                    make_direct(&file, &job.settings, &self.shown)?;
                    let directory = self.directory;
                    return Ok((file, Landing { scratch, directory, in_place, rename_to: None }));
                }
                // A link that leads nowhere, or somebody was faster.
                Err(Errno::EXIST) => {}
                Err(answer) => return Err(failed(answer)),
            }
        }
        let flags = if self.existing.is_none() { flags | OFlags::CREATE } else { flags };
        let mode = creation_mode(&job.settings);
        let file = openat(self.directory(), &self.name, flags, mode);
        let file = File::from(file.map_err(failed)?);
        self.cut(&file, job, source)?;
        make_direct(&file, &job.settings, &self.shown)?;
        Ok((file, Landing { in_place, ..Landing::default() }))
    }

    /// Cuts off a file that was opened, after a last look that it is not another one by now.
    fn cut(&self, file: &File, job: &Job, source: &Metadata) -> Result<()> {
        let failed = |error| answered(error, "open", &self.shown);
        let opened = file.metadata().map_err(failed)?;
        if is_same(source, &opened) {
            let message = format!("it is the same file as {}", job.from.display());
            return Err(refused(message, &self.shown));
        }
        let kept = written_over(&job.settings, source);
        if opened.len() > kept {
            ftruncate(file, kept).map_err(|answer| answered(answer, "truncate", &self.shown))?;
        }
        Ok(())
    }

    fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_ref().map_or(CWD, AsFd::as_fd)
    }

    /// Gives a scratch file its name; it comes back where that is refused.
    pub(super) fn take(&self, scratch: Scratch) -> Result<(), (Errno, Scratch)> {
        scratch.rename(self.directory(), &self.name)
    }

    /// The directory, to sync it.
    pub(super) fn into_directory(self) -> Option<OwnedFd> {
        self.directory
    }

    /// Why a file that is made here cannot take the place of what is here.
    fn forbids_renaming(&self, into: &OwnedFd) -> Option<&'static str> {
        let about = StatxFlags::MODE | StatxFlags::UID;
        let directory = statx(into, "", AtFlags::EMPTY_PATH, about).ok()?;
        if directory.stx_attributes.contains(StatxAttributes::APPEND) {
            return Some("its directory keeps every name, so that nothing can be renamed there");
        }
        let existing = self.existing.as_ref()?;
        let at = AtFlags::SYMLINK_NOFOLLOW;
        let file = statx(into, &self.name, at, StatxFlags::TYPE).ok()?;
        if file.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) {
            return Some("something is mounted on it, so that nothing can take its place");
        }
        if file.stx_attributes.contains(StatxAttributes::APPEND) {
            return Some("it can only be appended to");
        }
        let user = geteuid();
        let is_sticky = u32::from(directory.stx_mode) & 0o1000 != 0;
        let is_ours = [existing.uid(), directory.stx_uid].contains(&user.as_raw());
        if is_sticky && !is_ours && !user.is_root() {
            return Some("in a sticky directory only its owner can replace it");
        }
        None
    }
}

/// How many bytes of a file that is overwritten may stay there at first: what is not longer than a
/// page and has no holes is written over them at once.
fn written_over(settings: &Settings, source: &Metadata) -> u64 {
    let is_plain = settings.copy_file_range && !settings.direct && source.is_file();
    let has_holes = source.blocks() * 512 < source.len();
    if is_plain && !has_holes && source.len() <= PAGE_BYTES { source.len() } else { 0 }
}

/// The mode of a new file, before the umask: nobody else's until it has that of its source.
fn creation_mode(settings: &Settings) -> Mode {
    Mode::from_raw_mode(if settings.keep_mode { 0o600 } else { 0o666 })
}

/// Answers to the creation of a second file that do not hold for the file that is there.
fn speaks_for_overwriting(answer: Errno) -> bool {
    matches!(
        answer,
        Errno::ACCESS
            | Errno::PERM
            | Errno::ROFS
            | Errno::NOSPC
            | Errno::DQUOT
            | Errno::NAMETOOLONG
            | Errno::OPNOTSUPP
    )
}

/// Bypasses the page cache, if that is asked for. Not at the creation: a file system that cannot do
/// so makes the file and then says no.
fn make_direct(file: &File, settings: &Settings, shown: &Path) -> Result<()> {
    let is_regular = |file: &File| {
        fstat(file).is_ok_and(|found| FileType::from_raw_mode(found.st_mode).is_file())
    };
    if !settings.direct || !is_regular(file) {
        return Ok(());
    }
    fcntl_setfl(file, OFlags::DIRECT).map_err(|answer| {
        answered(answer, "open", shown).hint("this file system may not support O_DIRECT")
    })
}
