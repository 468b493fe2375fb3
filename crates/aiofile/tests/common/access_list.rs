//! Access control lists, for the tests of what copies files with their rights.

use std::path::Path;

use rustix::fs::{XattrFlags, setxattr};

/// The attribute that holds the list, and the one for what is made in a directory.
pub(crate) const LIST: &str = "system.posix_acl_access";
pub(crate) const INHERITED: &str = "system.posix_acl_default";

/// A list as acl(5) has it: the owner, somebody else, the group, the mask, all others.
pub(crate) fn list(owner: u16, others: u16, group: u16, mask: u16) -> Vec<u8> {
    let entries: [(u16, u16, u32); 5] = [
        (0x01, owner, u32::MAX),
        (0x02, others, 12_345),
        (0x04, group, u32::MAX),
        (0x10, mask, u32::MAX),
        (0x20, 0, u32::MAX),
    ];
    let mut list = vec![2, 0, 0, 0];
    for (tag, rights, who) in entries {
        list.extend(tag.to_le_bytes());
        list.extend(rights.to_le_bytes());
        list.extend(who.to_le_bytes());
    }
    list
}

/// Gives a list to a file; says so where the file system has none.
pub(crate) fn set_list(path: &Path, name: &str, list: &[u8]) -> bool {
    let set = setxattr(path, name, list, XattrFlags::empty());
    if let Err(error) = set {
        println!("skipped: no access control lists here: {error}");
    }
    set.is_ok()
}
