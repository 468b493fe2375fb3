//! Files of the source with several names, which become one file with several names.
//!
//! Only these files are remembered, each until all of its names were met.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rustix::fs::{AtFlags, Mode, OFlags, linkat, openat};
use rustix::io::Errno;

use super::Tree;
use super::directory::Directory;
use super::open::Open;
use super::others::or_replace;

/// What is known of the files with several names.
#[derive(Default)]
pub(super) struct Links(Mutex<HashMap<Id, Known>>);

/// A file of the source. The time at which it was made tells it from one that has its number later.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Id {
    device: u64,
    inode: u64,
    made: Option<SystemTime>,
}

struct Known {
    /// Where the file is in the copy, from the top of it; `None` while it is being copied.
    first: Option<PathBuf>,
    /// How many names were not met yet.
    left: u64,
}

/// What a name turned out to be.
pub(super) enum Met {
    /// The only name of a file, or the first one: then others wait for it to be made.
    New(Option<Claim>),
    /// Another name, which the copy has, too, by now.
    Linked,
    /// Another name of a file that is being copied.
    Later,
}

/// The first name of a file. Where it is dropped before the file was made, the next name that is
/// met becomes the first.
pub(super) struct Claim {
    tree: Arc<Tree>,
    id: Id,
    path: PathBuf,
}

/// Looks whether a file was met before under another name, and gives the copy this name then.
///
/// # Errors
/// What linkat(2) answers.
pub(super) fn meet(
    tree: &Arc<Tree>,
    (directory, open): (&Directory, &Open),
    name: &OsStr,
    found: &Metadata,
) -> Result<Met, Errno> {
    let Some(links) = tree.links.as_ref().filter(|_| found.nlink() > 1) else {
        return Ok(Met::New(None));
    };
    let id = Id { device: found.dev(), inode: found.ino(), made: found.created().ok() };
    let mut all = links.lock();
    let Some(known) = all.get_mut(&id) else {
        all.insert(id.clone(), Known { first: None, left: found.nlink() - 1 });
        let path = directory.to.strip_prefix(&tree.to).unwrap_or(&directory.to).join(name);
        return Ok(Met::New(Some(Claim { tree: Arc::clone(tree), id, path })));
    };
    let Some(first) = known.first.clone() else { return Ok(Met::Later) };
    known.left = known.left.saturating_sub(1);
    if known.left == 0 {
        all.remove(&id);
    }
    drop(all);
    link(tree, &first, open, name)?;
    Ok(Met::Linked)
}

/// Gives a file of the copy another name, which it takes from what has it.
fn link(tree: &Tree, first: &Path, open: &Open, name: &OsStr) -> Result<(), Errno> {
    let mut within: Option<OwnedFd> = None;
    for above in first.parent().into_iter().flatten() {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let at = within.as_ref().map_or(tree.top.target.as_fd(), AsFd::as_fd);
        within = Some(openat(at, above, flags, Mode::empty())?);
    }
    let at = within.as_ref().map_or(tree.top.target.as_fd(), AsFd::as_fd);
    let own = first.file_name().unwrap_or_default();
    or_replace(open, name, |name| linkat(at, own, &open.target, name, AtFlags::empty()))
}

impl Links {
    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// The file is there.
    pub(super) fn made(self) {
        if let Some(links) = &self.tree.links
            && let Some(known) = links.lock().get_mut(&self.id)
        {
            known.first = Some(self.path.clone());
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(links) = &self.tree.links {
            let mut all = links.lock();
            if all.get(&self.id).is_some_and(|known| known.first.is_none()) {
                all.remove(&self.id);
            }
        }
    }
}
