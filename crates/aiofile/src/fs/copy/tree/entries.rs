//! What one thread does at once of a tree: listing a part of a directory, copying some files.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use caio::{Error, Result};
use nix::unistd::close;
use rustix::fs::{Dir, FileType, Mode, OFlags, SeekFrom, openat, seek};
use rustix::io::Errno;

use super::super::begin::{self, Work};
use super::super::job::Job;
use super::super::{Scratch, answered, attributes, plain};
use super::directory::Directory;
use super::open::Open;
use super::{Step, Tree, others};

/// Entries that are listed before others get their turn.
const LISTED: usize = 512;

/// Files that one thread copies before it looks for other work.
const FILES: usize = 32;

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
                Ok(Vec::new())
            }
        },
        Step::List(directory, position) => list(tree, directory, position),
        Step::Files(directory, names) => files(tree, &directory, names),
        whole @ Step::Whole(..) => Ok(vec![whole]),
    }
}

/// Lists some entries. Files and directories become steps, and the rest is made at once.
fn list(tree: &Arc<Tree>, directory: Arc<Directory>, mut position: u64) -> Result<Vec<Step>> {
    let failed = |answer: Errno| answered(answer, "list", &directory.from);
    let opened = directory.open();
    let listing = opened.and_then(|open| Ok((entries(&open, position).map_err(failed)?, open)));
    let (entries, open) = match listing {
        Ok(listing) => listing,
        Err(error) => {
            tree.failed(error);
            return Ok(Vec::new());
        }
    };
    let (mut steps, mut names) = (Vec::new(), Vec::new());
    let mut is_complete = true;
    for (count, entry) in entries.enumerate() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(answer) => {
                tree.failed(failed(answer));
                break;
            }
        };
        position = entry.offset().cast_unsigned();
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let name = OsStr::from_bytes(name.to_bytes()).to_owned();
        match others::kind(&open, &name, entry.file_type()) {
            FileType::Directory => steps.push(Step::Enter(Arc::clone(&directory), name)),
            FileType::RegularFile => names.push(name),
            kind => others::make(tree, &directory, &open, &name, kind),
        }
        if count + 1 >= LISTED {
            is_complete = false;
            break;
        }
    }
    // What is taken first is put last: directories, before they become many, then files.
    let mut first = Vec::new();
    if !is_complete {
        first.push(Step::List(Arc::clone(&directory), position));
    }
    if is_complete && names.len() <= FILES {
        first.extend(files(tree, &directory, names)?);
    } else {
        let parts = names.chunks(FILES).map(<[OsString]>::to_vec);
        first.extend(parts.map(|part| Step::Files(Arc::clone(&directory), part)));
    }
    first.extend(steps);
    Ok(first)
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

fn files(tree: &Tree, directory: &Directory, names: Vec<OsString>) -> Result<Vec<Step>> {
    let open = match directory.open() {
        Ok(open) => open,
        Err(error) => {
            names.iter().for_each(|_| tree.failed(error.clone()));
            return Ok(Vec::new());
        }
    };
    let mut steps = Vec::new();
    for name in names {
        tree.check()?;
        let job = tree.job(directory.from.join(&name), directory.to.join(&name));
        match file(tree, &job, (directory, &open), &name) {
            Ok(Some((bytes, unkept))) => tree.count(|tally| tally.add_file(bytes, unkept)),
            Ok(None) => steps.push(Step::Whole(job.from, job.to)),
            Err(error) => {
                tree.check()?;
                tree.failed(error);
            }
        }
    }
    Ok(steps)
}

/// Copies a file that is not there yet. `None` for one that is, and for options that need more than
/// one thread.
fn file(
    tree: &Tree,
    job: &Job,
    (directory, open): (&Directory, &Open),
    name: &OsStr,
) -> Result<Option<(u64, Vec<Error>)>> {
    let settings = &job.settings;
    if settings.direct || settings.verify || settings.durable || !settings.copy_file_range {
        return Ok(None);
    }
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let source = openat(&open.source, name, flags | OFlags::RDONLY, Mode::empty());
    let source = File::from(source.map_err(|answer| answered(answer, "open", &job.from))?);
    let metadata = source.metadata().map_err(|error| answered(error, "open", &job.from))?;
    if !metadata.is_file() {
        // Another kind of file took its place meanwhile.
        return Ok(None);
    }
    let is_simple = settings.keep_mode && !settings.keep_owner && !settings.keep_xattrs;
    let umask = tree.umask.filter(|_| is_simple && !directory.is_inherited_from);
    let final_mode =
        umask.and_then(|umask| attributes::mode_at_creation(&metadata, &source, umask));
    let mode = final_mode.unwrap_or(if settings.keep_mode { 0o600 } else { 0o666 });
    let mode = Mode::from_raw_mode(mode);
    let new = flags | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let target = match openat(&open.target, name, new, mode) {
        Ok(target) => File::from(target),
        Err(Errno::EXIST) => return Ok(None),
        Err(answer) => return Err(answered(answer, "create", &job.to)),
    };
    let scratch = Scratch::of(&open.target, name.to_owned());
    let bytes = contents(job, &source, &metadata, &target)?;
    let unkept = match final_mode {
        Some(_) => attributes::keep_times_only(job, &metadata, &target),
        None => attributes::keep(job, &source, &metadata, &target, true),
    };
    close(target).map_err(|answer| answered(answer, "close", &job.to))?;
    scratch.keep();
    Ok(Some((bytes, unkept)))
}

/// Fills the target; returns its length.
fn contents(job: &Job, source: &File, metadata: &Metadata, target: &File) -> Result<u64> {
    // An empty file is read to its end in any case.
    if metadata.len() > 0 && begin::is_made_up(job, source, metadata)? {
        return plain::copy_to_end(job, source, target, 0);
    }
    if super::super::in_kernel::share(job, source, target, metadata.len())? {
        return Ok(metadata.len());
    }
    match begin::fill(job, source, metadata, target)? {
        Work::Nothing(filled) => Ok(filled.len),
        Work::Blocks { rest, len, .. } => {
            plain::copy(job, len, source, target, &rest)?;
            Ok(len)
        }
        Work::Stream => plain::copy_to_end(job, source, target, 0),
    }
}
