//! A directory compared with its counterpart: one job.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiofile::fs::is_temporary_name;
use caio::{Error, ErrorKind, Result};
use rustix::fs::{FileType, FlockOperation, Mode, Stat, flock};

use super::attributes::Attributes;
use super::directory::Directory;
use super::links::Id;
use super::report::Action;
use super::side::{OpenDirectory, Place, kind};
use super::task::{Entry, Found, Task, What, Work};
use super::{Compare, xattrs};
use crate::steps::Doing;

/// Looks at all that is in the directory. Makes the counterpart where there is none.
pub(super) fn list(work: &Work, directory: &Arc<Directory>, found: &mut Found) {
    if let Err(error) = try_list(work, directory, found) {
        found.fail(&directory.path, error);
    }
}

fn try_list(work: &Work, directory: &Arc<Directory>, found: &mut Found) -> Result<()> {
    let from = work.from.directory(&directory.path)?;
    let names = from.names()?;
    let to = open_target(work, directory, &from, found)?;
    let comparison = Comparison { work, directory, from: &from, to: to.as_ref() };
    for name in names.iter().filter(|name| !is_temporary_name(name)) {
        let path = directory.path.join(name);
        if let Err(error) = comparison.compare(path.clone(), name, found) {
            found.fail(&path, error);
        }
    }
    let Some(to) = &to else { return Ok(()) };
    if !directory.is_new()
        && let Err(error) = comparison.look_for_more(to, &names.into_iter().collect(), found)
    {
        found.fail(&directory.path, error);
    }
    if found.has_entries() && !work.settings.dry_run && to.open_up()? {
        directory.touch();
    }
    Ok(())
}

/// The counterpart, a directory and no link to one, which is made where there is none; `None` where
/// that is only to be told.
fn open_target(
    work: &Work,
    directory: &Directory,
    from: &OpenDirectory,
    found: &mut Found,
) -> Result<Option<OpenDirectory>> {
    let (dry_run, path) = (work.settings.dry_run, &directory.path);
    let Some(side) = &work.to else {
        // Of the whole it was told before.
        if directory.parent.is_some() {
            directory.make_new();
            found.did(Action::Create, path);
        }
        return Ok(None);
    };
    let Some(parent) = &directory.parent else {
        let to = side.directory(path)?;
        examine(work, directory, from, &to, found)?;
        return Ok(Some(to));
    };
    if dry_run && parent.is_new() {
        directory.make_new();
        found.did(Action::Create, path);
        return Ok(None);
    }
    let place = side.place(path)?;
    let action = match place.stat()? {
        Some(there) if kind(&there).is_dir() => {
            let to = side.directory(path)?;
            examine(work, directory, from, &to, found)?;
            return Ok(Some(to));
        }
        Some(_) => Action::Update,
        None => Action::Create,
    };
    directory.make_new();
    found.did(action, path);
    if dry_run {
        return Ok(None);
    }
    parent.touch();
    place.directory.open_up()?;
    if action == Action::Update {
        place.unlink()?;
    }
    // Nobody else's until it has the permissions of its source.
    let made = rustix::fs::mkdirat(&place.directory, &place.name, Mode::RWXU);
    made.doing("mkdir", &place.shown)?;
    side.directory(path).map(Some)
}

/// Notes whether a directory that is there needs other attributes.
fn examine(
    work: &Work,
    directory: &Directory,
    from: &OpenDirectory,
    to: &OpenDirectory,
    found: &mut Found,
) -> Result<()> {
    if directory.is_new() {
        return Ok(());
    }
    let is_same = directory.attributes.are_on(&to.itself(), &to.stat()?)
        && (!work.settings.keep_xattrs
            || has_xattrs(
                &from.readable()?,
                &to.readable()?,
                &work.shown_target(&directory.path),
            )?);
    if !is_same {
        directory.touch();
        found.did(Action::Attributes, &directory.path);
    }
    Ok(())
}

/// Whether the target has the extended attributes of the source.
fn has_xattrs(source: &File, target: &File, shown: &Path) -> Result<bool> {
    xattrs::are_same(source, target).doing("compare the attributes of", shown)
}

/// One directory on both sides.
struct Comparison<'a> {
    work: &'a Work,
    directory: &'a Arc<Directory>,
    from: &'a OpenDirectory,
    to: Option<&'a OpenDirectory>,
}

