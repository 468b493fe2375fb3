//! Which directories are watched, and under which paths. All of it may block.

use std::collections::{HashMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};

use caio::{Error, Result};
use rustix::fs::inotify::{self, ReadFlags, WatchFlags};

use super::event::{Event, parse};
use super::pending::{Pending, State};
use crate::steps::Doing;

/// Where so much is to be told already, what is in directories that appear is not told one by one.
pub(super) const LISTED_MAX: usize = 4096;

#[derive(Debug)]
pub(super) struct Tree {
    inotify: File,
    roots: Vec<PathBuf>,
    recursive: bool,
    watched: HashMap<i32, Watched>,
    /// What has lost its name and may have got another, by the cookie of the rename.
    moved: HashMap<u32, Moved>,
    /// What cannot be watched and was not told yet.
    pub(super) errors: VecDeque<Error>,
}

/// A directory.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    is_root: bool,
    /// The names that count and the paths they are told as; all of them where there is no list.
    names: Option<HashMap<OsString, PathBuf>>,
}

#[derive(Debug)]
struct Moved {
    path: PathBuf,
    /// The name that it had first.
    origin: Option<PathBuf>,
    /// The directories in it.
    watched: Vec<(i32, Watched)>,
}

impl Tree {
    /// Watches the roots from now on.
    ///
    /// # Errors
    /// Where a root cannot be watched, or a directory below one because there are too many.
    pub(super) fn watch(inotify: File, roots: Vec<PathBuf>, recursive: bool) -> Result<Self> {
        let mut tree = Self {
            inotify,
            roots,
            recursive,
            watched: HashMap::new(),
            moved: HashMap::new(),
            errors: VecDeque::new(),
        };
        for root in tree.roots.clone() {
            tree.watch_root(&root)?;
        }
        match tree.errors.iter().position(is_exhausted).and_then(|at| tree.errors.remove(at)) {
            Some(error) => Err(error),
            None => Ok(tree),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// Takes in what a read has given.
    pub(super) fn apply(&mut self, bytes: &[u8], pending: &mut Pending) {
        // Both halves of a rename are at most one read apart.
        let earlier: Vec<u32> = self.moved.keys().copied().collect();
        for event in parse(bytes) {
            if event.flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                self.start_over(pending);
            } else {
                self.apply_event(event, pending);
            }
        }
        for cookie in earlier {
            if let Some(moved) = self.moved.remove(&cookie) {
                self.forget(moved.watched);
            }
        }
    }

    /// Events were lost: anything may have happened.
    fn start_over(&mut self, pending: &mut Pending) {
        pending.clear();
        let mut before = mem::take(&mut self.watched);
        before.extend(self.moved.drain().flat_map(|(_, moved)| moved.watched));
        for root in self.roots.clone() {
            pending.record(&root, State::Rescan);
            if let Err(error) = self.watch_root(&root) {
                self.errors.push_back(error);
            }
        }
        before.retain(|watch, _| !self.watched.contains_key(watch));
        self.forget(before);
    }

    fn apply_event(&mut self, event: Event, pending: &mut Pending) {
        if event.flags.contains(ReadFlags::IGNORED) {
            self.watched.remove(&event.watch);
            return;
        }
        let Some(directory) = self.watched.get(&event.watch) else { return };
        let Some(name) = &event.name else { return self.apply_to_itself(&event, pending) };
        let Some(path) = directory.path_of(name) else { return };
        let enters = self.recursive && directory.names.is_none() && event.is_directory();
        let flags = event.flags;
        if flags.contains(ReadFlags::CREATE) {
            pending.record(&path, State::Created);
            if enters {
                self.watch_below(path, false, Some(pending));
            }
        } else if flags.contains(ReadFlags::MOVED_TO) {
            self.arrive(path, event.cookie, enters, pending);
        } else if flags.contains(ReadFlags::MOVED_FROM) {
            let origin = pending.leave(&path);
            let watched = if enters { self.take_below(&path) } else { Vec::new() };
            self.moved.insert(event.cookie, Moved { path, origin, watched });
        } else if flags.contains(ReadFlags::DELETE) {
            pending.record(&path, State::Removed);
        } else if flags.contains(ReadFlags::MODIFY) {
            pending.record(&path, State::Modified);
        } else if flags.contains(ReadFlags::ATTRIB) {
            pending.record(&path, State::Attributes);
        }
    }

    /// What happens to a directory within another is told of that one, too.
    fn apply_to_itself(&mut self, event: &Event, pending: &mut Pending) {
        let Some(directory) = self.watched.get(&event.watch) else { return };
        let flags = event.flags;
        let is_elsewhere = flags.intersects(ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT);
        let told: Vec<_> = match &directory.names {
            // A directory that is deleted was empty, and that was told.
            Some(names) if is_elsewhere => names.values().cloned().collect(),
            None if directory.is_root => vec![directory.path.clone()],
            _ => return,
        };
        if !is_elsewhere && !flags.intersects(ReadFlags::DELETE_SELF | ReadFlags::ATTRIB) {
            return;
        }
        let is_attribute = flags.contains(ReadFlags::ATTRIB);
        let state = if is_attribute { State::Attributes } else { State::Removed };
        told.iter().for_each(|path| pending.record(path, state.clone()));
        if flags.contains(ReadFlags::MOVE_SELF) {
            let gone = match directory.names {
                Some(_) => self.watched.remove_entry(&event.watch).into_iter().collect(),
                None => self.take_below(&told[0]),
            };
            self.forget(gone);
        }
    }

    /// Something got a name by being renamed.
    fn arrive(&mut self, path: PathBuf, cookie: u32, enters: bool, pending: &mut Pending) {
        let Some(moved) = self.moved.remove(&cookie) else {
            pending.record(&path, State::Placed(None));
            if enters {
                self.watch_below(path, false, Some(pending));
            }
            return;
        };
        pending.follow(&moved.path, &path);
        pending.record(&path, State::Placed(moved.origin));
        for (watch, mut watched) in moved.watched {
            if let Ok(relative) = watched.path.strip_prefix(&moved.path) {
                watched.path = join(&path, relative);
            }
            self.watched.insert(watch, watched);
        }
        if enters {
            // What was made in it while it had no name.
            self.watch_below(path, false, None);
        }
    }

    /// The directory of this path and those below it, no longer among those watched.
    fn take_below(&mut self, path: &Path) -> Vec<(i32, Watched)> {
        self.watched.extract_if(|_, watched| watched.path.starts_with(path)).collect()
    }

    fn forget(&self, watched: impl IntoIterator<Item = (i32, Watched)>) {
        for (watch, _) in watched {
            // The kernel may have forgotten it already.
            let _ = inotify::remove_watch(&self.inotify, watch);
        }
    }

    fn watch_root(&mut self, root: &Path) -> Result<()> {
        if fs::metadata(root).doing("watch", root)?.is_dir() {
            self.add(root, true, None)?;
            if self.recursive {
                self.watch_below(root.to_owned(), true, None);
            }
            return Ok(());
        }
        // Its name is watched, and not the file, in whose place another one may be put.
        let is_link = fs::symlink_metadata(root).doing("watch", root)?.is_symlink();
        let file = if is_link { fs::canonicalize(root).doing("watch", root)? } else { root.into() };
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let Some(name) = file.file_name() else { return Ok(()) };
        self.add(parent.unwrap_or(Path::new(".")), true, Some((name, root)))
    }

    /// Watches a directory that has appeared, and what is in it, which is told if wanted.
    fn watch_below(&mut self, top: PathBuf, is_root: bool, mut told: Option<&mut Pending>) {
        let mut directories = vec![top.clone()];
        while let Some(directory) = directories.pop() {
            if !(is_root && directory == top)
                && let Err(error) = self.add(&directory, false, None)
            {
                let goes_on = !is_exhausted(&error);
                if !is_gone(&error) {
                    self.errors.push_back(error);
                }
                if goes_on {
                    continue;
                }
                return;
            }
            let entries = match fs::read_dir(&directory).doing("read_dir", &directory) {
                Ok(entries) => entries,
                Err(error) if is_gone(&error) => continue,
                Err(error) => {
                    self.errors.push_back(error);
                    continue;
                }
            };
            for entry in entries.map_while(io::Result::ok) {
                match &mut told {
                    Some(pending) if pending.len() >= LISTED_MAX => {
                        pending.record(&top, State::Rescan);
                        told = None;
                    }
                    Some(pending) => pending.record(&entry.path(), State::Created),
                    None => {}
                }
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    directories.push(entry.path());
                }
            }
        }
    }

