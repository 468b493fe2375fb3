//! What a file system tells of changes, and how far what it says of a file can be compared.

use std::path::Path;

use caio::Result;
use rustix::fs::statfs;

use crate::steps::Doing;

/// How far what is said of a file can be compared with what was said before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// All of it.
    All,
    /// The number of a file may change while it stays the same file.
    NotTheNumber,
    /// Times and lengths are made up, too, so that contents have to be read.
    NothingButTheMode,
}

/// File systems that inotify is told nothing of: others change them, or the kernel makes them up.
const UNTOLD: [(u32, Trust); 15] = [
    (0x9fa0, Trust::NothingButTheMode),      // proc
    (0x6265_6572, Trust::NothingButTheMode), // sysfs
    (0x6462_6720, Trust::NothingButTheMode), // debugfs
    (0x7472_6163, Trust::NothingButTheMode), // tracefs
    (0x6573_5546, Trust::NotTheNumber),      // FUSE
    (0x0102_1997, Trust::NotTheNumber),      // 9P
    (0x517b, Trust::NotTheNumber),           // SMB
    (0xff53_4d42, Trust::NotTheNumber),      // CIFS
    (0xfe53_4d42, Trust::NotTheNumber),      // SMB2
    (0x6969, Trust::All),                    // NFS
    (0x00c3_6400, Trust::All),               // Ceph
    (0x5346_414f, Trust::All),               // AFS
    (0x0bd0_0bd0, Trust::All),               // Lustre
    (0x0116_1970, Trust::All),               // GFS2
    (0x7461_636f, Trust::All),               // OCFS2
];

/// How to look for changes of this path, where it has to be looked for; `None` where they are told.
pub(super) fn untold(path: &Path) -> Result<Option<Trust>> {
    let found = statfs(path).doing("watch", path)?;
    Ok(UNTOLD.iter().find(|(kind, _)| is_kind(found.f_type as u64, *kind)).map(|(_, trust)| *trust))
}

/// The type of the field differs between architectures, and some extend its sign.
fn is_kind(found: u64, kind: u32) -> bool {
    found & u64::from(u32::MAX) == u64::from(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_makes_up_is_not_told() {
        assert_eq!(untold(Path::new("/proc/self")).unwrap(), Some(Trust::NothingButTheMode));
        assert_eq!(untold(Path::new("/sys")).unwrap(), Some(Trust::NothingButTheMode));
        let place = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        assert_eq!(untold(place.path()).unwrap(), None);
        assert!(untold(&place.path().join("missing")).is_err());
    }

    #[test]
    fn a_number_whose_sign_was_extended_is_the_same() {
        assert!(is_kind(0xff53_4d42, 0xff53_4d42));
        assert!(is_kind(0xffff_ffff_ff53_4d42, 0xff53_4d42));
        assert!(!is_kind(0x6969, 0x9fa0));
    }
}
