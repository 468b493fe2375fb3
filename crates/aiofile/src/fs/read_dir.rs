//! What is in a directory.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::fs::{FileType, Metadata};
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use caio::{Error, Output, PathCall, look_at_mount};
use futures_core::Stream;

use super::Fs;
use crate::boxed::BoxedFuture;

/// So many entries come with one hop.
const BATCH: usize = 512;

/// The entries of a directory, without `.` and `..`, in the file system's order.
///
/// # Costs
/// One hop to open the directory, with which its first 512 entries come; then one for each further
/// 512.
///
/// # Errors
/// What the system answers.
///
/// # Cancel safety
/// Dropping the future leaks no descriptor.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path();
/// # std::fs::write(path.join("a"), "")?; std::fs::create_dir(path.join("b"))?;
/// use aiofile::fs;
///
/// let mut directories = 0;
/// let mut entries = fs::read_dir(&path).await?;
/// while let Some(entry) = entries.next_entry().await? {
///     directories += usize::from(entry.file_type().await?.is_dir());
/// }
/// assert_eq!(directories, 1);
/// # Ok(()) }
/// ```
#[doc(alias("listdir", "scandir"))]
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    Fs::current().await?.read_dir(path).await
}

impl Fs {
    /// As [`fs::read_dir`](read_dir()).
    pub async fn read_dir(&self, path: impl AsRef<Path>) -> io::Result<ReadDir> {
        let path = path.as_ref();
        if self.context().info().capability.own_files {
            let entries = self.own_entries(path).await?;
            let path = path.to_owned();
            return Ok(ReadDir { fs: self.clone(), path, entries, rest: None, reading: None });
        }
        let begin = |path: &Path| {
            let rest = std::fs::read_dir(path)?;
            look_at_mount(path);
            Ok(Batch::next(rest))
        };
        let Batch { entries, rest } = self.call("read_dir", path, begin).await?;
        Ok(ReadDir { fs: self.clone(), path: path.to_owned(), entries, rest, reading: None })
    }

    /// All at once, of a backend whose files are its own.
    async fn own_entries(&self, path: &Path) -> io::Result<VecDeque<io::Result<Entry>>> {
        let entries = PathCall::Entries { path: path.to_owned(), prefix: OsString::new() };
        let Output::Entries(found) = self.context().on_path(entries).await? else {
            return Err(io::Error::other("the backend lists no directories"));
        };
        let entry = |(name, metadata)| Ok(Entry::Own(Box::new((path.join(name), metadata))));
        Ok(found.into_iter().map(entry).collect())
    }
}

/// The entries of a directory: see [`read_dir`](read_dir()). A stream, too.
#[must_use = "no entry is read unless it is asked for"]
pub struct ReadDir {
    fs: Fs,
    path: PathBuf,
    entries: VecDeque<io::Result<Entry>>,
    /// `None` while a batch is read, and at the end.
    rest: Option<std::fs::ReadDir>,
    reading: Option<BoxedFuture<io::Result<Batch>>>,
}

impl ReadDir {
    /// The next entry; `None` after the last one.
    ///
    /// # Errors
    /// What the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future loses no entry.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        poll_fn(|cx| self.poll_next_entry(cx)).await
    }

    /// The same, for a loop of the form `while let Some(entry) = entries.next().await`.
    ///
    /// # Cancel safety
    /// Dropping the future loses no entry.
    pub async fn next(&mut self) -> Option<io::Result<DirEntry>> {
        self.next_entry().await.transpose()
    }

    /// The next entry, where there is one without waiting; else the task is woken when there is.
    pub fn poll_next_entry(
        &mut self,
        cx: &mut TaskContext<'_>,
    ) -> Poll<io::Result<Option<DirEntry>>> {
        loop {
            if let Some(entry) = self.entries.pop_front() {
                let entry = entry.map_err(|error| self.describe(error))?;
                return Poll::Ready(Ok(Some(DirEntry { fs: self.fs.clone(), entry })));
            }
            if let Some(reading) = &mut self.reading {
                let batch = ready!(reading.poll(cx));
                self.reading = None;
                Batch { entries: self.entries, rest: self.rest } = batch?;
            } else if let Some(rest) = self.rest.take() {
                let (fs, path) = (self.fs.clone(), self.path.clone());
                let next =
                    async move { fs.call("read_dir", &path, |_| Ok(Batch::next(rest))).await };
                self.reading = Some(BoxedFuture::new(next));
            } else {
                return Poll::Ready(Ok(None));
            }
        }
    }

    fn describe(&self, error: io::Error) -> Error {
        Error::system(error).doing("read_dir").on(&self.path)
    }
}

