//! Access control lists, as far as they bear on the mode.

use std::fs::File;

use rustix::fs::{fgetxattr, fremovexattr};
use rustix::io::Errno;

/// The attribute that holds the list, see acl(5).
pub(super) const NAME: &str = "system.posix_acl_access";

/// Bytes of its header, and of one entry: tag, rights, and whom it is about.
const HEADER_BYTES: usize = 4;
const ENTRY_BYTES: usize = 8;

const TAG_GROUP: u16 = 0x04;
const TAG_MASK: u16 = 0x10;

/// No list that a file system holds is longer.
const LIST_BYTES_MAX: usize = 64 * 1024;

/// What the file's list gives to its group, mask and all; `None` where it has no list.
pub(super) fn group_rights(file: &File) -> Option<u32> {
    let mut few = [0; 128];
    match fgetxattr(file, NAME, &mut few[..]) {
        Ok(length) => rights(&few[..length]),
        Err(Errno::RANGE) => {
            let mut many = vec![0; LIST_BYTES_MAX];
            let length = fgetxattr(file, NAME, &mut many[..]).ok()?;
            rights(&many[..length])
        }
        Err(_) => None,
    }
}

/// Whether a directory has a list for what is made in it.
pub(super) fn has_default(directory: &File) -> bool {
    let answer = fgetxattr(directory, "system.posix_acl_default", &mut [0; 4][..]);
    !matches!(answer, Err(Errno::NODATA | Errno::OPNOTSUPP))
}

fn rights(list: &[u8]) -> Option<u32> {
    let entries = list.get(HEADER_BYTES..)?.chunks_exact(ENTRY_BYTES);
    let mut entries = entries.map(|entry| {
        let tag = u16::from_le_bytes([entry[0], entry[1]]);
        (tag, u32::from(u16::from_le_bytes([entry[2], entry[3]])))
    });
    let find = |wanted| entries.clone().find(|(tag, _)| *tag == wanted).map(|(_, rights)| rights);
    let (group, mask) = (find(TAG_GROUP), find(TAG_MASK));
    entries.next()?;
    Some(group.unwrap_or(0) & mask.unwrap_or(0o7) & 0o7)
}

/// Removes the list; says whether it is gone.
pub(super) fn remove(file: &File) -> bool {
    fremovexattr(file, NAME).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_has_what_its_entry_and_the_mask_allow() {
        let entry = |tag: u16, rights: u16| {
            let mut entry = [0xff; 8];
            entry[..2].copy_from_slice(&tag.to_le_bytes());
            entry[2..4].copy_from_slice(&rights.to_le_bytes());
            entry
        };
        let list = |entries: &[[u8; 8]]| [&[2, 0, 0, 0][..], &entries.concat()].concat();
        let masked = [entry(1, 6), entry(2, 7), entry(4, 5), entry(0x10, 6), entry(0x20, 0)];
        assert_eq!(rights(&list(&masked)), Some(4));
        assert_eq!(rights(&list(&[entry(1, 6), entry(4, 5), entry(0x20, 0)])), Some(5));
        assert_eq!((rights(&list(&[])), rights(b"")), (None, None));
    }
}
