//! One thing to do, and what came of it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiofile::Context;
use aiofile::fs::CopyOptions;
use caio::{Error, Result};

use super::Settings;
use super::attributes::Attributes;
use super::directory::Directory;
use super::entry::entry;
use super::links::{Id, Links};
use super::list::list;
use super::report::{Action, Telling};
use super::side::{OpenDirectory, Place, Side};
use super::xattrs;
use crate::steps::Doing;

/// Something to do.
pub(super) enum Task {
    /// Look at all that is in a directory.
    List(Arc<Directory>),
    /// Do something to a path.
    Entry(Entry),
    /// Give a directory its permissions and times, when all in it is done.
    Finish(Arc<Directory>),
}

/// A path to which something is to be done.
pub(super) struct Entry {
    pub(super) directory: Arc<Directory>,
    pub(super) path: PathBuf,
    pub(super) what: What,
    pub(super) action: Action,
    /// How many bytes the file has.
    pub(super) bytes: u64,
    /// The file, where it has several names that are kept.
    pub(super) id: Option<Id>,
}

/// What is done to a path.
#[derive(Clone)]
pub(super) enum What {
    Copy,
    Link(Attributes),
    /// Make it a name of the file that has this one, which is made before.
    HardLink {
        first: PathBuf,
        attributes: Attributes,
    },
    Attributes {
        attributes: Attributes,
        is_link: bool,
    },
    /// Copy it, if the contents differ; else give it the attributes, if these are not the same.
    Compare {
        attributes: Attributes,
        are_same: bool,
    },
    Delete,
}

/// What a task came to.
#[derive(Default)]
pub(super) struct Found {
    pub(super) done: Vec<(Action, PathBuf)>,
    pub(super) failed: Vec<(PathBuf, Error)>,
    pub(super) unchanged: u64,
    pub(super) bytes: u64,
    /// What there is to do in the directory.
    pub(super) children: Vec<Task>,
}

impl Found {
    pub(super) fn did(&mut self, action: Action, path: &Path) {
        self.done.push((action, path.to_owned()));
    }

    pub(super) fn fail(&mut self, path: &Path, error: Error) {
        self.failed.push((path.to_owned(), error));
    }

    /// Whether something may have to be done in the directory itself.
    pub(super) fn has_entries(&self) -> bool {
        self.children.iter().any(|child| matches!(child, Task::Entry(_)))
    }
}

/// What tasks share.
pub(super) struct Work {
    pub(super) context: Context,
    pub(super) settings: Settings,
    pub(super) copying: CopyOptions,
    pub(super) from: Side,
    /// `None` where there is none, and none is to be made.
    pub(super) to: Option<Side>,
    pub(super) links: Links,
    pub(super) telling: Arc<Telling>,
}

impl Work {
    /// A name of the target, which is there or was made.
    pub(super) fn target(&self, path: &Path) -> Result<Place<OpenDirectory>> {
        match &self.to {
            Some(to) => to.place(path),
            None => Err(Error::system(io::ErrorKind::NotFound.into())),
        }
    }

    /// What the target is called in messages.
    pub(super) fn shown_target(&self, path: &Path) -> PathBuf {
        self.to.as_ref().map_or_else(|| path.to_owned(), |to| to.shown(path))
    }
}

/// Does it. The task comes back, since its directory is needed.
pub(super) async fn perform(work: Arc<Work>, task: Task) -> (Task, Found) {
    let mut found = Found::default();
    match &task {
        Task::List(directory) => {
            let (listing, listed) = (Arc::clone(&work), Arc::clone(directory));
            let shown = work.from.shown(&directory.path);
            let listing = work.context.run_on("read_dir", &shown, move || {
                let mut found = Found::default();
                list(&listing, &listed, &mut found);
                Ok(found)
            });
            match listing.await {
                Ok(listed) => found = listed,
                Err(error) => found.fail(&directory.path, error),
            }
        }
        Task::Entry(of) => match entry(&work, of, &mut found).await {
            Ok(None) => found.unchanged += 1,
            Ok(Some(action)) => {
                of.directory.touch();
                found.did(action, &of.path);
            }
            Err(error) => found.fail(&of.path, error),
        },
        Task::Finish(directory) => {
            let (finishing, finished) = (Arc::clone(&work), Arc::clone(directory));
            let finish = move || finish(&finishing, &finished);
            let shown = work.shown_target(&directory.path);
            if let Err(error) = work.context.run_on("finish", &shown, finish).await {
                found.fail(&directory.path, error);
            }
        }
    }
    (task, found)
}

/// Gives a directory what it is to have of its source.
fn finish(work: &Work, directory: &Directory) -> Result<()> {
    let Some(to) = &work.to else { return Ok(()) };
    let (path, shown) = (&directory.path, to.shown(&directory.path));
    let open = to.directory(path)?;
    open.open_up()?;
    let target = open.readable()?;
    if work.settings.keep_xattrs {
        let source = work.from.directory(path)?.readable()?;
        xattrs::keep(&source, &target).doing("set the extended attributes of", &shown)?;
    }
    let applied = directory.attributes.apply(&target, directory.is_new());
    applied.doing("set the attributes of", &shown)?;
    if work.settings.durable {
        rustix::fs::fsync(&target).doing("fsync", &shown)?;
    }
    Ok(())
}