impl Stream for ReadDir {
    type Item = io::Result<DirEntry>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.poll_next_entry(cx).map(io::Result::transpose)
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadDir").field(&self.path).finish()
    }
}

/// One entry of a directory.
pub struct DirEntry {
    fs: Fs,
    entry: Entry,
}

impl DirEntry {
    /// The directory's path, as it was given, with the name of the entry.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match &self.entry {
            Entry::System { std, .. } => std.path(),
            Entry::Own(found) => found.0.clone(),
        }
    }

    /// The name without the directory.
    #[must_use]
    pub fn file_name(&self) -> OsString {
        match &self.entry {
            Entry::System { std, .. } => std.file_name(),
            Entry::Own(found) => found.0.file_name().unwrap_or_default().to_owned(),
        }
    }

    /// The number of the inode, as the directory has it.
    #[must_use]
    pub fn ino(&self) -> u64 {
        match &self.entry {
            Entry::System { std, .. } => std.ino(),
            Entry::Own(found) => found.1.ino(),
        }
    }

    /// What the system knows of the entry; of a symbolic link, of the link itself.
    ///
    /// # Costs
    /// As for [`metadata`](super::metadata()).
    ///
    /// # Errors
    /// What the system answers: ENOENT where it was removed meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let path = self.path();
        let Entry::System { std, .. } = &self.entry else {
            return self.fs.symlink_metadata(path).await;
        };
        // The directory may have another path by now, and another file may be here.
        let found = self.fs.context().path_metadata_in_place(&path, false).await;
        if let Some(Ok(found)) = found
            && found.ino() == self.ino()
        {
            return Ok(found);
        }
        let std = Arc::clone(std);
        self.fs.call("metadata", &path, move |_| std.metadata()).await
    }

    /// Whether it is a file, a directory, a symbolic link or anything else.
    ///
    /// # Costs
    /// Nothing: it came with the entry. One hop where the file system has no types in its
    /// directories and the entry was removed before it was asked.
    ///
    /// # Errors
    /// As for [`metadata`](Self::metadata).
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn file_type(&self) -> io::Result<FileType> {
        match &self.entry {
            Entry::System { file_type: Some(file_type), .. } => Ok(*file_type),
            Entry::System { .. } => Ok(self.metadata().await?.file_type()),
            Entry::Own(found) => Ok(found.1.file_type()),
        }
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DirEntry").field(&self.path()).finish()
    }
}

enum Entry {
    System {
        std: Arc<std::fs::DirEntry>,
        /// Asked for where waiting is no harm: not every file system has it in its directories.
        file_type: Option<FileType>,
    },
    /// Of a backend whose files are its own: the path, and what was known of it.
    Own(Box<(PathBuf, Metadata)>),
}

/// What one hop gives, and from where the next one goes on; `None` at the end.
struct Batch {
    entries: VecDeque<io::Result<Entry>>,
    rest: Option<std::fs::ReadDir>,
}

impl Batch {
    fn next(mut rest: std::fs::ReadDir) -> Self {
        let entry = |std: std::fs::DirEntry| {
            let file_type = std.file_type().ok();
            Entry::System { std: Arc::new(std), file_type }
        };
        let entries: VecDeque<_> = rest.by_ref().take(BATCH).map(|std| std.map(entry)).collect();
        let rest = (entries.len() == BATCH).then_some(rest);
        Self { entries, rest }
    }
}
