//! The access control list of an open file, as far as it bears on the mode.

use std::fs::File;

use rustix::fs::{fgetxattr, fremovexattr};
use rustix::io::Errno;

use crate::fs::acl_group_rights;

/// The attribute that holds the list, see acl(5).
pub(super) const NAME: &str = "system.posix_acl_access";

/// No list that a file system holds is longer.
const LIST_BYTES_MAX: usize = 64 * 1024;

/// What the file's list gives to its group, mask and all; `None` where it has no list.
pub(super) fn group_rights(file: &File) -> Option<u32> {
    let mut few = [0; 128];
    match fgetxattr(file, NAME, &mut few[..]) {
        Ok(length) => acl_group_rights(&few[..length]),
        Err(Errno::RANGE) => {
            let mut many = vec![0; LIST_BYTES_MAX];
            let length = fgetxattr(file, NAME, &mut many[..]).ok()?;
            acl_group_rights(&many[..length])
        }
        Err(_) => None,
    }
}

/// Whether a directory has a list for what is made in it.
pub(super) fn has_default(directory: &File) -> bool {
    let answer = fgetxattr(directory, "system.posix_acl_default", &mut [0; 4][..]);
    !matches!(answer, Err(Errno::NODATA | Errno::OPNOTSUPP))
}

/// Removes the list; says whether it is gone.
pub(super) fn remove(file: &File) -> bool {
    fremovexattr(file, NAME).is_ok()
}
