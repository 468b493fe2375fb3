//! One directory of a tree, and its copy.

use std::fs::{self, File, Metadata};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use caio::Result;
use rustix::fs::{CWD, Mode, OFlags, fsync, mkdirat, openat};
use rustix::io::Errno;

use super::super::job::Job;
use super::super::meter::Waiting;
use super::super::settings::Settings;
use super::super::{answered, attributes, refused};
use super::links::Links;
use super::open::{LastUsed, Open};
use super::progress::{Part, Progress};
use super::{CopiedDir, Tree};

/// A directory on both sides. It gets its attributes when nothing is left to be done in it, since
/// every new entry changes its time, and a mode may forbid them.
pub(super) struct Directory {
    /// Its descriptors, while it is open.
    open: Mutex<Weak<Open>>,
    /// The paths, as they follow from what was typed.
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
    metadata: Metadata,
    /// The device and the inode of its copy.
    copy: (u64, u64),
    /// Its copy was made, and has not got its attributes.
    is_new: bool,
    /// What is made in the copy gets an access control list.
    pub(super) is_inherited_from: bool,
    parent: Option<Arc<Directory>>,
    tree: Arc<Tree>,
}

/// Opens the top of a tree on both sides.
///
/// # Errors
/// Where the source is no directory, or the copy would lie in it; else what the system answers.
pub(super) fn begin(
    settings: Arc<Settings>,
    from: PathBuf,
    to: PathBuf,
) -> Result<(Arc<Tree>, Arc<Directory>)> {
    let source = open(CWD, &from, OFlags::empty());
    let source = source.map_err(|answer| answered(answer, "open", &from))?;
    let found = source.metadata().map_err(|error| answered(error, "open", &from))?;
    refuse_within(&found, &from, &to)?;
    let is_new = make(CWD, &to, &settings).map_err(|answer| answered(answer, "create", &to))?;
    let target = open(CWD, &to, OFlags::empty());
    let target = target.map_err(|answer| answered(answer, "create", &to))?;
    if is_new && settings.durable {
        let synced = open(&target, Path::new(".."), OFlags::empty()).and_then(fsync);
        synced.map_err(|answer| answered(answer, "sync the directory of", &to))?;
    }
    let there = target.metadata().map_err(|error| answered(error, "create", &to))?;
    if identity(&there) == identity(&found) {
        return Err(refused(format!("it is the same as {}", from.display()), &to));
    }
    let is_inherited_from = attributes::is_inherited_from(&target);
    let open = Arc::new(Open { source, target });
    let weak = Arc::downgrade(&open).into();
    let links = settings.keep_hard_links.then(Links::default);
    let progress = settings.dir_progress.clone().map(|callback| Progress::new(callback).into());
    let tree = Arc::new(Tree {
        settings,
        progress,
        links,
        to: to.clone(),
        top: open,
        last_used: LastUsed::default(),
        waiting: Waiting::default(),
        shares_nothing: Arc::default(),
        umask: umask(),
        tally: CopiedDir::default().into(),
        target: identity(&there),
    });
    tree.count(CopiedDir::add_directory);
    let top = Directory {
        open: weak,
        from,
        to,
        metadata: found,
        copy: tree.target,
        is_new,
        is_inherited_from,
        parent: None,
        tree: Arc::clone(&tree),
    };
    Ok((tree, Arc::new(top)))
}

impl Directory {
    /// Opens a directory of this one on both sides.
    ///
    /// # Errors
    /// Where it is one that the tree is already within, or the copy itself; else what the system
    /// answers.
    pub(super) fn enter(self: &Arc<Self>, tree: &Arc<Tree>, name: &Path) -> Result<Self> {
        let (from, to) = (self.from.join(name), self.to.join(name));
        let own = self.open()?;
        let source = open(&own.source, name, OFlags::NOFOLLOW);
        let source = source.map_err(|answer| answered(answer, "open", &from))?;
        let metadata = source.metadata().map_err(|error| answered(error, "open", &from))?;
        let found = identity(&metadata);
        if found == tree.target {
            return Err(refused("it is the copy itself", &from));
        }
        let mut above = Some(self);
        while let Some(directory) = above {
            if identity(&directory.metadata) == found {
                return Err(refused("it is a directory that lies above it", &from));
            }
            above = directory.parent.as_ref();
        }
        let created = |answer| answered(answer, "create", &to);
        let is_new = make(&own.target, name, &tree.settings).map_err(created)?;
        let target = open(&own.target, name, OFlags::NOFOLLOW).map_err(created)?;
        let there = target.metadata().map_err(|error| answered(error, "create", &to))?;
        tree.count(CopiedDir::add_directory);
        let is_inherited_from = attributes::is_inherited_from(&target);
        let directory = Self {
            open: Mutex::default(),
            from,
            to,
            metadata,
            copy: identity(&there),
            is_new,
            is_inherited_from,
            parent: Some(Arc::clone(self)),
            tree: Arc::clone(tree),
        };
        directory.is_open(Open { source, target });
        Ok(directory)
    }

