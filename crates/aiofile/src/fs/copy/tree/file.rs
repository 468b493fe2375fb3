//! One file of a tree that is not there yet, copied by one thread.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::sync::Arc;

use caio::{Error, Result};
use nix::unistd::close;
use rustix::fs::{Mode, OFlags, fsync, openat};
use rustix::io::Errno;

use super::super::begin::{self, Work};
use super::super::job::Job;
use super::super::{Scratch, answered, attributes, in_kernel, plain};
use super::directory::Directory;
use super::links::{self, Claim, Met};
use super::open::Open;
use super::steps::{Step, Whole};
use super::{CopiedDir, Tree};

/// What became of it.
enum Done {
    /// It is copied, and so long; these attributes could not be kept.
    Copied(u64, Vec<Error>),
    /// It is another name of a file that is copied.
    Linked,
    /// It will be one.
    Later,
    /// It is there, or has options that need more than one thread.
    Left(Option<Claim>),
}

/// Copies it, or says in which step that is to be done. What fails, the tree is told.
///
/// # Errors
/// Where nobody waits for the tree any more.
pub(super) fn copy(
    tree: &Arc<Tree>,
    (directory, open): (&Arc<Directory>, &Open),
    name: OsString,
) -> Result<Option<Step>> {
    let part = tree.part();
    let job = tree.job(directory.from.join(&name), directory.to.join(&name), part.as_ref());
    match one(tree, &job, (directory, open), &name) {
        Ok(Done::Copied(len, unkept)) => tree.copied(part, len, unkept),
        Ok(Done::Linked) => {
            tree.count(CopiedDir::add_link);
            part.inspect(|part| part.end(0));
        }
        Ok(Done::Later) => {
            let again = Step::Files(Arc::clone(directory), vec![name], None);
            return Ok(Some(Step::Later(again.into())));
        }
        Ok(Done::Left(claim)) => {
            let directory = Arc::clone(directory);
            let whole = Whole { directory, from: job.from, to: job.to, claim };
            return Ok(Some(Step::Whole(whole.into())));
        }
        Err(error) => {
            tree.check()?;
            tree.not_copied(part, error);
        }
    }
    Ok(None)
}

fn one(
    tree: &Arc<Tree>,
    job: &Job,
    (directory, open): (&Directory, &Open),
    name: &OsStr,
) -> Result<Done> {
    let settings = &job.settings;
    let is_simple = !settings.direct && !settings.verify && settings.copy_file_range;
    if !is_simple && tree.links.is_none() {
        return Ok(Done::Left(None));
    }
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let source = openat(&open.source, name, flags | OFlags::RDONLY, Mode::empty());
    let source = File::from(source.map_err(|answer| answered(answer, "open", &job.from))?);
    let metadata = source.metadata().map_err(|error| answered(error, "open", &job.from))?;
    if !metadata.is_file() {
        // Another kind of file took its place meanwhile.
        return Ok(Done::Left(None));
    }
    let met = links::meet(tree, (directory, open), name, &metadata);
    let claim = match met.map_err(|answer| answered(answer, "link", &job.to))? {
        Met::New(claim) => claim,
        Met::Linked => return Ok(Done::Linked),
        Met::Later => return Ok(Done::Later),
    };
    if !is_simple {
        return Ok(Done::Left(claim));
    }
    let keeps_no_more = settings.keep_mode && !settings.keep_owner && !settings.keep_xattrs;
    let umask = tree.umask.filter(|_| keeps_no_more && !directory.is_inherited_from);
    let final_mode =
        umask.and_then(|umask| attributes::mode_at_creation(&metadata, &source, umask));
    let mode = final_mode.unwrap_or(if settings.keep_mode { 0o600 } else { 0o666 });
    let mode = Mode::from_raw_mode(mode);
    let new = flags | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let target = match openat(&open.target, name, new, mode) {
        Ok(target) => File::from(target),
        Err(Errno::EXIST) => return Ok(Done::Left(claim)),
        Err(answer) => return Err(answered(answer, "create", &job.to)),
    };
    let scratch = Scratch::of(&open.target, name.to_owned());
    let len = contents(job, &source, &metadata, &target)?;
    let unkept = match final_mode {
        Some(_) => attributes::keep_times_only(job, &metadata, &target),
        None => attributes::keep(job, &source, &metadata, &target, true),
    };
    if settings.durable {
        // Its name is durable when the directory is.
        fsync(&target).map_err(|answer| answered(answer, "fsync", &job.to))?;
    }
    close(target).map_err(|answer| answered(answer, "close", &job.to))?;
    scratch.keep();
    claim.into_iter().for_each(Claim::made);
    Ok(Done::Copied(len, unkept))
}

/// Fills the target; returns its length.
fn contents(job: &Job, source: &File, metadata: &Metadata, target: &File) -> Result<u64> {
    // An empty file is read to its end in any case.
    if metadata.len() > 0 && begin::is_made_up(job, source, metadata)? {
        return plain::copy_to_end(job, source, target, 0);
    }
    if in_kernel::share(job, source, target, metadata.len())? {
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
