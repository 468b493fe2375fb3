//! Permissions, times and owners: which there are to be, and whether they are so already.

use std::fs::File;
use std::os::fd::AsFd;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, Stat, Timespec, Timestamps, Uid, chownat, fchmod, fchown, fstat,
    futimens, utimensat,
};
use rustix::io::Result;

use super::side::{Place, kind};
use super::{Settings, acl};
use crate::steps::Doing;

/// The bits that lend a program its owner's rights.
const SET_ID: u32 = 0o6000;

/// The bits of the group; with an access control list, its mask.
const GROUP: u32 = 0o070;

/// What the target gets from its source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    mode: u32,
    /// What the access control list gives to the group, where there is a list.
    group: Option<u32>,
    owner: (u32, u32),
    accessed: Timespec,
    modified: Timespec,
    keeps_owner: bool,
    keeps_list: bool,
}

impl Attributes {
    /// Those of what was found at the source. Reads its access control list, if its mode can have
    /// to do with one.
    pub(super) fn of(
        source: &Place<impl AsFd>,
        found: &Stat,
        settings: &Settings,
    ) -> caio::Result<Self> {
        let time =
            |seconds: i64, nanoseconds| Timespec { tv_sec: seconds, tv_nsec: nanoseconds as i64 };
        let group = match kind(found) {
            FileType::RegularFile | FileType::Directory if found.st_mode & GROUP != 0 => {
                let rights = acl::group_rights(source);
                rights.doing("read the access control list of", &source.shown)?
            }
            _ => None,
        };
        Ok(Self {
            mode: found.st_mode & 0o7777,
            group,
            owner: owner(found),
            accessed: time(found.st_atime, found.st_atime_nsec),
            modified: time(found.st_mtime, found.st_mtime_nsec),
            keeps_owner: settings.keep_owner,
            keeps_list: settings.keep_xattrs,
        })
    }

    /// Whether nothing is to be changed of what was found at the target. A link has no permissions
    /// of its own.
    pub(super) fn are_on(&self, target: &Place<impl AsFd>, found: &Stat) -> bool {
        let has_owner = !self.keeps_owner || self.owner == owner(found);
        let has_mode = kind(found).is_symlink()
            || self.mode_on(found, || acl::has_list(target)) == found.st_mode & 0o7777;
        has_owner && has_mode && self.has_time_of(found)
    }

    /// Whether the target has this time of change, as exactly as its file system can say.
    pub(super) fn has_time_of(&self, target: &Stat) -> bool {
        let nanoseconds = target.st_mtime_nsec as i64;
        self.modified.tv_sec == target.st_mtime
            && (nanoseconds == 0 || nanoseconds == self.modified.tv_nsec)
    }

    /// Gives them to a file or a directory. A new one keeps no access control list that it has
    /// from the directory above it.
    pub(super) fn apply(&self, target: &File, is_new: bool) -> Result<()> {
        if is_new && !self.keeps_list {
            acl::remove(target);
        }
        let own = fstat(target)?;
        // Another owner takes bits of the mode away, so that it comes first.
        let owned = if self.keeps_owner && self.owner != owner(&own) {
            fchown(target, Some(Uid::from_raw(self.owner.0)), Some(Gid::from_raw(self.owner.1)))
        } else {
            Ok(())
        };
        let own = fstat(target)?;
        let mode = self.mode_on(&own, || acl::has_list_open(target));
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

    /// The mode for this target, that gives nobody more than the source does.
    fn mode_on(&self, target: &Stat, has_list: impl Fn() -> bool) -> u32 {
        let mut mode = self.mode;
        if owner(target) != self.owner {
            // They would lend another owner's rights than the source does.
            mode &= !SET_ID;
        }
        if let Some(group) = self.group {
            if self.keeps_list && has_list() {
                return mode;
            }
            // The mode shows the list's mask there, which the group itself need not have.
            mode = mode & !GROUP | group << 3;
        }
        // A list of the target's own: the mask would give its entries what the source gives to its
        // group.
        if mode & GROUP & !target.st_mode != 0 && has_list() {
            mode &= !GROUP | target.st_mode;
        }
        mode
    }
}

fn owner(found: &Stat) -> (u32, u32) {
    (found.st_uid, found.st_gid)
}