    /// Watches a directory, or one name in it.
    fn add(&mut self, path: &Path, is_root: bool, only: Option<(&OsStr, &Path)>) -> Result<()> {
        let mut flags = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::MOVE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR
            | WatchFlags::EXCL_UNLINK;
        if !is_root {
            flags |= WatchFlags::DONT_FOLLOW;
        }
        let watch = inotify::add_watch(&self.inotify, path, flags).doing("watch", path);
        let watch = watch.map_err(|error| match is_exhausted(&error) {
            true => error.hint("raise fs.inotify.max_user_watches, or watch fewer directories"),
            false => error,
        })?;
        let is_root = is_root && only.is_none();
        let watched = self.watched.entry(watch).or_insert_with(|| Watched {
            path: path.to_owned(),
            is_root,
            names: Some(HashMap::new()),
        });
        match (only, &mut watched.names) {
            (Some((name, told)), Some(names)) => _ = names.insert(name.into(), told.into()),
            (Some(_), None) => {}
            (None, names) => *names = None,
        }
        if is_root || only.is_none() && !watched.is_root {
            watched.path = path.to_owned();
        }
        watched.is_root |= is_root;
        Ok(())
    }
}

impl Watched {
    /// The path to tell of what has this name; `None` where it does not count.
    fn path_of(&self, name: &OsStr) -> Option<PathBuf> {
        match &self.names {
            Some(names) => names.get(name).cloned(),
            None => Some(self.path.join(name)),
        }
    }
}

impl Event {
    fn is_directory(&self) -> bool {
        self.flags.contains(ReadFlags::ISDIR)
    }
}

/// Joins without a slash at the end.
fn join(path: &Path, relative: &Path) -> PathBuf {
    if relative.as_os_str().is_empty() { path.to_owned() } else { path.join(relative) }
}

/// Whether the user has no more watches.
fn is_exhausted(error: &Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NOSPC.raw_os_error())
}

/// Whether it has lost its name again, of which there is an event, or never was a directory.
fn is_gone(error: &Error) -> bool {
    error.io_kind() == io::ErrorKind::NotFound
}