    /// Its descriptors. Where they were closed meanwhile, it is opened again from the nearest one
    /// above it that is open, through no link.
    ///
    /// # Errors
    /// Where it is not there any more; else what the system answers.
    pub(super) fn open(&self) -> Result<Arc<Open>> {
        let (mut closed, mut nearest) = (Vec::new(), self);
        let mut open = loop {
            if let Some(open) = nearest.descriptors() {
                break open;
            }
            let Some(parent) = &nearest.parent else { break Arc::clone(&self.tree.top) };
            closed.push(nearest);
            nearest = parent;
        };
        while let Some(directory) = closed.pop() {
            let name = directory.from.file_name().unwrap_or_default();
            open = directory.open_again(&open, Path::new(name))?;
        }
        self.tree.last_used.put(&open);
        Ok(open)
    }

    /// Opens it again, by a name that it has in another directory.
    fn open_again(&self, within: &Open, name: &Path) -> Result<Arc<Open>> {
        let again = |within: &File, path: &Path, wanted: (u64, u64)| {
            let again = open(within, name, OFlags::NOFOLLOW);
            let again = again.map_err(|answer| answered(answer, "open", path))?;
            let found = again.metadata().map_err(|error| answered(error, "open", path))?;
            match identity(&found) == wanted {
                true => Ok(again),
                false => Err(refused("another directory took its place meanwhile", path)),
            }
        };
        let source = again(&within.source, &self.from, identity(&self.metadata))?;
        let target = again(&within.target, &self.to, self.copy)?;
        Ok(self.is_open(Open { source, target }))
    }

    fn is_open(&self, open: Open) -> Arc<Open> {
        let open = Arc::new(open);
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&open);
        self.tree.last_used.put(&open);
        open
    }

    fn descriptors(&self) -> Option<Arc<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    /// Gives the copy its attributes, and the names in it to the device where that is wanted. On
    /// the way back from the depth the one `below` it leads here in one step.
    fn finish(&mut self, below: Option<&Open>) -> Option<Arc<Open>> {
        let mut own = self.descriptors();
        let is_new = std::mem::take(&mut self.is_new);
        if is_new || self.tree.settings.durable {
            let again = below.filter(|_| own.is_none());
            own = own.or_else(|| self.open_again(again?, Path::new("..")).ok());
            let job = self.tree.job(self.from.clone(), self.to.clone(), None);
            let unkept = match own.take().map_or_else(|| self.open(), Ok) {
                Ok(open) => {
                    let Open { source, target } = &*open;
                    let unkept = match is_new {
                        true => attributes::keep(&job, source, &self.metadata, target, true),
                        false => Vec::new(),
                    };
                    self.sync(target);
                    own = Some(open);
                    unkept
                }
                Err(error) => vec![error],
            };
            self.tree.count(|tally| tally.add_unkept(unkept));
        }
        own.inspect(|open| self.tree.last_used.forget(open))
    }

    /// Puts the names in the copy on the device, if that is wanted and somebody still waits for it.
    fn sync(&self, copy: &File) {
        if self.tree.settings.durable
            && self.tree.check().is_ok()
            && let Err(answer) = fsync(copy)
        {
            self.tree.failed(answered(answer, "fsync", &self.to));
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let mut below = self.finish(None);
        let mut above = self.parent.take();
        // One after the other: a deep tree has more of them than a stack has room for.
        while let Some(mut directory) = above.and_then(Arc::into_inner) {
            below = directory.finish(below.as_deref());
            above = directory.parent.take();
        }
    }
}

impl Tree {
    /// One file of the tree.
    pub(super) fn job(&self, from: PathBuf, to: PathBuf, part: Option<&Arc<Part>>) -> Job {
        let (settings, shares_nothing) =
            (Arc::clone(&self.settings), Arc::clone(&self.shares_nothing));
        let mut job = Job::new(settings, from, to, &self.waiting, shares_nothing);
        if let Some(part) = part {
            job.meter.tell(part.callback(self.settings.progress.clone()));
        }
        job
    }
}

fn open(at: impl AsFd, name: &Path, more: OFlags) -> Result<File, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | more;
    openat(at, name, flags, Mode::empty()).map(File::from)
}

/// Makes a directory, if there is none; says whether there was none.
fn make(at: impl AsFd, name: &Path, settings: &Settings) -> Result<bool, Errno> {
    // Nobody else's until it has the mode of its source.
    let mode = Mode::from_raw_mode(if settings.keep_mode { 0o700 } else { 0o777 });
    match mkdirat(at, name, mode) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(answer) => Err(answer),
    }
}

/// The umask, which the system tells without a change of it here only.
fn umask() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(umask.trim(), 8).ok()
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Refuses a copy that would lie in its own source, and so have no end.
fn refuse_within(source: &Metadata, from: &Path, to: &Path) -> Result<()> {
    let absolute = std::path::absolute(to).map_err(|error| answered(error, "copy", to))?;
    // Of what is there already: a link on the way leads to where the copy would really be.
    let there = absolute.ancestors().find_map(|path| fs::canonicalize(path).ok());
    let mut above = there.as_deref();
    while let Some(directory) = above {
        let is_source = |found: Metadata| identity(&found) == identity(source);
        if fs::metadata(directory).is_ok_and(is_source) {
            let message = format!("it would lie within {}, and have no end", from.display());
            return Err(refused(message, to));
        }
        above = directory.parent();
    }
    Ok(())
}
