//! Access control lists, as far as they bear on the permission bits.

/// Bytes of a list's header, and of one entry: tag, rights, and whom it is about.
const HEADER_BYTES: usize = 4;
const ENTRY_BYTES: usize = 8;

const TAG_GROUP: u16 = 0x04;
const TAG_MASK: u16 = 0x10;

/// What an access control list gives to the group of its file, in three bits (read 4, write 2,
/// execute 1); `None` for what holds no entry. The list is the value of the extended attribute
/// `system.posix_acl_access`.
///
/// A file with a list shows the list's mask where its mode otherwise has the rights of the group,
/// and the group may have fewer, or none. So the mode of such a file, given to one without a list,
/// can give the group more than it had.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("file");
/// # std::fs::write(&path, "")?;
/// # use std::os::unix::fs::PermissionsExt;
/// use aiofile::fs;
///
/// let shown = fs::metadata(&path).await?.permissions().mode() >> 3 & 0o7;
/// let list = fs::getxattr(&path, "system.posix_acl_access").await.unwrap_or_default();
/// let group = list.and_then(|list| fs::acl_group_rights(&list)).unwrap_or(shown);
/// assert_eq!(group & !shown, 0);
/// # Ok(()) }
/// ```
#[must_use]
pub fn acl_group_rights(list: &[u8]) -> Option<u32> {
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
        assert_eq!(acl_group_rights(&list(&masked)), Some(4));
        let unmasked = list(&[entry(1, 6), entry(4, 5), entry(0x20, 0)]);
        assert_eq!(acl_group_rights(&unmasked), Some(5));
        assert_eq!((acl_group_rights(&list(&[])), acl_group_rights(b"")), (None, None));
    }
}
