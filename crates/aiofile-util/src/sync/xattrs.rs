//! Extended attributes: whether two files have the same ones, and giving them to one.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fs::File;

use rustix::buffer::spare_capacity;
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::io::{Errno, Result};

/// The most bytes that Linux takes for a list of names, or for one value (`XATTR_SIZE_MAX`).
pub(super) const BYTES_MAX: usize = 64 * 1024;

/// Whether both have the same names with the same values, as far as this process may see them.
pub(super) fn are_same(one: &File, other: &File) -> Result<bool> {
    Ok(all(one)? == all(other)?)
}

/// Gives the target those of the source, and no others.
pub(super) fn keep(source: &File, target: &File) -> Result<()> {
    let (wanted, own) = (all(source)?, all(target)?);
    for name in own.keys().filter(|name| !wanted.contains_key(*name)) {
        fremovexattr(target, name.as_c_str())?;
    }
    for (name, value) in wanted.iter().filter(|(name, value)| own.get(*name) != Some(*value)) {
        fsetxattr(target, name.as_c_str(), value, XattrFlags::empty())?;
    }
    Ok(())
}

fn all(file: &File) -> Result<BTreeMap<CString, Vec<u8>>> {
    let mut names = Vec::with_capacity(BYTES_MAX);
    match flistxattr(file, spare_capacity(&mut names)) {
        // Such a file system has none.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(BTreeMap::new()),
        listed => listed?,
    };
    let mut found = BTreeMap::new();
    for name in names.split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        let mut value = Vec::with_capacity(BYTES_MAX);
        match fgetxattr(file, name, spare_capacity(&mut value)) {
            Ok(_) => _ = found.insert(name.to_owned(), value),
            // Gone meanwhile.
            Err(Errno::NODATA) => {}
            Err(answer) => return Err(answer),
        }
    }
    Ok(found)
}
