//! What one thread does at once of a tree: listing a part of a directory, copying some files.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use caio::Result;
use rustix::fs::{Dir, FileType, Mode, OFlags, SeekFrom, openat, seek};
use rustix::io::Errno;

use super::super::answered;
use super::directory::Directory;
use super::open::Open;
use super::steps::Step;
use super::{Tree, file, others};

/// Entries that are listed before others get their turn.
const LISTED: usize = 512;

/// Files that one thread copies before others get their turn.
const FILES: usize = 128;

/// Files that the thread copies which listed them.
const FEW: usize = 32;

/// Does a step; returns those that follow from it. What fails, the tree is told.
///
/// # Errors
/// Where nobody waits for the tree any more.
pub(super) fn run(tree: &Arc<Tree>, step: Step) -> Result<Vec<Step>> {
    tree.check()?;
    match step {
        Step::Enter(parent, name) => match parent.enter(tree, Path::new(&name)) {
            Ok(directory) => list(tree, Arc::new(directory), 0),
            Err(error) => {
                tree.failed(error);
                tree.listed();
                Ok(Vec::new())
            }
        },
        Step::List(directory, position) => list(tree, directory, position),
        Step::Files(directory, names, then) => files(tree, &directory, names, then),
        Step::Other(directory, name, kind) => Ok(match directory.open() {
            Ok(open) => others::make(tree, &directory, &open, name, kind).into_iter().collect(),
            Err(error) => {
                tree.failed(error);
                Vec::new()
            }
        }),
        Step::Finish(directory) => {
            drop(directory);
            Ok(Vec::new())
        }
        step @ (Step::Whole(_) | Step::Later(_)) => Ok(vec![step]),
    }
}

/// Lists some entries. Files and directories become steps, and the rest is made at once.
fn list(tree: &Arc<Tree>, directory: Arc<Directory>, position: u64) -> Result<Vec<Step>> {
    let Some((found, open, position)) = found(tree, &directory, position) else {
        tree.listed();
        return Ok(Vec::new());
    };
    let (mut inner, mut names, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    for Found { name, kind, .. } in found {
        match kind {
            FileType::Directory => inner.push(Step::Enter(Arc::clone(&directory), name)),
            FileType::RegularFile => names.push(name),
            kind => steps.extend(others::make(tree, &directory, &open, name, kind)),
        }
    }
    tree.found(names.len(), inner.len());
    if position.is_none() {
        tree.listed();
    }
    // What is taken first is put last: directories, before they become many, then files.
    if names.len() <= FEW {
        steps.extend(files(tree, &directory, names, position)?);
    } else {
        steps.push(Step::Files(directory, names, position));
    }
    steps.extend(inner.into_iter().rev());
    Ok(steps)
}

struct Found {
    inode: u64,
    name: OsString,
    kind: FileType,
}

/// The next entries, and the position of those behind them, if there are any; `None` where the
/// directory cannot be read, of which the tree is told.
///
/// They come in the order of their inodes: many file systems have what follows there side by side
/// on the device, and names in no order at all.
fn found(
    tree: &Tree,
    directory: &Directory,
    position: u64,
) -> Option<(Vec<Found>, Arc<Open>, Option<u64>)> {
    let failed = |answer: Errno| answered(answer, "list", &directory.from);
    let opened = directory.open();
    let listing = opened.and_then(|open| Ok((entries(&open, position).map_err(failed)?, open)));
    let (entries, open) = listing.map_err(|error| tree.failed(error)).ok()?;
    let (mut found, mut rest) = (Vec::new(), None);
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(answer) => {
                tree.failed(failed(answer));
                break;
            }
        };
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
        let kind = others::kind(&open, &name, entry.file_type());
        found.push(Found { inode: entry.ino(), name, kind });
        if found.len() >= LISTED {
            rest = Some(entry.offset().cast_unsigned());
            break;
        }
    }
    found.sort_unstable_by_key(|found| found.inode);
    Some((found, open, rest))
}

/// The entries of a directory, from this position on. No descriptor is kept from one time to the
/// next, so that directories that wait to be listed further need none.
fn entries(open: &Open, position: u64) -> Result<Dir, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let again = openat(&open.source, ".", flags, Mode::empty())?;
    if position > 0 {
        seek(&again, SeekFrom::Start(position))?;
    }
    Dir::new(again)
}

/// Copies some files; those that are left are a step of their own, and so is what comes then.
fn files(
    tree: &Arc<Tree>,
    directory: &Arc<Directory>,
    names: Vec<OsString>,
    then: Option<u64>,
) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut names = names.into_iter();
    match directory.open() {
        Ok(open) => {
            for name in names.by_ref().take(FILES) {
                tree.check()?;
                steps.extend(file::copy(tree, (directory, &open), name)?);
            }
        }
        Err(error) => {
            names.by_ref().for_each(|_| tree.not_copied(tree.part(), error.clone()));
        }
    }
    let directory = Arc::clone(directory);
    if names.len() > 0 {
        steps.push(Step::Files(directory, names.collect(), then));
    } else if let Some(position) = then {
        steps.push(Step::List(directory, position));
    }
    Ok(steps)
}
