//! Access control lists: where a file has one, its mode shows the list's mask in the place of the
//! rights of the group.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;

use aiofile::fs::acl_group_rights;
use rustix::fs::{Mode, OFlags, fgetxattr, fremovexattr, lgetxattr, openat};
use rustix::io::{Errno, Result};

use super::side::Place;
use super::xattrs::BYTES_MAX;

/// The attribute that holds the list, see acl(5).
const NAME: &str = "system.posix_acl_access";

/// The list of most files, in bytes.
const USUAL_BYTES: usize = 128;

/// What the list of a file or a directory gives to its group; `None` where it has no list.
pub(super) fn group_rights(place: &Place<impl AsFd>) -> Result<Option<u32>> {
    let mut list = vec![0; USUAL_BYTES];
    let length = match get(place, &mut list) {
        Err(Errno::RANGE) => {
            list.resize(BYTES_MAX, 0);
            get(place, &mut list)
        }
        got => got,
    };
    match length {
        Ok(length) => Ok(acl_group_rights(&list[..length])),
        Err(answer) if means_none(answer) => Ok(None),
        Err(answer) => Err(answer),
    }
}

/// Whether a file or a directory has a list. What cannot be read is taken for one.
pub(super) fn has_list(place: &Place<impl AsFd>) -> bool {
    !get(place, &mut []).is_err_and(means_none)
}

/// Whether an open file or directory has one.
pub(super) fn has_list_open(file: &File) -> bool {
    !fgetxattr(file, NAME, &mut [0_u8; 0][..]).is_err_and(means_none)
}

/// Removes the list. Where there is none, or it cannot be removed, nothing happens.
pub(super) fn remove(file: &File) {
    let _ = fremovexattr(file, NAME);
}

/// Reads the list of what need not be readable, through no link.
fn get(place: &Place<impl AsFd>, list: &mut [u8]) -> Result<usize> {
    let directory = place.directory.as_fd();
    let mut path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    path.push(&place.name);
    match lgetxattr(&path, NAME, &mut list[..]) {
        // It has to be opened where /proc is not there.
        Err(Errno::NOENT | Errno::NOTDIR) => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let opened = openat(directory, &place.name, flags, Mode::empty())?;
            fgetxattr(opened, NAME, list)
        }
        got => got,
    }
}

/// Answers of files without a list, and of file systems that have none.
fn means_none(answer: Errno) -> bool {
    matches!(answer, Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS)
}
