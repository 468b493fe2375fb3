//! What a copy keeps of its source beside the contents.

mod acl;
mod xattrs;

use std::fs::{File, FileTimes, Metadata};
use std::os::unix::fs::MetadataExt;

use caio::Error;
use rustix::fs::{Gid, Mode, Uid, fchmod, fchown};
use rustix::io::Errno;

use super::answered;
use super::job::Job;

/// The bits that lend a program its owner's rights.
const SET_ID: u32 = 0o6000;

/// The bits of the group; with an access control list, its mask.
const GROUP: u32 = 0o070;

/// Gives the copy what it is to keep of its source, after the last write. Returns what could not
/// be kept: the copy is complete without it.
pub(super) fn keep(
    job: &Job,
    source: &File,
    metadata: &Metadata,
    copy: &File,
    is_new: bool,
) -> Vec<Error> {
    let settings = &job.settings;
    let mut unkept = Vec::new();
    let mut note = |result: Result<(), Error>| unkept.extend(result.err());
    if settings.keep_owner {
        let failed = |answer| answered(answer, "set the owner of", &job.to);
        note(keep_owner(metadata, copy).map_err(failed));
    }
    let mut list_is_kept = false;
    if settings.keep_xattrs {
        let kept = xattrs::keep(source, copy);
        list_is_kept = kept.list;
        for (name, answer) in kept.failed {
            let name = name.to_string_lossy().into_owned();
            let error = answered(answer, "set an extended attribute of", &job.to).hint(name);
            note(Err(error));
        }
    }
    if settings.keep_mode {
        let group = group_rights(metadata, source, list_is_kept).unwrap_or_else(|answer| {
            note(Err(answered(answer, "read the access control list of", &job.from)));
            // It may give the group nothing.
            Some(0)
        });
        let set = keep_mode(metadata, group, copy, is_new, list_is_kept);
        note(set.map_err(|answer| answered(answer, "set the permissions of", &job.to)));
    }
    unkept.extend(keep_times_only(job, metadata, copy));
    unkept
}

/// The times alone: for a file that was made with its mode.
pub(super) fn keep_times_only(job: &Job, metadata: &Metadata, copy: &File) -> Vec<Error> {
    let kept = if job.settings.keep_times { keep_times(metadata, copy) } else { Ok(()) };
    let failed = |error| answered(error, "set the times of", &job.to);
    kept.map_err(failed).err().into_iter().collect()
}

/// The owner and the group; for who may not give files away, the group alone.
fn keep_owner(source: &Metadata, copy: &File) -> Result<(), Errno> {
    let (owner, group) = (Uid::from_raw(source.uid()), Gid::from_raw(source.gid()));
    fchown(copy, Some(owner), Some(group)).inspect_err(|_| {
        // The first answer tells it all.
        let _ = fchown(copy, None, Some(group));
    })
}

/// The mode that a new file can be made with, if nothing else is to be done for its mode: the umask
/// takes nothing away, and no rights are lent. To be used where no list is inherited.
pub(super) fn mode_at_creation(metadata: &Metadata, source: &File, umask: u32) -> Option<u32> {
    let mode = metadata.mode() & 0o7777;
    if mode & (umask | 0o7000) != 0 {
        return None;
    }
    let group = group_rights(metadata, source, false).ok()?;
    Some(group.map_or(mode, |group| mode & !GROUP | group << 3))
}

/// What the source's list gives to its group, where the copy's mode depends on it.
fn group_rights(
    metadata: &Metadata,
    source: &File,
    list_is_kept: bool,
) -> Result<Option<u32>, Errno> {
    // Where the mode gives the group nothing, the mask of the list is empty, if there is one.
    if list_is_kept || metadata.mode() & GROUP == 0 {
        return Ok(None);
    }
    acl::group_rights(source)
}

/// Whether new entries of a directory inherit an access control list.
pub(super) fn is_inherited_from(directory: &File) -> bool {
    acl::has_default(directory)
}

fn keep_times(source: &Metadata, copy: &File) -> std::io::Result<()> {
    let times = FileTimes::new().set_accessed(source.accessed()?);
    copy.set_times(times.set_modified(source.modified()?))
}

/// The mode, where the copy has not got it already.
fn keep_mode(
    metadata: &Metadata,
    group: Option<u32>,
    copy: &File,
    is_new: bool,
    list_is_kept: bool,
) -> Result<(), Errno> {
    let own = copy.metadata().ok();
    let mode = mode(metadata, group, copy, own.as_ref(), is_new, list_is_kept);
    if own.is_some_and(|own| own.mode() & 0o7777 == mode) {
        return Ok(());
    }
    fchmod(copy, Mode::from_raw_mode(mode))
}

/// The mode for the copy, that gives nobody more than the source does.
fn mode(
    metadata: &Metadata,
    group: Option<u32>,
    copy: &File,
    own: Option<&Metadata>,
    is_new: bool,
    list_is_kept: bool,
) -> u32 {
    let mut mode = metadata.mode() & 0o7777;
    let owners = |metadata: &Metadata| (metadata.uid(), metadata.gid());
    if own.map(owners) != Some(owners(metadata)) {
        // They would lend another owner's rights than the source does.
        mode &= !SET_ID;
    }
    if list_is_kept {
        return mode;
    }
    if let Some(group) = group {
        // The mode shows the list's mask there, which the group itself need not have.
        mode = mode & !GROUP | group << 3;
    }
    // A list of the copy's own, which a new file inherits: the mask would give its entries what
    // the source gives to its group.
    let is_masked = acl::has_list(copy) && !(is_new && acl::remove(copy));
    if is_masked {
        mode &= !GROUP | own.map_or(0, Metadata::mode);
    }
    mode
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;
    use std::sync::Arc;

    use crate::fs::copy::meter::Waiting;

    #[test]
    fn a_list_that_cannot_be_read_is_not_taken_for_none() {
        let (file, copy) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        fchmod(&file, Mode::from_raw_mode(0o640)).unwrap();
        fchmod(&copy, Mode::from_raw_mode(0o666)).unwrap();
        let metadata = file.metadata().unwrap();
        assert_eq!(mode_at_creation(&metadata, &file, 0), Some(0o640));
        // Of a mere place in the tree no attribute can be read.
        let mut options = File::options();
        options.read(true).custom_flags(rustix::fs::OFlags::PATH.bits() as i32);
        let place = options.open("/").unwrap();
        assert_eq!(mode_at_creation(&metadata, &place, 0), None);
        let (from, to) = (Path::new("from").to_owned(), Path::new("to").to_owned());
        let job = Job::new(Arc::default(), from, to, &Waiting::default(), Arc::default());
        let unkept = keep(&job, &place, &metadata, &copy, false);
        let told = unkept.first().map(ToString::to_string).unwrap_or_default();
        assert!(unkept.len() == 1 && told.contains("list of from:"), "{unkept:?}");
        assert_eq!(copy.metadata().unwrap().mode() & 0o777, 0o600);
    }
}
