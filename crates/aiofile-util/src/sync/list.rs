//! A directory compared with its counterpart: one job.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, ErrorKind as IoErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use caio::{Error, ErrorKind, Result};
use rustix::fs::{FlockOperation, OFlags, flock};

use super::attributes::Attributes;
use super::directory::Directory;
use super::driver::Settings;
use super::report::Action;
use super::task::{Found, Task, What};
use super::{Compare, copy_file};
use crate::scratch::is_scratch_name;
use crate::steps::Doing;

/// The permissions that are needed to work in a directory.
const OWN: u32 = 0o700;

/// Looks at all that is in the directory. Makes the counterpart where there is none.
pub(super) fn list(settings: &Settings, directory: &Arc<Directory>, found: &mut Found) {
    let (from, to) = (settings.from.join(&directory.path), settings.to.join(&directory.path));
    let entries = match read(&from) {
        Ok(entries) => entries,
        Err(error) => return found.fail(&directory.path, error),
    };
    if let Err(error) = make_target(settings, directory, &to, found) {
        return found.fail(&directory.path, error);
    }
    let names: HashSet<_> = entries.iter().cloned().collect();
    for name in entries {
        if is_scratch_name(&name, copy_file::PREFIX) {
            continue;
        }
        let (source, target) = (from.join(&name), to.join(&name));
        let path = directory.path.join(&name);
        if let Err(error) = compare(settings, directory, path.clone(), &source, &target, found) {
            found.fail(&path, error);
        }
    }
    if !directory.is_new()
        && let Err(error) = look_for_more(settings, directory, &to, &names, found)
    {
        found.fail(&directory.path, error);
    }
    if found.has_entries() && !settings.dry_run {
        match open_up(&to) {
            Ok(true) => directory.touch(),
            Ok(false) => {}
            Err(error) => found.fail(&directory.path, error),
        }
    }
}

/// Makes a directory one that its owner may work in; it gets the permissions of its source when all
/// is done. Whether there was something to change.
fn open_up(path: &Path) -> Result<bool> {
    let mode = fs::symlink_metadata(path).doing("stat", path)?.mode() & 0o7777;
    if mode & OWN == OWN {
        return Ok(false);
    }
    fs::set_permissions(path, Permissions::from_mode(mode | OWN)).doing("chmod", path)?;
    Ok(true)
}

/// The names in a directory, in the order of their bytes, from last to first.
fn read(path: &Path) -> Result<Vec<OsString>> {
    let entries: io::Result<Vec<_>> =
        fs::read_dir(path).and_then(|entries| entries.map(|e| Ok(e?.file_name())).collect());
    let mut names = entries.doing("read_dir", path)?;
    names.sort_unstable_by(|one, other| other.cmp(one));
    Ok(names)
}

/// Has the counterpart there, a directory and no link to one.
fn make_target(
    settings: &Settings,
    directory: &Directory,
    to: &Path,
    found: &mut Found,
) -> Result<()> {
    // The target itself may be a link, since the user named it, and was looked at before.
    let there = match &directory.parent {
        Some(_) => fs::symlink_metadata(to),
        None if directory.is_new() => return Ok(()),
        None => fs::metadata(to),
    };
    let action = match there {
        Ok(metadata) if metadata.is_dir() => {
            if !directory.attributes.are_on(&metadata) {
                directory.touch();
                found.did(Action::Attributes, &directory.path);
            }
            return Ok(());
        }
        Ok(_) => Action::Update,
        Err(error) if error.kind() == IoErrorKind::NotFound => Action::Create,
        Err(error) if settings.dry_run && error.kind() == IoErrorKind::NotADirectory => {
            Action::Create
        }
        Err(error) => return Err(error).doing("stat", to),
    };
    directory.make_new();
    if !settings.dry_run {
        if let (Some(parent), Some(above)) = (&directory.parent, to.parent()) {
            parent.touch();
            open_up(above)?;
        }
        if action == Action::Update {
            fs::remove_file(to).doing("unlink", to)?;
        }
        fs::create_dir(to).doing("mkdir", to)?;
    }
    found.did(action, &directory.path);
    Ok(())
}

