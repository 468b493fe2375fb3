//! Trees that are looked at again and again, where the system does not tell of changes.

use std::collections::{HashSet, VecDeque};
use std::fs::{self, ReadDir};
use std::io;
use std::mem;
use std::path::PathBuf;

use aiofile::Context;
use caio::{Error, Result};

use super::file_system::Trust;
use super::pending::Pending;
use super::snapshot::{Seen, Snapshot};
use crate::steps::{Doing, Step, Watch, in_steps};

/// A job looks at so many names.
const ROUND_NAMES: usize = 1024;

/// What is looked at, and what was seen there last.
#[derive(Debug, Default)]
pub(super) struct Polled {
    roots: Vec<Root>,
    recursive: bool,
    /// What cannot be read and was not told yet.
    pub(super) errors: VecDeque<Error>,
    /// What could not be read the last time either.
    unreadable: HashSet<PathBuf>,
}

#[derive(Debug)]
struct Root {
    path: PathBuf,
    is_directory: bool,
    trust: Trust,
    seen: Snapshot,
}

impl Polled {
    /// These, which are there. Nothing was seen in them yet.
    ///
    /// # Errors
    /// Where one cannot be examined.
    pub(super) fn new(paths: Vec<(PathBuf, Trust)>, recursive: bool) -> Result<Self> {
        let mut roots = Vec::with_capacity(paths.len());
        for (path, trust) in paths {
            let is_directory = fs::metadata(&path).doing("watch", &path)?.is_dir();
            roots.push(Root { path, is_directory, trust, seen: Snapshot::default() });
        }
        Ok(Self { roots, recursive, ..Self::default() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// Looks at all of it, and notes what is not as it was seen last. One hop for 1,024 names.
    pub(super) async fn look(self, context: &Context, pending: Pending) -> Result<(Self, Pending)> {
        let Some(first) = self.roots.first().map(|root| root.path.clone()) else {
            return Ok((self, pending));
        };
        let look = Look { polled: self, pending, ..Look::default() };
        in_steps(context, ("watch", &first), look, &Watch::default(), Look::step).await
    }
}

/// A look that is under way.
#[derive(Debug, Default)]
struct Look {
    polled: Polled,
    pending: Pending,
    /// The root that is looked at.
    at: usize,
    is_begun: bool,
    found: Snapshot,
    /// A name went while it was looked at: it may have been seen at neither end of a rename.
    is_torn: bool,
    /// That was so the last time as well.
    was_torn: bool,
    directories: Vec<PathBuf>,
    open: Option<(PathBuf, ReadDir)>,
}

impl Look {
    fn step(&mut self) -> Result<Step<(Polled, Pending)>> {
        for _ in 0..ROUND_NAMES {
            if self.at == self.polled.roots.len() {
                self.polled.roots.retain(|root| !root.is_directory || !root.seen.is_empty());
                return Ok(Step::Done(
                    0,
                    (mem::take(&mut self.polled), mem::take(&mut self.pending)),
                ));
            }
            self.look_on();
        }
        Ok(Step::More(0))
    }

    /// Looks at one more name.
    fn look_on(&mut self) {
        if let Some((directory, entries)) = &mut self.open {
            match entries.next() {
                None => self.open = None,
                Some(Ok(entry)) => {
                    let path = directory.join(entry.file_name());
                    self.examine(path);
                }
                Some(Err(error)) => {
                    let directory = mem::take(directory);
                    self.open = None;
                    self.fail(directory, error);
                }
            }
        } else if let Some(directory) = self.directories.pop() {
            match fs::read_dir(&directory) {
                Ok(entries) => {
                    self.polled.unreadable.remove(&directory);
                    self.open = Some((directory, entries));
                }
                Err(error) => self.fail(directory, error),
            }
        } else if self.is_begun && self.is_torn && !self.was_torn {
            self.found = Snapshot::default();
            (self.is_begun, self.is_torn, self.was_torn) = (false, false, true);
        } else if self.is_begun {
            let root = &mut self.polled.roots[self.at];
            let before = mem::replace(&mut root.seen, mem::take(&mut self.found));
            root.seen.compare(&before, &root.path, &mut self.pending);
            (self.at, self.is_begun) = (self.at + 1, false);
            (self.is_torn, self.was_torn) = (false, false);
        } else {
            self.is_begun = true;
            self.begin();
        }
    }

    fn begin(&mut self) {
        let Root { path, is_directory, trust, .. } = &self.polled.roots[self.at];
        // What is named may be a link.
        let Ok(metadata) = fs::metadata(path) else { return };
        // A directory that is not there any more is watched no more, whatever has its name.
        if *is_directory != metadata.is_dir() {
            return;
        }
        let seen = Seen::of(&metadata, *trust).with_contents(path, *trust);
        if *is_directory {
            self.directories.push(path.clone());
        }
        self.found.insert(path.clone(), seen);
    }

    fn examine(&mut self, path: PathBuf) {
        match fs::symlink_metadata(&path) {
            Ok(metadata) => {
                if metadata.is_dir() && self.polled.recursive {
                    self.directories.push(path.clone());
                }
                let trust = self.polled.roots[self.at].trust;
                self.found.insert(path, Seen::of(&metadata, trust));
            }
            Err(error) => self.fail(path, error),
        }
    }

    /// Tells it once, if it has not merely gone. What was seen there before is not gone, either.
    fn fail(&mut self, path: PathBuf, error: io::Error) {
        if error.kind() == io::ErrorKind::NotFound {
            self.is_torn = true;
            return;
        }
        self.found.keep(&self.polled.roots[self.at].seen, &path);
        if self.polled.unreadable.insert(path.clone()) {
            self.polled.errors.push_back(Error::system(error).doing("watch").on(&path));
        }
    }
}
