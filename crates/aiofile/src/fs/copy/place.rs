//! Where a copy goes, and what speaks against it.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use caio::Result;
use rustix::io::Errno;

use super::job::Job;
use super::options::Replace;
use super::spot::Spot;
use super::{answered, refused};

/// Links followed one after the other before it is given up, as the kernel does.
const LINKS_MAX: usize = 40;

/// Finds the place of a regular file. `None` where a device, a FIFO or a socket is, which is
/// written to and not replaced. Blocks.
///
/// # Errors
/// A target that is the source, a directory, or below what is no directory; by renaming, a link
/// that leads nowhere.
pub(super) fn find(job: &Job, source: &Metadata) -> Result<Option<Spot>> {
    let to = &job.to;
    let there = match fs::metadata(to) {
        Ok(there) => Some(there),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(answered(error, "copy", &job.from).to(to)),
    };
    if let Some(there) = &there {
        if is_same(source, there) {
            let message = format!("it is the same file as {}", job.from.display());
            return Err(refused(message, to));
        }
        if there.is_dir() {
            return Err(answered(Errno::ISDIR, "copy", to).hint("it is a directory"));
        }
        if !there.is_file() {
            return Ok(None);
        }
    }
    if there.is_some() && job.settings.replace == Replace::InPlace {
        return Ok(Some(Spot::as_typed(there, job)));
    }
    let (path, followed) = follow(to);
    if there.is_none() && followed && job.settings.replace != Replace::InPlace {
        return Err(refused("it is a symbolic link that leads nowhere", to));
    }
    if names_a_directory(&path) {
        return Err(answered(Errno::NOENT, "copy", to).hint("there is no such directory"));
    }
    let spot = Spot::at(&path, there, job)?;
    Ok(Some(if followed { spot.reached_by_links(&path, job) } else { spot }))
}

/// One file under two names, or one device.
pub(super) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    let are_blocks = one.file_type().is_block_device() && other.file_type().is_block_device();
    (one.dev(), one.ino()) == (other.dev(), other.ino())
        || (are_blocks && one.rdev() == other.rdev())
}

/// Follows links without a look at the directories above, which this process need not be able to
/// search. Says whether there was one.
fn follow(path: &Path) -> (PathBuf, bool) {
    let mut path = path.to_owned();
    for link in 0..LINKS_MAX {
        let Ok(target) = fs::read_link(&path) else { return (path, link > 0) };
        path.pop();
        path.push(target);
    }
    (path, true)
}

/// Whether only a directory can have this path. `Path` takes no notice of such an end.
fn names_a_directory(path: &Path) -> bool {
    let path = path.as_os_str().as_bytes();
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    matches!(name, b"" | b"." | b"..")
}
