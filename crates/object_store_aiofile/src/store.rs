//! The store itself, in no version's types: where it is, how it works, and opening what it holds.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiofile::fs::Fs;
use aiofile::{AioFile, Context, OpenOptions, RangeOptions};

use crate::error::{Error, Result};
use crate::names::file_path;
use crate::open_files::OpenFiles;

/// So many files stay open unless another bound is said.
const OPEN_FILES: usize = 64;

/// Cheap to clone; clones share the open files.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) root: Arc<Path>,
    /// The one that was named; without one, each call has the default one of its task.
    context: Option<Context>,
    direct: bool,
    /// Whether what was changed is on the device before a call ends.
    pub(crate) is_durable: bool,
    /// Whether directories that become empty are removed.
    pub(crate) cleans_up: bool,
    /// Whether an object is handed out as a file, to be read by the caller.
    pub(crate) gives_files: bool,
    pub(crate) ranges: RangeOptions,
    open: Arc<OpenFiles>,
}

impl Store {
    /// A store of all that is below this directory.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.into(),
            context: None,
            direct: false,
            is_durable: false,
            cleans_up: false,
            gives_files: false,
            ranges: RangeOptions::new(),
            open: Arc::new(OpenFiles::new(OPEN_FILES)),
        }
    }

    /// The same below a directory that exists.
    pub(crate) fn with_root(root: &Path) -> Result<Self> {
        let found = std::fs::canonicalize(root).map_err(|answer| {
            Error::looking(caio::Error::system(answer).doing("canonicalize").on(root), root)
        })?;
        Ok(Self::new(&found))
    }

    pub(crate) fn set_context(&mut self, context: &Context) {
        self.context = Some(context.clone());
        self.set_open_files(OPEN_FILES);
    }

    pub(crate) fn set_direct(&mut self, direct: bool) {
        self.direct = direct;
        self.set_open_files(OPEN_FILES);
    }

    /// Files that are open already may have been opened otherwise, so that none is taken over.
    pub(crate) fn set_open_files(&mut self, bound: usize) {
        self.open = Arc::new(OpenFiles::new(bound));
    }

    /// The path of an object's file.
    pub(crate) fn path(&self, location: &str) -> Result<PathBuf> {
        file_path(&self.root, location)
    }

    pub(crate) fn named_context(&self) -> Option<&Context> {
        self.context.as_ref()
    }

    pub(crate) async fn context(&self) -> io::Result<Context> {
        match &self.context {
            Some(context) => Ok(context.clone()),
            None => Ok(Fs::current().await?.context().clone()),
        }
    }

    /// What a closure does with a path, on a thread that may block: one hop. What the store had
    /// open of it is closed, since it may be another file afterwards.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        name: &'static str,
        path: &Path,
        change: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let context = self.context().await?;
        let owned = path.to_owned();
        let done = context.run_on(name, path, move || Ok(change(&owned)?)).await;
        self.open.remove(path);
        Ok(done?)
    }

    /// Closes what is open of a path.
    pub(crate) fn forget(&self, path: &Path) {
        self.open.remove(path);
    }

    /// What the system knows of an object. No hop where the path is cached.
    pub(crate) async fn metadata(&self, path: &Path) -> Result<Metadata> {
        self.metadata_in(&self.context().await?, path).await
    }

    async fn metadata_in(&self, context: &Context, path: &Path) -> Result<Metadata> {
        let found = context.path_metadata(path, true).await;
        object(found.map_err(|error| Error::looking(error, path))?, path)
    }

    /// An object, to be read, and what the system knows of it. No hop where the path is cached.
    pub(crate) async fn open(&self, path: &Path) -> Result<(AioFile, Metadata)> {
        let context = self.context().await?;
        if self.open.has(path) {
            let metadata = self.metadata_in(&context, path).await?;
            if let Some(file) = self.open.get(path, &context, &metadata) {
                return Ok((file, metadata));
            }
        }
        let mut options = OpenOptions::new();
        let opened = options.read(true).direct(self.direct).context(&context).open_aio(path).await;
        let file = match opened {
            Ok(file) => file,
            Err(error) => {
                // O_DIRECT is refused for directories, which are no objects.
                self.metadata(path).await?;
                return Err(Error::looking(error, path));
            }
        };
        let metadata = file.metadata().await.map_err(|error| Error::looking(error, path))?;
        let metadata = object(metadata, path)?;
        // Whoever opens a FIFO again waits for another writer.
        if metadata.is_file() {
            self.open.insert(path, file.clone(), &metadata);
        }
        Ok((file, metadata))
    }

    /// An object as a file of std's with a cursor of its own: one hop.
    pub(crate) async fn open_std(&self, path: &Path) -> Result<(File, Metadata)> {
        let context = self.context().await?;
        let owned = path.to_owned();
        let open = move || {
            let file = File::open(&owned)?;
            let metadata = file.metadata()?;
            Ok((file, metadata))
        };
        let opened = context.run_on("open", path, open).await;
        let (file, metadata) = opened.map_err(|error| Error::looking(error, path))?;
        Ok((file, object(metadata, path)?))
    }
}

/// A directory is no object.
fn object(metadata: Metadata, path: &Path) -> Result<Metadata> {
    if metadata.is_dir() { Err(Error::directory(path)) } else { Ok(metadata) }
}