impl Comparison<'_> {
    /// Notes what is to be done for one name of the source.
    fn compare(&self, path: PathBuf, name: &OsStr, found: &mut Found) -> Result<()> {
        let settings = &self.work.settings;
        let source = self.from.place(name);
        // It may go in between.
        let Some(stat) = source.stat()? else { return Ok(()) };
        let attributes = Attributes::of(&source, &stat, settings)?;
        let (is_file, is_link) = match kind(&stat) {
            FileType::Directory => {
                let parent = Some(Arc::clone(self.directory));
                let child = Directory::new(path, parent, attributes, false);
                found.children.push(Task::List(child));
                return Ok(());
            }
            FileType::RegularFile => (true, false),
            FileType::Symlink => (false, true),
            _ => {
                found.did(Action::Skip, &path);
                return Ok(());
            }
        };
        let target = self.to.filter(|_| !self.directory.is_new()).map(|to| to.place(name));
        let there = target.as_ref().map(|target| self.there(target)).transpose()?.flatten();
        let action = if there.is_some() { Action::Update } else { Action::Create };
        let id = (settings.keep_hard_links && is_file && stat.st_nlink > 1).then(|| Id::of(&stat));
        let first = id.and_then(|id| self.work.links.first(id, &path));
        let pair = target.as_ref().zip(there.as_ref());
        let what = match (first, pair) {
            (Some(first), _) => Some(What::HardLink { first, attributes }),
            (None, Some((target, there))) if is_link => {
                self.compare_link(&source, target, there, attributes)?
            }
            (None, Some((target, there))) if kind(there).is_file() => {
                self.compare_file((&source, &stat), (target, there), attributes)?
            }
            (None, _) if is_link => Some(What::Link(attributes)),
            (None, _) => Some(What::Copy),
        };
        let Some(what) = what else {
            found.unchanged += 1;
            return Ok(());
        };
        let bytes = if is_file { stat.st_size as u64 } else { 0 };
        let directory = Arc::clone(self.directory);
        found.children.push(Task::Entry(Entry { directory, path, what, action, bytes, id }));
        Ok(())
    }

    fn compare_link(
        &self,
        source: &Place<&OpenDirectory>,
        target: &Place<&OpenDirectory>,
        there: &Stat,
        attributes: Attributes,
    ) -> Result<Option<What>> {
        Ok(if !kind(there).is_symlink() || source.read_link()? != target.read_link()? {
            Some(What::Link(attributes))
        } else if attributes.are_on(target, there) {
            None
        } else {
            Some(What::Attributes { attributes, is_link: true })
        })
    }

    fn compare_file(
        &self,
        (source, stat): (&Place<&OpenDirectory>, &Stat),
        (target, there): (&Place<&OpenDirectory>, &Stat),
        attributes: Attributes,
    ) -> Result<Option<What>> {
        let settings = &self.work.settings;
        let is_of_another = settings.keep_hard_links
            && there.st_nlink > 1
            && !self.work.links.claim(Id::of(there), Id::of(stat));
        if is_of_another || there.st_size != stat.st_size {
            return Ok(Some(What::Copy));
        }
        let by_time = settings.compare == Compare::SizeAndTime;
        if by_time && !attributes.has_time_of(there) {
            return Ok(Some(What::Copy));
        }
        let are_same = attributes.are_on(target, there)
            && (!settings.keep_xattrs
                || has_xattrs(&source.open()?, &target.open()?, &target.shown)?);
        Ok(match (by_time, are_same) {
            (false, _) => Some(What::Compare { attributes, are_same }),
            (true, true) => None,
            (true, false) => Some(What::Attributes { attributes, is_link: false }),
        })
    }

    /// What stands at the target, which must not be a directory that is to stay.
    fn there(&self, target: &Place<&OpenDirectory>) -> Result<Option<Stat>> {
        let Some(there) = target.stat()? else { return Ok(None) };
        let is_full = || {
            let opened = rustix::fs::Dir::new(target.open().ok()?).ok()?;
            let mut names = opened.flatten().map(|entry| entry.file_name().to_owned());
            names.find(|name| name.as_c_str() != c"." && name.as_c_str() != c"..")
        };
        if kind(&there).is_dir() && !self.work.settings.delete && is_full().is_some() {
            let message = "a directory with contents is in the way";
            let error = Error::new(ErrorKind::InvalidInput, message).doing("replace");
            return Err(error.on(&target.shown).hint("with `delete` it is replaced"));
        }
        Ok(Some(there))
    }

    /// What the counterpart has and the source has not, and what a killed run left.
    fn look_for_more(
        &self,
        to: &OpenDirectory,
        names: &HashSet<OsString>,
        found: &mut Found,
    ) -> Result<()> {
        let settings = &self.work.settings;
        for name in to.names()? {
            if is_temporary_name(&name) {
                if !settings.dry_run && remove_left_over(&to.place(&name)) {
                    self.directory.touch();
                }
            } else if settings.delete && !names.contains(&name) {
                let (directory, path) =
                    (Arc::clone(self.directory), self.directory.path.join(&name));
                let (what, action) = (What::Delete, Action::Delete);
                let entry = Entry { directory, path, what, action, bytes: 0, id: None };
                found.children.push(Task::Entry(entry));
            }
        }
        Ok(())
    }
}

/// Removes a temporary file that nobody writes to any more: who does has it locked. A link cannot
/// be locked, and has its temporary name for a moment only.
fn remove_left_over(place: &Place<&OpenDirectory>) -> bool {
    let is_left = match place.stat() {
        Ok(Some(there)) if kind(&there).is_symlink() => true,
        Ok(Some(there)) if kind(&there).is_file() => place
            .open()
            .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()),
        _ => false,
    };
    is_left && place.unlink().is_ok()
}
