//! A file that is written as a whole: it appears when it is complete, or its end stays as it was.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io::{ErrorKind as IoErrorKind, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aiofile::Context;
use aiofile::fs::{AtomicFile, AtomicWriteOptions, Durability};
use caio::{Error, ErrorKind, PerProcess, Result, delay};

use crate::background::in_background;
use crate::names::directory_of;
use crate::steps::Doing;

/// An output in the making.
#[derive(Debug)]
pub(crate) struct Output {
    sink: Arc<Sink>,
    durable: bool,
    /// `None` where it is appended to what is there.
    new: Option<AtomicFile>,
}

/// Where jobs of the pool write to.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) file: Arc<File>,
    /// As the user named it.
    pub(crate) path: PathBuf,
    /// How many bytes there were, which is what is left where it is not settled.
    appended_at: Option<u64>,
    /// Keeps others from appending to it.
    turn: Option<Turn>,
    /// It was made here, so that its name is not durable.
    is_new: bool,
    is_settled: AtomicBool,
}

impl Output {
    /// A new file, which takes the place of `path` when it is complete. One hop.
    pub(crate) async fn create(context: &Context, path: &Path, durable: bool) -> Result<Self> {
        let durability = if durable { Durability::Full } else { Durability::None };
        let mut options = AtomicWriteOptions::new();
        let new = options.context(context).durability(durability).open(path).await?;
        let file = new.as_fd().try_clone_to_owned().doing("open", path)?;
        let sink = Arc::new(Sink::new(file.into(), path, None, None, false));
        Ok(Self { sink, durable, new: Some(new) })
    }

    /// The file at `path`, behind what is in it; a new one where there is none. One hop, once all
    /// that this process appends to it has ended or was undone.
    pub(crate) async fn append(context: &Context, path: &Path, durable: bool) -> Result<Self> {
        loop {
            let owned = path.to_owned();
            let append = move || Ok(Sink::append(&owned)?.map(Arc::new));
            if let Some(sink) = context.run_on("open", path, append).await? {
                return Ok(Self { sink, durable, new: None });
            }
            delay(PAUSE).await.doing("append", path)?;
        }
    }

    /// Where to write.
    pub(crate) fn sink(&self) -> Arc<Sink> {
        Arc::clone(&self.sink)
    }

    /// Gives it its name if `outcome` is a success, else undoes it all. One hop.
    pub(crate) async fn settle<T>(self, context: &Context, outcome: Result<T>) -> Result<T> {
        let (is_complete, durable, sink) = (outcome.is_ok(), self.durable, self.sink);
        let settled = match self.new {
            Some(new) if is_complete => new.commit().await.map_err(Error::from),
            Some(new) => new.discard().await.map_err(Error::from),
            None => {
                let path = sink.path.clone();
                let settle = move || sink.settle(is_complete && durable, is_complete);
                context.run_on("write", &path, settle).await
            }
        };
        let value = outcome?;
        settled.map(|()| value)
    }
}

impl Sink {
    /// `None` where it is somebody else's turn.
    fn append(path: &Path) -> Result<Option<Self>> {
        let mut options = File::options();
        // Not O_APPEND, with which the kernel does not copy by itself.
        let there = options.write(true).truncate(false).open(path);
        let is_new = matches!(&there, Err(error) if error.kind() == IoErrorKind::NotFound);
        let file = if is_new { options.create(true).open(path) } else { there };
        let mut file = file.doing("open", path)?;
        let metadata = file.metadata().doing("stat", path)?;
        refuse_special(&metadata, path)?;
        let Some(turn) = Turn::take((metadata.dev(), metadata.ino())) else { return Ok(None) };
        let length = file.seek(SeekFrom::End(0)).doing("seek", path)?;
        Ok(Some(Self::new(file, path, Some(length), Some(turn), is_new)))
    }

    fn new(
        file: File,
        path: &Path,
        appended_at: Option<u64>,
        turn: Option<Turn>,
        is_new: bool,
    ) -> Self {
        let (file, path, is_settled) = (Arc::new(file), path.to_owned(), AtomicBool::new(false));
        Self { file, path, appended_at, turn, is_new, is_settled }
    }

    /// Where to write, and how to call it.
    pub(crate) fn file(&self) -> (&File, &Path) {
        (&self.file, &self.path)
    }

    /// Whether what is appended to is this file, so that reading it would never end.
    pub(crate) fn appends_to(&self, source: &File) -> bool {
        let same = || {
            let (source, own) = (source.metadata().ok()?, self.file.metadata().ok()?);
            Some((source.dev(), source.ino()) == (own.dev(), own.ino()))
        };
        self.appended_at.is_some() && same().unwrap_or(false)
    }

    /// Ends what was appended, or cuts it off.
    fn settle(&self, durable: bool, is_complete: bool) -> Result<()> {
        let synced = if durable { self.sync() } else { Ok(()) };
        if let (Some(length), true) = (self.appended_at, !is_complete || synced.is_err()) {
            // Where that fails too, the error that led here is the one to tell.
            let _ = self.file.set_len(length);
        }
        self.is_settled.store(true, Ordering::Relaxed);
        synced
    }

    fn sync(&self) -> Result<()> {
        self.file.sync_all().doing("fsync", &self.path)?;
        if self.is_new {
            // A link may lead to another directory.
            let path = std::fs::canonicalize(&self.path).doing("fsync", &self.path)?;
            let directory = File::open(directory_of(&path)).and_then(|open| open.sync_all());
            directory.doing("sync the directory of", &self.path)?;
        }
        Ok(())
    }
}

impl Drop for Sink {
    /// Nothing is written to it any more.
    fn drop(&mut self) {
        if let (Some(length), false) = (self.appended_at, *self.is_settled.get_mut()) {
            let (file, turn) = (Arc::clone(&self.file), self.turn.take());
            in_background(move || {
                let _ = file.set_len(length);
                // From now on others may append, which would have been cut off as well.
                let _turn = &turn;
            });
        }
    }
}

/// Files that are appended to, or where that is being undone, by their devices and numbers.
static APPENDED: PerProcess<Mutex<HashSet<(u64, u64)>>> = PerProcess::new();

/// How long somebody waits before it is looked whether it is his turn.
const PAUSE: Duration = Duration::from_millis(1);

/// The only one of this process that appends to a file.
#[derive(Debug)]
struct Turn((u64, u64));

impl Turn {
    fn take(file: (u64, u64)) -> Option<Self> {
        let is_free = appended().insert(file);
        is_free.then(|| Self(file))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        appended().remove(&self.0);
    }
}

fn appended() -> MutexGuard<'static, HashSet<(u64, u64)>> {
    APPENDED.get().lock().unwrap_or_else(PoisonError::into_inner)
}

/// Only regular files can be cut.
fn refuse_special(metadata: &Metadata, path: &Path) -> Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let message = if metadata.is_dir() { "it is a directory" } else { "it is no regular file" };
    Err(Error::new(ErrorKind::InvalidInput, message).doing("write").on(path))
}
