//! The order of things: several tasks at once, directories in depth first, so that few are open.

use std::mem;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use caio::{ErrorKind, Result};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::SyncOptions;
use super::attributes::Attributes;
use super::directory::Directory;
use super::links::Links;
use super::prepare::{Prepared, prepare};
use super::report::{Action, SyncEvent, SyncReport, Telling};
use super::task::{Entry, Found, Task, What, Work, perform};
use crate::steps::{context_or_default, usual_jobs};

/// Does all of it.
pub(super) async fn run(options: &SyncOptions, from: &Path, to: &Path) -> Result<SyncReport> {
    let context = context_or_default(options.context.as_ref()).await?;
    let settings = options.settings;
    let (source, target) = (from.to_owned(), to.to_owned());
    let preparing = context.run_on("sync", from, move || {
        let prepared = prepare(&source, &target, &settings)?;
        let source = prepared.from.directory(Path::new(""))?;
        let attributes = Attributes::of(&source.itself(), &source.stat()?, &settings)?;
        Ok((attributes, prepared))
    });
    let (attributes, Prepared { from, to, is_new }) = preparing.await?;
    let mut copying = options.copying.clone();
    copying.context(&context).refuse_changed(true).keep_times(true).keep_mode(true);
    copying.keep_owner(settings.keep_owner).keep_xattrs(settings.keep_xattrs);
    copying.durable(settings.durable);
    let (links, telling) = (Links::default(), Arc::new(Telling::new(&options.listener)));
    let work = Work { context, settings, copying, from, to, links, telling };
    let (report, tasks, hard_links) = (SyncReport::default(), Vec::new(), Vec::new());
    let mut run = Run { work: Arc::new(work), report, tasks, hard_links };
    if is_new {
        run.did(Action::Create, PathBuf::new());
    }
    run.tasks.push(Task::List(Directory::new(PathBuf::new(), None, attributes, is_new)));
    run.all(options.jobs.map_or_else(usual_jobs, NonZeroUsize::get)).await;
    run.work.telling.proceed()?;
    Ok(run.report)
}

/// What is left to do, and what was done.
struct Run {
    work: Arc<Work>,
    report: SyncReport,
    tasks: Vec<Task>,
    /// Names that become links to files which have to be there first.
    hard_links: Vec<Task>,
}

impl Run {
    async fn all(&mut self, jobs: usize) {
        let mut running = FuturesUnordered::new();
        loop {
            if running.is_empty() && self.tasks.is_empty() {
                mem::swap(&mut self.tasks, &mut self.hard_links);
            }
            while running.len() < jobs && self.work.telling.proceed().is_ok() {
                let Some(task) = self.tasks.pop() else { break };
                running.push(perform(Arc::clone(&self.work), task));
            }
            // Also when it was stopped, what was begun ends by itself and cleans up.
            let Some((task, found)) = running.next().await else { break };
            self.take(task, found);
        }
    }

    fn take(&mut self, task: Task, found: Found) {
        self.report.unchanged += found.unchanged;
        self.report.bytes += found.bytes;
        for (action, path) in found.done {
            self.did(action, path);
        }
        for (path, error) in found.failed {
            if error.kind() == ErrorKind::Cancelled && self.work.telling.proceed().is_err() {
                // It is no fault of the file that the work was stopped.
                continue;
            }
            let error = error.into();
            self.work.telling.tell(&SyncEvent::Failed(&path, &error));
            self.report.fail(path, error);
        }
        match task {
            Task::List(directory) if !found.children.is_empty() => {
                directory.expect(found.children.len());
                let is_hard_link = |child: &mut Task| {
                    matches!(child, Task::Entry(Entry { what: What::HardLink { .. }, .. }))
                };
                let mut children = found.children;
                self.hard_links.extend(children.extract_if(.., is_hard_link));
                self.tasks.extend(children);
            }
            Task::List(directory) => self.end(directory),
            Task::Entry(Entry { directory, .. }) => {
                if directory.end_one() {
                    self.end(directory);
                }
            }
            Task::Finish(directory) => self.leave(directory),
        }
    }

    /// All in a directory is done.
    fn end(&mut self, directory: Arc<Directory>) {
        if directory.is_touched() && !self.work.settings.dry_run {
            self.tasks.push(Task::Finish(directory));
        } else {
            self.leave(directory);
        }
    }

    /// A directory is done.
    fn leave(&mut self, directory: Arc<Directory>) {
        if let Some(parent) = &directory.parent
            && parent.end_one()
        {
            self.end(Arc::clone(parent));
        }
    }

    fn did(&mut self, action: Action, path: PathBuf) {
        self.work.telling.tell(&SyncEvent::Done(action, &path));
        self.report.count(action);
    }
}
