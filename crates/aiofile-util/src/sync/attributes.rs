//! Permissions, times and owners: which there are to be, and whether they are so already.

use std::fs::File;
use std::os::fd::AsFd;

use rustix::fs::{
    AtFlags, Gid, Mode, Stat, Timespec, Timestamps, Uid, chownat, fchmod, fchown, fstat, futimens,
    utimensat,
};
use rustix::io::Result;

use super::side::Place;

/// The bits that lend a program its owner's rights.
const SET_ID: u32 = 0o6000;

/// What the target gets from its source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    mode: u32,
    owner: (u32, u32),
    accessed: Timespec,
    modified: Timespec,
    keeps_owner: bool,
}

impl Attributes {
    pub(super) fn of(source: &Stat, keeps_owner: bool) -> Self {
        let time =
            |seconds: i64, nanoseconds| Timespec { tv_sec: seconds, tv_nsec: nanoseconds as i64 };
        Self {
            mode: source.st_mode & 0o7777,
            owner: owner(source),
            accessed: time(source.st_atime, source.st_atime_nsec),
            modified: time(source.st_mtime, source.st_mtime_nsec),
            keeps_owner,
        }
    }

    /// Whether nothing is to be changed. A link has no permissions of its own.
    pub(super) fn are_on(&self, target: &Stat, is_link: bool) -> bool {
        let has_owner = !self.keeps_owner || self.owner == owner(target);
        let has_mode = is_link || self.mode_on(target) == target.st_mode & 0o7777;
        has_owner && has_mode && self.has_time_of(target)
    }

    /// Whether the target has this time of change, as exactly as its file system can say.
    pub(super) fn has_time_of(&self, target: &Stat) -> bool {
        let nanoseconds = target.st_mtime_nsec as i64;
        self.modified.tv_sec == target.st_mtime
            && (nanoseconds == 0 || nanoseconds == self.modified.tv_nsec)
    }

    /// Gives them to a file or a directory.
    pub(super) fn apply(&self, target: &File) -> Result<()> {
        let own = fstat(target)?;
        // Another owner takes bits of the mode away, so that it comes first.
        let owned = if self.keeps_owner && self.owner != owner(&own) {
            fchown(target, Some(Uid::from_raw(self.owner.0)), Some(Gid::from_raw(self.owner.1)))
        } else {
            Ok(())
        };
        let own = fstat(target)?;
        let mode = self.mode_on(&own);
        if mode != own.st_mode & 0o7777 {
            fchmod(target, Mode::from_raw_mode(mode))?;
        }
        futimens(target, &self.times())?;
        owned
    }

    /// Gives them to a link, and not to what it leads to.
    pub(super) fn apply_to_link(&self, place: &Place<impl AsFd>) -> Result<()> {
        let (directory, at) = (&place.directory, AtFlags::SYMLINK_NOFOLLOW);
        utimensat(directory, &place.name, &self.times(), at)?;
        if self.keeps_owner {
            let (user, group) = (Uid::from_raw(self.owner.0), Gid::from_raw(self.owner.1));
            chownat(directory, &place.name, Some(user), Some(group), at)?;
        }
        Ok(())
    }

    fn times(&self) -> Timestamps {
        Timestamps { last_access: self.accessed, last_modification: self.modified }
    }

    /// The mode for this target. The bits that lend rights would lend another owner's than the
    /// source does.
    fn mode_on(&self, target: &Stat) -> u32 {
        if owner(target) == self.owner { self.mode } else { self.mode & !SET_ID }
    }
}

fn owner(found: &Stat) -> (u32, u32) {
    (found.st_uid, found.st_gid)
}
