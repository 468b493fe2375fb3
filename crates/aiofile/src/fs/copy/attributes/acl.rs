//! The access control list of an open file, as far as it bears on the mode.

use std::fs::File;

use rustix::fs::{fgetxattr, fremovexattr};
use rustix::io::Errno;

use crate::fs::acl_group_rights;

/// The attribute that holds the list, see acl(5).
pub(super) const NAME: &str = "system.posix_acl_access";

/// No list that a file system holds is longer.
const LIST_BYTES_MAX: usize = 64 * 1024;

/// The list of most files, in bytes.
const USUAL_BYTES: usize = 128;

/// What the file's list gives to its group, mask and all; `None` where it has no list.
pub(super) fn group_rights(file: &File) -> Result<Option<u32>, Errno> {
    let mut few = [0; USUAL_BYTES];
    match fgetxattr(file, NAME, &mut few[..]) {
        Ok(length) => Ok(acl_group_rights(&few[..length])),
        Err(Errno::RANGE) => {
            let mut many = vec![0; LIST_BYTES_MAX];
            let length = fgetxattr(file, NAME, &mut many[..])?;
            Ok(acl_group_rights(&many[..length]))
        }
        Err(answer) if means_none(answer) => Ok(None),
        Err(answer) => Err(answer),
    }
}

/// Whether a file has a list. What cannot be read is taken for one.
pub(super) fn has_list(file: &File) -> bool {
    has(file, NAME)
}

/// Whether a directory has a list for what is made in it.
pub(super) fn has_default(directory: &File) -> bool {
    has(directory, "system.posix_acl_default")
}

/// Removes the list; says whether it is gone.
pub(super) fn remove(file: &File) -> bool {
    fremovexattr(file, NAME).is_ok()
}

fn has(file: &File, name: &str) -> bool {
    !fgetxattr(file, name, &mut [0_u8; 0][..]).is_err_and(means_none)
}

/// Answers for files without a list, and of file systems and kernels that have none.
fn means_none(answer: Errno) -> bool {
    matches!(answer, Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS)
}
