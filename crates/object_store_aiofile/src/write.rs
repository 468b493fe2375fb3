//! Objects that are written at once, and those that come in parts.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use caio::Context;

use crate::error::{Error, Result};
use crate::staged::{Staged, Target, write_all};
use crate::store::Store;

impl Store {
    /// Makes an object of these contents, at once: one hop.
    pub(crate) async fn put(
        &self,
        path: &Path,
        contents: Vec<Bytes>,
        target: Target,
    ) -> Result<Metadata> {
        let is_durable = self.is_durable;
        let put = move |path: &Path| {
            let staged = Staged::create(path, is_durable)?;
            write_all(staged.file()?, contents, 0)?;
            staged.publish(target)
        };
        let put = self.change("put", path, put).await;
        put.map_err(|error| match target {
            Target::Any => Error::changing(error, path),
            Target::New => Error::making_new(error, path),
        })
    }

    /// Begins an object that comes in parts: one hop.
    pub(crate) async fn begin(&self, path: &Path) -> Result<Upload> {
        let context = self.context().await?;
        let is_durable = self.is_durable;
        let begin = move |path: &Path| Staged::create(path, is_durable);
        let begun = self.change("put_multipart", path, begin).await;
        let staged = begun.map_err(|error| Error::changing(error, path))?;
        let unwritten = Arc::new(AtomicUsize::new(0));
        let (store, path) = (self.clone(), path.to_owned());
        Ok(Upload { store, context, path, staged: Some(staged), length: 0, unwritten })
    }
}

/// An object that comes in parts, each of which is written by itself, at its offset.
#[derive(Debug)]
pub(crate) struct Upload {
    store: Store,
    context: Context,
    path: PathBuf,
    /// `None` once it is complete or given up.
    staged: Option<Staged>,
    /// Bytes of all parts until now.
    length: u64,
    /// Parts that were given and are not written.
    unwritten: Arc<AtomicUsize>,
}

impl Upload {
    /// Writes the next part: one hop. Parts are written at the same time where their futures are
    /// polled at the same time.
    pub(crate) fn part(
        &mut self,
        contents: Vec<Bytes>,
    ) -> impl Future<Output = Result<()>> + Send + 'static {
        let offset = self.length;
        self.length += contents.iter().map(|one| one.len() as u64).sum::<u64>();
        self.unwritten.fetch_add(1, Ordering::Relaxed);
        let file = self.staged.as_ref().ok_or_else(over);
        let file = file.and_then(|staged| Ok(Arc::clone(staged.file()?)));
        let unwritten = Arc::clone(&self.unwritten);
        let (context, path) = (self.context.clone(), self.path.clone());
        async move {
            let file = file?;
            let write = move || {
                write_all(&*file, contents, offset)?;
                drop(file);
                unwritten.fetch_sub(1, Ordering::Release);
                Ok(())
            };
            let written = context.run_part("put_part", &path, write).await;
            written.map_err(|error| Error::changing(error, &path))
        }
    }

    /// Makes the object of all parts: one hop.
    ///
    /// # Errors
    /// Where a part was not written, or it is complete or given up already.
    pub(crate) async fn complete(&mut self) -> Result<Metadata> {
        let missing = self.unwritten.load(Ordering::Acquire);
        if missing > 0 {
            let path = self.path.display();
            let message = format!("{path}: {missing} parts of the upload were not written");
            return Err(Error::Refused(message.into()));
        }
        let staged = self.staged.take().ok_or_else(over)?;
        let complete = move |_: &Path| staged.publish(Target::Any);
        let completed = self.store.change("complete", &self.path, complete).await;
        completed.map_err(|error| Error::changing(error, &self.path))
    }

    /// Gives it up, so that nothing of it is left: one hop.
    ///
    /// # Errors
    /// Where it is complete or given up already.
    pub(crate) async fn abort(&mut self) -> Result<()> {
        let staged = self.staged.take().ok_or_else(over)?;
        let abort = move |_: &Path| staged.remove();
        let aborted: io::Result<()> = self.store.change("abort", &self.path, abort).await;
        aborted.map_err(|error| Error::changing(error, &self.path))
    }
}

fn over() -> Error {
    Error::Refused("the upload is complete, or was aborted".into())
}
