//! Permissions and times: which there are to be, and whether they are so already.

use std::fs::{File, FileTimes, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::SystemTime;

/// The bits that lend a program its owner's rights.
const SET_ID: u32 = 0o6000;

/// What the target gets from its source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    mode: u32,
    owner: (u32, u32),
    accessed: SystemTime,
    modified: SystemTime,
}

impl Attributes {
    pub(super) fn of(source: &Metadata) -> io::Result<Self> {
        Ok(Self {
            mode: source.mode() & 0o7777,
            owner: (source.uid(), source.gid()),
            accessed: source.accessed()?,
            modified: source.modified()?,
        })
    }

    /// Whether nothing is to be changed.
    pub(super) fn are_on(&self, target: &Metadata) -> bool {
        self.mode_on(target) == target.mode() & 0o7777 && self.has_time_of(target)
    }

    /// Whether the target has this time of change, as exactly as its file system can say.
    pub(super) fn has_time_of(&self, target: &Metadata) -> bool {
        let Ok(modified) = target.modified() else { return false };
        let seconds = |time: SystemTime| {
            time.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs()).ok()
        };
        let to_the_second = || {
            let own = seconds(self.modified);
            target.mtime_nsec() == 0 && own.is_some() && own == seconds(modified)
        };
        modified == self.modified || to_the_second()
    }

    /// Gives them to a file or a directory.
    pub(super) fn apply(&self, target: &File) -> io::Result<()> {
        let own = target.metadata()?;
        let times = FileTimes::new().set_accessed(self.accessed).set_modified(self.modified);
        target.set_times(times)?;
        let mode = self.mode_on(&own);
        if mode != own.mode() & 0o7777 {
            target.set_permissions(Permissions::from_mode(mode))?;
        }
        Ok(())
    }

    /// The mode for this target. The bits that lend rights would lend another owner's than the
    /// source does.
    fn mode_on(&self, target: &Metadata) -> u32 {
        let is_same_owner = (target.uid(), target.gid()) == self.owner;
        if is_same_owner { self.mode } else { self.mode & !SET_ID }
    }
}
