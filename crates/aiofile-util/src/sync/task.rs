//! One thing to do, and what came of it.

use std::fs::{self, File};
use std::io::{self, ErrorKind as IoErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiofile::Context;
use caio::{Error, Result};

use super::attributes::Attributes;
use super::copy_file::{PREFIX, clear, copy_file};
use super::directory::Directory;
use super::driver::Settings;
use super::list::list;
use super::report::{Action, Telling};
use crate::hash::{HashKind, HashOptions};
use crate::scratch::Scratch;
use crate::steps::Doing;

/// Something to do.
pub(super) enum Task {
    /// Look at all that is in a directory.
    List(Arc<Directory>),
    /// Do something to a path.
    Entry { directory: Arc<Directory>, path: PathBuf, what: What, action: Action, bytes: u64 },
    /// Give a directory its permissions and times, when all in it is done.
    Finish(Arc<Directory>),
}

/// What is done to a path.
pub(super) enum What {
    Copy,
    Link,
    Attributes(Attributes),
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
        self.children.iter().any(|child| matches!(child, Task::Entry { .. }))
    }
}

/// What tasks share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) context: Context,
    pub(super) settings: Arc<Settings>,
    pub(super) telling: Arc<Telling>,
}

/// Does it. The task comes back, since its directory is needed.
pub(super) async fn perform(shared: Shared, task: Task) -> (Task, Found) {
    let mut found = Found::default();
    match &task {
        Task::List(directory) => {
            let (settings, listed) = (Arc::clone(&shared.settings), Arc::clone(directory));
            let listing = shared.context.run("read_dir", move || {
                let mut found = Found::default();
                list(&settings, &listed, &mut found);
                Ok(found)
            });
            match listing.await {
                Ok(listed) => found = listed,
                Err(error) => found.fail(&directory.path, error),
            }
        }
        Task::Entry { directory, path, what, action, bytes } => {
            match entry(&shared, path, what, *action, *bytes).await {
                Ok((None, _)) => found.unchanged += 1,
                Ok((Some(action), bytes)) => {
                    directory.touch();
                    found.bytes += bytes;
                    found.did(action, path);
                }
                Err(error) => found.fail(path, error),
            }
        }
        Task::Finish(directory) => {
            let path = shared.settings.to.join(&directory.path);
            let attributes = directory.attributes;
            let finished = shared.context.run("finish", move || {
                let opened = File::open(&path).doing("open", &path)?;
                attributes.apply(&opened).doing("set the attributes of", &path)
            });
            if let Err(error) = finished.await {
                found.fail(&directory.path, error);
            }
        }
    }
    (task, found)
}

/// What was done to the path, if anything, and how many bytes were copied.
async fn entry(
    shared: &Shared,
    path: &Path,
    what: &What,
    action: Action,
    bytes: u64,
) -> Result<(Option<Action>, u64)> {
    let (context, settings) = (&shared.context, &shared.settings);
    let (source, target) = (settings.from.join(path), settings.to.join(path));
    let (what, action) = match what {
        What::Compare { attributes, are_same } => {
            let hashes = HashOptions::new(HashKind::Blake3).context(context);
            match (hashes.hash(&source).await? == hashes.hash(&target).await?, are_same) {
                (true, true) => return Ok((None, 0)),
                (true, false) => (&What::Attributes(*attributes), Action::Attributes),
                (false, _) => (&What::Copy, action),
            }
        }
        What::Attributes(_) => (what, Action::Attributes),
        _ => (what, action),
    };
    if settings.dry_run {
        let is_copy = matches!(what, What::Copy);
        return Ok((Some(action), if is_copy { bytes } else { 0 }));
    }
    let copied = match what {
        What::Copy => copy_file(context, source, target, &shared.telling).await?,
        What::Link => {
            context.run("symlink", move || link(&source, &target)).await?;
            0
        }
        What::Attributes(attributes) => {
            let attributes = *attributes;
            let applied = context.run("chmod", move || {
                let opened = File::open(&target).doing("open", &target)?;
                attributes.apply(&opened).doing("set the attributes of", &target)
            });
            applied.await?;
            0
        }
        What::Delete | What::Compare { .. } => {
            context.run("remove", move || delete(&target)).await?;
            0
        }
    };
    Ok((Some(action), copied))
}

/// Makes the link at a temporary name and puts it in place.
fn link(source: &Path, target: &Path) -> Result<()> {
    let leads = fs::read_link(source).doing("readlink", source)?;
    let scratch = Scratch::with_prefix(PREFIX);
    let temporary = scratch.note(target);
    let linked = std::os::unix::fs::symlink(leads, &temporary).doing("symlink", target);
    let placed = linked.and_then(|()| {
        clear(target)?;
        scratch.replace(&temporary, target)
    });
    scratch.remove_all();
    placed
}

fn delete(target: &Path) -> Result<()> {
    let removed: io::Result<()> = match fs::symlink_metadata(target) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(target),
        Ok(_) => fs::remove_file(target),
        Err(error) => Err(error),
    };
    match removed {
        // Somebody else was faster.
        Err(error) if error.kind() == IoErrorKind::NotFound => Ok(()),
        removed => removed.doing("remove", target),
    }
}
