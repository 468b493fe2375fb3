//! Extended attributes, access control lists among them.

use std::ffi::{CStr, CString};
use std::fs::File;

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

use super::acl;

/// The most bytes that Linux takes for a list of names, or for one value (`XATTR_SIZE_MAX`).
const BYTES_MAX: usize = 64 * 1024;

/// What became of them.
#[derive(Default)]
pub(super) struct Kept {
    /// The access control list is that of the source.
    pub(super) list: bool,
    pub(super) failed: Vec<(CString, Errno)>,
}

/// Gives the copy all extended attributes of its source that this process may see.
pub(super) fn keep(source: &File, copy: &File) -> Kept {
    let mut kept = Kept::default();
    let mut names = vec![0; BYTES_MAX];
    let length = match flistxattr(source, &mut names[..]) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return kept,
        Err(answer) => {
            kept.failed.push((CString::default(), answer));
            return kept;
        }
    };
    let mut value = vec![0; BYTES_MAX];
    for name in names[..length].split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        let set = fgetxattr(source, name, &mut value[..])
            .and_then(|length| fsetxattr(copy, name, &value[..length], XattrFlags::empty()));
        match set {
            Ok(()) => kept.list |= name.to_bytes() == acl::NAME.as_bytes(),
            // Gone meanwhile.
            Err(Errno::NODATA) => {}
            Err(answer) => kept.failed.push((name.to_owned(), answer)),
        }
    }
    kept
}
