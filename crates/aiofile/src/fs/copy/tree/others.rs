//! Entries of a tree without contents: links, FIFOs, sockets, devices.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::sync::Arc;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chownat, mknodat,
    openat, readlinkat, renameat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::super::{answered, temporary_name};
use super::directory::Directory;
use super::links::{self, Claim, Met};
use super::open::Open;
use super::steps::Step;
use super::{CopiedDir, Tree};

/// What kind of entry it is, where the list does not tell.
pub(super) fn kind(open: &Open, name: &OsStr, listed: FileType) -> FileType {
    if listed != FileType::Unknown {
        return listed;
    }
    let found = statat(&open.source, name, AtFlags::SYMLINK_NOFOLLOW);
    // Gone or not to be seen: to open it will say so.
    found.map_or(FileType::RegularFile, |found| FileType::from_raw_mode(found.st_mode))
}

/// Makes such an entry in the copy. Where it fails, the tree is told.
pub(super) fn make(
    tree: &Arc<Tree>,
    directory: &Arc<Directory>,
    open: &Open,
    name: OsString,
    kind: FileType,
) -> Option<Step> {
    let made = match claim(tree, directory, open, &name) {
        Ok(Met::New(claim)) => made(tree, open, &name, kind).inspect(|()| {
            claim.into_iter().for_each(Claim::made);
            tree.count(CopiedDir::add_other);
        }),
        Ok(Met::Linked) => {
            tree.count(CopiedDir::add_link);
            Ok(())
        }
        Ok(Met::Later) => {
            let again = Step::Other(Arc::clone(directory), name, kind);
            return Some(Step::Later(again.into()));
        }
        Err(answer) => Err(answer),
    };
    if let Err(answer) = made {
        let (from, to) = (directory.from.join(&name), directory.to.join(&name));
        tree.failed(answered(answer, "copy", &from).to(&to));
    }
    None
}

/// Looks whether it is a name of something that was made before.
fn claim(tree: &Arc<Tree>, directory: &Directory, open: &Open, name: &OsStr) -> Result<Met, Errno> {
    if tree.links.is_none() {
        return Ok(Met::New(None));
    }
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = File::from(openat(&open.source, name, flags, Mode::empty())?).metadata();
    let failed = |error: io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    links::meet(tree, (directory, open), name, &found.map_err(failed)?)
}

fn made(tree: &Tree, open: &Open, name: &OsStr, kind: FileType) -> Result<(), Errno> {
    match kind {
        FileType::Symlink => link(open, name)?,
        kind => node(open, name, kind)?,
    }
    keep(tree, open, name)
}

/// A link to the same path.
fn link(open: &Open, name: &OsStr) -> Result<(), Errno> {
    let path = readlinkat(&open.source, name, Vec::new())?;
    or_replace(open, name, |name| symlinkat(&*path, &open.target, name))
}

/// Makes an entry, which takes the place of what is there, unless that is a directory.
pub(super) fn or_replace(
    open: &Open,
    name: &OsStr,
    make: impl Fn(&OsStr) -> Result<(), Errno>,
) -> Result<(), Errno> {
    match make(name) {
        Err(Errno::EXIST) => {}
        made => return made,
    }
    let temporary = temporary_name();
    make(&temporary)?;
    let renamed = renameat(&open.target, &temporary, &open.target, name);
    // Where it failed; and where both were names of one file, which a rename leaves.
    let _ = unlinkat(&open.target, &temporary, AtFlags::empty());
    renamed
}

fn node(open: &Open, name: &OsStr, kind: FileType) -> Result<(), Errno> {
    let found = stat(open, name)?;
    let mode = Mode::from_raw_mode(found.st_mode & 0o777);
    or_replace(open, name, |name| mknodat(&open.target, name, kind, mode, found.st_rdev))
}

/// Owner and times, where they are to be kept.
fn keep(tree: &Tree, open: &Open, name: &OsStr) -> Result<(), Errno> {
    let settings = &tree.settings;
    if !settings.keep_owner && !settings.keep_times {
        return Ok(());
    }
    let found = stat(open, name)?;
    if settings.keep_owner {
        let (owner, group) = (Uid::from_raw(found.st_uid), Gid::from_raw(found.st_gid));
        let at = AtFlags::SYMLINK_NOFOLLOW;
        chownat(&open.target, name, Some(owner), Some(group), at)?;
    }
    if settings.keep_times {
        let time = |seconds: i64, nanoseconds: u64| Timespec {
            tv_sec: seconds,
            tv_nsec: nanoseconds.try_into().unwrap_or(0),
        };
        let times = Timestamps {
            last_access: time(found.st_atime, found.st_atime_nsec),
            last_modification: time(found.st_mtime, found.st_mtime_nsec),
        };
        utimensat(&open.target, name, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}

fn stat(open: &Open, name: &OsStr) -> Result<Stat, Errno> {
    statat(&open.source, name, AtFlags::SYMLINK_NOFOLLOW)
}
