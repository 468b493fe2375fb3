//! A configuration that is read again whenever its files change.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use aiofile::Context;
use futures_core::Stream;
use futures_util::{StreamExt, stream};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::format::ConfigFormat;
use super::sources::Sources;
use crate::watch::{Changes, WatchOptions};

/// A configuration that has changed.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConfigChange<T> {
    /// What it was.
    pub old: Arc<T>,
    /// What it is.
    pub new: Arc<T>,
}

/// The changes of a configuration; made by [`ConfigOptions::watch`](super::ConfigOptions::watch).
#[must_use = "changes are told when they are asked for"]
pub struct ConfigWatch<T> {
    current: Arc<T>,
    changes: Pin<Box<dyn Stream<Item = io::Result<ConfigChange<T>>> + Send>>,
}

impl<T: DeserializeOwned + Send + Sync + 'static> ConfigWatch<T> {
    /// Reads the files, and watches them from then on.
    pub(super) async fn begin(files: Files, options: &WatchOptions) -> io::Result<Self> {
        // Watched first, so that no change is missed in between.
        let changes = files.watch(options).await?;
        let sources = files.read().await?;
        let current = Arc::new(sources.value(files.format)?);
        let merged = sources.merged;
        let state = State { files, changes, merged, current: Arc::clone(&current), told: None };
        let next = |mut state: State<T>| async {
            let change = state.next().await?;
            Some((change, state))
        };
        Ok(Self { current, changes: stream::unfold(state, next).fuse().boxed() })
    }

    /// The configuration as of the last change that was told, or of the beginning.
    #[must_use]
    pub fn current(&self) -> Arc<T> {
        Arc::clone(&self.current)
    }

    /// The next change; `None` once the directory of the files is gone. What changes meanwhile is
    /// one change. Files that come to the same as before, as after a change of a comment, are none.
    ///
    /// # Errors
    /// Once for each way in which the files are bad or missing: what [`load`] answers, with file,
    /// line and column. The configuration stays as it was, and the next call goes on. Also what the
    /// watching answers.
    ///
    /// [`load`]: super::ConfigOptions::load
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<io::Result<ConfigChange<T>>> {
        StreamExt::next(self).await
    }
}

impl<T> Stream for ConfigWatch<T> {
    type Item = io::Result<ConfigChange<T>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        let change = task::ready!(self.changes.poll_next_unpin(cx));
        if let Some(Ok(change)) = &change {
            self.current = Arc::clone(&change.new);
        }
        Poll::Ready(change)
    }
}

impl<T: fmt::Debug> fmt::Debug for ConfigWatch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigWatch").field("current", &self.current).finish_non_exhaustive()
    }
}

/// Which files there are, and how they are read.
pub(super) struct Files {
    pub(super) context: Context,
    pub(super) paths: Vec<PathBuf>,
    pub(super) format: ConfigFormat,
    pub(super) bytes_max: u64,
}

impl Files {
    pub(super) async fn read(&self) -> io::Result<Sources> {
        Sources::read(&self.context, &self.paths, self.format, self.bytes_max).await
    }

    /// Watches the directories that have the files, and those of what symbolic links lead to: so a
    /// file may be replaced, and one that is not there yet may appear.
    async fn watch(&self, options: &WatchOptions) -> io::Result<Changes> {
        let paths = self.paths.clone();
        let find = move || {
            let targets = paths.iter().filter_map(|path| path.canonicalize().ok());
            let targets: Vec<_> = targets.collect();
            Ok(paths.iter().chain(&targets).map(|path| directory_of(path)).collect())
        };
        let directories: BTreeSet<PathBuf> = self.context.run("watch", find).await?;
        let options = options.clone().context(&self.context).recursive(false);
        options.watch(directories).await
    }
}

struct State<T> {
    files: Files,
    changes: Changes,
    merged: Value,
    current: Arc<T>,
    /// The last error, until the files are good again.
    told: Option<String>,
}

impl<T: DeserializeOwned> State<T> {
    async fn next(&mut self) -> Option<io::Result<ConfigChange<T>>> {
        loop {
            // Whatever has changed in the directory: what a symbolic link leads to may be another
            // file now, and that says nothing about the name of the link.
            if let Err(error) = self.changes.next().await? {
                return Some(Err(error));
            }
            match self.read().await {
                Ok(None) => self.told = None,
                Ok(Some(change)) => {
                    self.told = None;
                    return Some(Ok(change));
                }
                Err(error) => {
                    let message = error.to_string();
                    if self.told.as_ref() != Some(&message) {
                        self.told = Some(message);
                        return Some(Err(error));
                    }
                }
            }
        }
    }

    /// The change, if there is one.
    async fn read(&mut self) -> io::Result<Option<ConfigChange<T>>> {
        let sources = self.files.read().await?;
        if sources.merged == self.merged {
            return Ok(None);
        }
        let new = Arc::new(sources.value(self.files.format)?);
        self.merged = sources.merged;
        let old = std::mem::replace(&mut self.current, Arc::clone(&new));
        Ok(Some(ConfigChange { old, new }))
    }
}

fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
