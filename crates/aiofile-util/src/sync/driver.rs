//! The order of things: several tasks at once, directories in depth first, so that few are open.

use std::path::PathBuf;
use std::sync::Arc;

use aiofile::Context;
use caio::{ErrorKind, Result};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::Compare;
use super::attributes::Attributes;
use super::directory::Directory;
use super::prepare::prepare;
use super::report::{Action, Listener, SyncEvent, SyncReport, Telling};
use super::task::{Found, Shared, Task, perform};
use crate::steps::Doing;

/// What is to be made like what, and how.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
    pub(super) compare: Compare,
    pub(super) delete: bool,
    pub(super) dry_run: bool,
}

/// Does all of it.
pub(super) async fn run(
    context: &Context,
    settings: Settings,
    jobs: usize,
    listener: &Listener,
) -> Result<SyncReport> {
    let settings = Arc::new(settings);
    let telling = Arc::new(Telling::new(listener));
    let mut run = Run { report: SyncReport::default(), tasks: Vec::new(), telling };
    let prepared = Arc::clone(&settings);
    let preparing = context.run("sync", move || {
        let (source, is_new) = prepare(&prepared)?;
        Ok((Attributes::of(&source).doing("stat", &prepared.from)?, is_new))
    });
    let (attributes, is_new) = preparing.await?;
    if is_new {
        run.did(Action::Create, PathBuf::new());
    }
    let is_dry = settings.dry_run;
    run.tasks.push(Task::List(Directory::new(PathBuf::new(), None, attributes, is_new)));
    let shared = Shared { context: context.clone(), settings, telling: Arc::clone(&run.telling) };
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < jobs && run.telling.proceed().is_ok() {
            let Some(task) = run.tasks.pop() else { break };
            running.push(perform(shared.clone(), task));
        }
        // Also when it was stopped, what was begun ends by itself and cleans up.
        let Some((task, found)) = running.next().await else { break };
        run.take(task, found, is_dry);
    }
    run.telling.proceed()?;
    Ok(run.report)
}

/// What is left to do, and what was done.
struct Run {
    report: SyncReport,
    tasks: Vec<Task>,
    telling: Arc<Telling>,
}

impl Run {
    fn take(&mut self, task: Task, found: Found, is_dry: bool) {
        self.report.unchanged += found.unchanged;
        self.report.bytes += found.bytes;
        for (action, path) in found.done {
            self.did(action, path);
        }
        for (path, error) in found.failed {
            if error.kind() == ErrorKind::Cancelled && self.telling.proceed().is_err() {
                // It is no fault of the file that the work was stopped.
                continue;
            }
            let error = error.into();
            self.telling.tell(&SyncEvent::Failed(&path, &error));
            self.report.fail(path, error);
        }
        match task {
            Task::List(directory) if !found.children.is_empty() => {
                directory.expect(found.children.len());
                self.tasks.extend(found.children);
            }
            Task::List(directory) => self.end(directory, is_dry),
            Task::Entry { directory, .. } => {
                if directory.end_one() {
                    self.end(directory, is_dry);
                }
            }
            Task::Finish(directory) => self.leave(directory, is_dry),
        }
    }

    /// All in a directory is done.
    fn end(&mut self, directory: Arc<Directory>, is_dry: bool) {
        if directory.is_touched() && !is_dry {
            self.tasks.push(Task::Finish(directory));
        } else {
            self.leave(directory, is_dry);
        }
    }

    /// A directory is done.
    fn leave(&mut self, directory: Arc<Directory>, is_dry: bool) {
        if let Some(parent) = &directory.parent
            && parent.end_one()
        {
            self.end(Arc::clone(parent), is_dry);
        }
    }

    fn did(&mut self, action: Action, path: PathBuf) {
        self.telling.tell(&SyncEvent::Done(action, &path));
        self.report.count(action);
    }
}