/// Notes what is to be done for one name of the source.
fn compare(
    settings: &Settings,
    directory: &Arc<Directory>,
    path: PathBuf,
    source: &Path,
    target: &Path,
    found: &mut Found,
) -> Result<()> {
    let metadata = match fs::symlink_metadata(source) {
        Ok(metadata) => metadata,
        // It went in between.
        Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).doing("stat", source),
    };
    let attributes = Attributes::of(&metadata).doing("stat", source)?;
    if metadata.is_dir() {
        let child = Directory::new(path, Some(Arc::clone(directory)), attributes, false);
        found.children.push(Task::List(child));
        return Ok(());
    }
    if !metadata.is_file() && !metadata.is_symlink() {
        found.did(Action::Skip, &path);
        return Ok(());
    }
    let there = match directory.is_new() {
        true => None,
        false => there(settings, target)?,
    };
    let action = if there.is_some() { Action::Update } else { Action::Create };
    let what = match there {
        Some(there) if metadata.is_symlink() && is_same_link(source, target, &there)? => None,
        _ if metadata.is_symlink() => Some(What::Link),
        Some(there) if there.is_file() && there.len() == metadata.len() => match settings.compare {
            Compare::SizeAndTime if attributes.are_on(&there) => None,
            Compare::SizeAndTime if attributes.has_time_of(&there) => {
                Some(What::Attributes(attributes))
            }
            Compare::SizeAndTime => Some(What::Copy),
            Compare::Contents => {
                Some(What::Compare { attributes, are_same: attributes.are_on(&there) })
            }
        },
        _ => Some(What::Copy),
    };
    match what {
        None => found.unchanged += 1,
        Some(what) => {
            let directory = Arc::clone(directory);
            let bytes = if metadata.is_file() { metadata.len() } else { 0 };
            found.children.push(Task::Entry { directory, path, what, action, bytes });
        }
    }
    Ok(())
}

/// What stands at the target, which must not be a directory that is to stay.
fn there(settings: &Settings, target: &Path) -> Result<Option<Metadata>> {
    let there = match fs::symlink_metadata(target) {
        Ok(there) => there,
        Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).doing("stat", target),
    };
    let is_full = || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_some());
    if there.is_dir() && !settings.delete && is_full() {
        let message = "a directory with contents is in the way";
        let error = Error::new(ErrorKind::InvalidInput, message).doing("replace").on(target);
        return Err(error.hint("with `delete` it is replaced"));
    }
    Ok(Some(there))
}

fn is_same_link(source: &Path, target: &Path, there: &Metadata) -> Result<bool> {
    let leads = fs::read_link(source).doing("readlink", source)?;
    Ok(there.is_symlink() && fs::read_link(target).doing("readlink", target)? == leads)
}

/// What the counterpart has and the source has not, and what a killed run left.
fn look_for_more(
    settings: &Settings,
    directory: &Arc<Directory>,
    to: &Path,
    names: &HashSet<OsString>,
    found: &mut Found,
) -> Result<()> {
    for name in read(to)? {
        if is_scratch_name(&name, copy_file::PREFIX) {
            if !settings.dry_run && remove_left_over(&to.join(&name)) {
                directory.touch();
            }
        } else if settings.delete && !names.contains(&name) {
            let (directory, path) = (Arc::clone(directory), directory.path.join(&name));
            found.children.push(Task::Entry {
                directory,
                path,
                what: What::Delete,
                action: Action::Delete,
                bytes: 0,
            });
        }
    }
    Ok(())
}

/// Removes a temporary file that nobody writes to any more: who does has it locked.
fn remove_left_over(path: &Path) -> bool {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = File::options();
    options.read(true).custom_flags(flags.bits().cast_signed());
    let Ok(file) = options.open(path) else { return false };
    flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() && fs::remove_file(path).is_ok()
}
