//! What changes in files and trees of directories, told as it changes.

mod event;
mod file_system;
mod pending;
mod poll;
mod snapshot;
mod tree;
mod watcher;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Duration;

use aiofile::Context;
use futures_core::Stream;
use futures_util::{StreamExt, stream};

use crate::steps::context_or_default;
use watcher::{Settings, Watcher};

/// What to watch for, and how long to wait for more before it is told.
///
/// Directories are watched with all that is below them, also what appears there later. Of a file
/// its name is watched, so that another file that is put in its place is seen. Symbolic links are
/// followed where they are named, and not below. A directory that is named and then removed or
/// renamed is not watched any more.
///
/// It stands on inotify(7), which tells nothing of writes through a memory map, of what another
/// machine changes on a shared file system, and of what the kernel makes up. So paths on NFS, SMB,
/// 9P, FUSE and the like, and those in /proc and /sys, are looked at again and again instead
/// ([`poll_interval`](Self::poll_interval)); which way is taken is decided for each path that is
/// named, not for what is mounted below. In /proc and /sys lengths and times are made up as well: a
/// file that is named there is read and compared, up to its first MiB, and of a directory only
/// names and permissions are compared.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let place = directory.path();
/// use aiofile_util::{ChangeKind, WatchOptions};
///
/// let mut changes = WatchOptions::new().watch([place]).await?;
/// std::fs::write(place.join("settings.toml"), "port = 80")?;
///
/// let batch = changes.next().await.unwrap()?;
/// assert_eq!(batch[0].path, place.join("settings.toml"));
/// assert_eq!(batch[0].kind, ChangeKind::Created);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct WatchOptions {
    context: Option<Context>,
    settings: Settings,
}

impl WatchOptions {
    /// Directories with all that is below them, 50 ms, looks each second, and the default context.
    #[must_use]
    pub fn new() -> Self {
        let settings = Settings {
            recursive: true,
            debounce: Duration::from_millis(50),
            poll_interval: Duration::from_secs(1),
            polls_all: false,
        };
        Self { context: None, settings }
    }

    /// In this context.
    #[must_use]
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// Whether what is below the directories in a directory is watched as well.
    #[must_use]
    pub fn recursive(mut self, recursive: bool) -> Self {
        self.settings.recursive = recursive;
        self
    }

    /// How long nothing must happen before what has happened is told: 50 ms unless said. Where
    /// something happens all the time, it is told after ten times as long. With 0 it is told at
    /// once. It goes by the system's clock, also where a runtime's clock is paused, since what
    /// happens to files does.
    #[must_use]
    pub fn debounce(mut self, time: Duration) -> Self {
        self.settings.debounce = time;
        self
    }

    /// How long after a look the next one begins, where the system does not tell of changes: 1 s
    /// unless said, and a millisecond at least. By the system's clock, as for
    /// [`debounce`](Self::debounce).
    #[must_use]
    pub fn poll_interval(mut self, time: Duration) -> Self {
        self.settings.poll_interval = time.max(Duration::from_millis(1));
        self
    }

    /// Whether all is looked at again and again, also where the system would tell. For file systems
    /// that pretend to be others, and for trees with more directories than may be watched.
    #[must_use]
    pub fn poll(mut self, poll: bool) -> Self {
        self.settings.polls_all = poll;
        self
    }

    /// Watches from now on: what changes after this returns is told.
    ///
    /// Costs: one hop, in which the trees are walked through; a watch of the system's and some
    /// memory for each directory. What is looked at again and again: each time one hop for 1,024
    /// names, and some hundred bytes of memory for each of them.
    ///
    /// # Errors
    /// Where one of the paths is not there or cannot be watched, or where there are more
    /// directories than the system lets a user watch. A directory below that may not be read comes
    /// with [`Changes::next`].
    ///
    /// # Cancel safety
    /// Dropping the future ends the watching.
    #[doc(alias = "inotify")]
    #[doc(alias = "notify")]
    pub async fn watch<I>(&self, paths: I) -> io::Result<Changes>
    where
        I: IntoIterator<Item: Into<PathBuf>>,
    {
        let roots = paths.into_iter().map(Into::into).collect();
        let context = context_or_default(self.context.as_ref()).await?;
        let watcher = Watcher::begin(context, roots, self.settings).await?;
        let next = |mut watcher: Watcher| async {
            let batch = watcher.next().await?;
            Some((batch, watcher))
        };
        Ok(Changes(stream::unfold(watcher, next).fuse().boxed()))
    }
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// A path and what has happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The path, below the one that was named, as it was named.
    pub path: PathBuf,
    /// What has happened to it.
    pub kind: ChangeKind,
}

/// What has happened to a path, all in all. What came and went before it could be told is not told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It is there, and was not, or another file was.
    Created,
    /// It was written or cut.
    Modified,
    /// Its permissions, its owner, its times or the number of its links were changed.
    Attributes,
    /// It is not there any more.
    Removed,
    /// It is there, and had another name before. It may have been written, too.
    Renamed {
        /// The name it had, which is free now.
        from: PathBuf,
    },
    /// Anything may have happened to it and below it: there were more changes than the system
    /// keeps. Look at all of it.
    Rescan,
}

impl ChangeKind {
    /// One word for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Modified => "modified",
            Self::Attributes => "attributes",
            Self::Removed => "removed",
            Self::Renamed { .. } => "renamed",
            Self::Rescan => "rescan",
        }
    }
}

/// What changes, in batches; made by [`WatchOptions::watch`]. A batch has each path once, in their
/// order, and at most some thousands of them. Changes that nobody asks for are kept by the system,
/// which keeps thousands; beyond that it tells [`ChangeKind::Rescan`].
#[must_use = "changes are told when they are asked for"]
pub struct Changes(Pin<Box<dyn Stream<Item = io::Result<Vec<Change>>> + Send>>);

impl Changes {
    /// The next batch, once something has changed; `None` once all that was watched is gone.
    ///
    /// # Errors
    /// Where a directory cannot be watched: the next call goes on with the others. Else what the
    /// system answers, which ends it.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<io::Result<Vec<Change>>> {
        self.0.next().await
    }
}

impl Stream for Changes {
    type Item = io::Result<Vec<Change>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}
