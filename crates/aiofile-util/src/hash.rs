//! Content hashes: of one file, and of many at once.

mod digest;
mod kind;
mod one_file;
mod tree;

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{self, Poll};

use aiofile::Context;
use futures_core::Stream;
use futures_util::{StreamExt, stream};

pub use kind::{Hash, HashKind};
pub(crate) use one_file::hash_opened;

use crate::steps::{context_or_default, usual_jobs};

/// The hash of a file's contents.
///
/// Costs: one hop for up to 4 MiB, one more for each further 4 MiB. BLAKE3 of a larger file runs
/// over several pieces at once.
///
/// # Errors
/// What opening and reading it answer.
///
/// # Cancel safety
/// Dropping the future ends the reading.
///
/// ```
/// # fn main() -> std::io::Result<()> { futures_executor::block_on(async {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("hello");
/// # std::fs::write(&path, "hello\n")?;
/// use aiofile_util::{HashKind, hash};
///
/// let found = hash(&path, HashKind::Md5).await?;
/// assert_eq!(found.to_string(), "b1946ac92492d2347c6235b4d2611184");
/// assert_eq!(found, "b1946ac92492d2347c6235b4d2611184".parse()?);
/// # Ok(()) }) }
/// ```
#[doc(alias = "file_digest")]
#[doc(alias = "hashlib")]
pub async fn hash(path: impl AsRef<Path>, kind: HashKind) -> io::Result<Hash> {
    HashOptions::new(kind).hash(path).await
}

/// Which hash, and how many files at once.
#[derive(Debug, Clone)]
pub struct HashOptions {
    pub(crate) kind: HashKind,
    pub(crate) context: Option<Context>,
    jobs: Option<NonZeroUsize>,
}

impl HashOptions {
    /// This hash, in the default context.
    #[must_use]
    pub fn new(kind: HashKind) -> Self {
        Self { kind, context: None, jobs: None }
    }

    /// In this context.
    #[must_use]
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// So many files at once; twice as many as there are processors unless set.
    #[must_use]
    pub fn jobs(mut self, jobs: NonZeroUsize) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// The hash of one file; see [`hash()`].
    ///
    /// # Errors
    /// As for [`hash()`].
    ///
    /// # Cancel safety
    /// As for [`hash()`].
    pub async fn hash(&self, path: impl AsRef<Path>) -> io::Result<Hash> {
        let context = context_or_default(self.context.as_ref()).await?;
        Ok(one_file::hash(&context, self.kind, path.as_ref()).await?)
    }

    /// The hashes of many files, in their order. Nothing is read before the stream is polled.
    ///
    /// At most [`jobs`](Self::jobs) files are begun and not yielded, so that memory stays bounded
    /// however many there are.
    ///
    /// What happens to a file comes with the file, also where the default context cannot be made.
    ///
    /// # Cancel safety
    /// Dropping the stream ends the reading.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> { futures_executor::block_on(async {
    /// # let directory = tempfile::tempdir()?; let there = directory.path().join("there");
    /// # std::fs::write(&there, "hello\n")?; let missing = directory.path().join("missing");
    /// use aiofile_util::{HashKind, HashOptions};
    ///
    /// let mut hashes = HashOptions::new(HashKind::Sha256).files([there, missing]);
    /// let (path, hash) = hashes.next().await.unwrap();
    /// assert!(path.ends_with("there") && hash?.to_string().starts_with("5891b5b522d5df08"));
    /// let (path, hash) = hashes.next().await.unwrap();
    /// assert!(path.ends_with("missing") && hash.is_err());
    /// # Ok(()) }) }
    /// ```
    pub fn files<I>(&self, paths: I) -> Hashes
    where
        I: IntoIterator<Item: Into<PathBuf>>,
        I::IntoIter: Send + 'static,
    {
        let hashes = stream::iter(paths).map(self.of_one());
        Hashes(hashes.buffered(self.at_once()).boxed())
    }

    /// The same, each as soon as it is known.
    ///
    /// # Cancel safety
    /// As for [`files`](Self::files).
    pub fn files_as_completed<I>(&self, paths: I) -> Hashes
    where
        I: IntoIterator<Item: Into<PathBuf>>,
        I::IntoIter: Send + 'static,
    {
        let hashes = stream::iter(paths).map(self.of_one());
        Hashes(hashes.buffer_unordered(self.at_once()).boxed())
    }

    /// What hashes a path.
    fn of_one<P: Into<PathBuf>>(&self) -> impl FnMut(P) -> OfOne + Send + 'static + use<P> {
        let options = self.clone();
        move |path: P| {
            let (options, path) = (options.clone(), path.into());
            Box::pin(async move {
                let hash = options.hash(&path).await;
                (path, hash)
            })
        }
    }

    pub(crate) fn at_once(&self) -> usize {
        self.jobs.map_or_else(usual_jobs, NonZeroUsize::get)
    }
}

type OfOne = Pin<Box<dyn Future<Output = (PathBuf, io::Result<Hash>)> + Send>>;

/// Files with their hashes; see [`HashOptions::files`].
#[must_use = "nothing is read before the stream is polled"]
pub struct Hashes(Pin<Box<dyn Stream<Item = (PathBuf, io::Result<Hash>)> + Send>>);

impl Hashes {
    /// The next file and its hash, or what came in between.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<(PathBuf, io::Result<Hash>)> {
        self.0.next().await
    }
}

impl Stream for Hashes {
    type Item = (PathBuf, io::Result<Hash>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl fmt::Debug for Hashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hashes").finish_non_exhaustive()
    }
}
