//! Many files worked on at once, as a stream of what comes of them.

mod chunks;
mod contents;
mod journal;
mod look_up;
mod outcome;
mod process;
mod progress;
mod retry;

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiofile::Context;
use bytes::Bytes;

pub use chunks::{FileChunks, FilePart};
pub use journal::Journal;
pub use outcome::{FileOutcome, OnError};
pub use process::Outcomes;
pub use progress::Progress;

use crate::steps::usual_jobs;

/// How many bytes of files are in memory where nothing was said.
const BYTES_MAX: u64 = 64 << 20;

/// How many bytes of a file are read at once where nothing was said.
const CHUNK_BYTES: usize = 256 << 10;

/// How many files are worked on at once, in which order they are told, and what an error means.
///
/// What is done with a file is a closure, so that this is for reading, copying, hashing, renaming
/// and everything else that takes a path; the streams do nothing while they are not polled, and
/// hold nothing then that others wait for. With a [`Journal`], a run that was killed goes on where
/// it was.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let place = tempfile::tempdir()?; std::env::set_current_dir(&place)?;
/// use aiofile::fs;
/// use aiofile_util::{OnError, PipelineOptions};
///
/// std::fs::write("one.txt", "some text")?;
/// let options = PipelineOptions::new().on_error(OnError::Collect).attempts(3);
/// let mut copies = options.process(["one.txt", "missing.txt"], |path| async move {
///     let copy = path.with_extension("bak");
///     fs::copy(&path, &copy).await?;
///     Ok(copy)
/// });
/// let copied = copies.next().await.unwrap();
/// assert_eq!(copied.result?.to_str(), Some("one.bak"));
/// let failed = copies.next().await.unwrap();
/// assert!(failed.path.ends_with("missing.txt") && failed.result.is_err());
///
/// assert!(copies.next().await.is_none());
/// let progress = copies.progress();
/// assert_eq!((progress.done, progress.failed, progress.bytes), (1, 1, 9));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct PipelineOptions {
    context: Option<Context>,
    jobs: Option<NonZeroUsize>,
    bytes_max: Option<u64>,
    file_bytes_max: Option<u64>,
    chunk_bytes: usize,
    ordered: bool,
    on_error: OnError,
    attempts: u32,
}

impl PipelineOptions {
    /// In the order of the paths, until the first error, one attempt for each, and in the default
    /// context.
    #[must_use]
    pub fn new() -> Self {
        Self {
            context: None,
            jobs: None,
            bytes_max: None,
            file_bytes_max: None,
            chunk_bytes: CHUNK_BYTES,
            ordered: true,
            on_error: OnError::Stop,
            attempts: 1,
        }
    }

    /// In this context, as far as the work is not the closure's own.
    #[must_use]
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// So many files are begun and not yet told of; twice as many as there are processors unless
    /// set.
    #[must_use]
    pub fn jobs(mut self, jobs: NonZeroUsize) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// So many bytes of the files that are begun and not yet told of; a file that is larger is
    /// worked on alone. 64 MiB for [`read`](Self::read) and [`chunks`](Self::chunks) and no limit
    /// for [`process`](Self::process), unless set.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.bytes_max = Some(bytes);
        self
    }

    /// A file of more bytes fails in [`read`](Self::read), with `InvalidData`, and does not fill
    /// the memory: 1 GiB unless set, and 64 MiB for what tells no length, such as a device that
    /// never ends. [`chunks`](Self::chunks) takes files of any length.
    #[must_use]
    pub fn max_file_bytes(mut self, bytes: u64) -> Self {
        self.file_bytes_max = Some(bytes);
        self
    }

    /// The bytes of a chunk, for [`chunks`](Self::chunks): 256 KiB unless set, and at most
    /// [`max_bytes`](Self::max_bytes).
    #[must_use]
    pub fn chunk_size(mut self, bytes: NonZeroUsize) -> Self {
        self.chunk_bytes = bytes.get();
        self
    }

    /// Whether files are told in the order of their paths, or each as soon as it can be.
    #[must_use]
    pub fn ordered(mut self, ordered: bool) -> Self {
        self.ordered = ordered;
        self
    }

    /// What the error of one file means for the others.
    #[must_use]
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.on_error = on_error;
        self
    }

    /// How often a file is tried whose error is [transient](aiofile::Error::is_transient), and so
    /// may be none a moment later; once unless set. There are pauses of 10 ms, 20 ms and so on up
    /// to a second, by the clock of the runtime that polls the stream, also where a test has paused
    /// it. What is done must be right when it is done twice.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// What the closure makes of each file. Nothing is done before the stream is polled.
    ///
    /// The futures run in the task that polls the stream. What computes for long is not for them:
    /// hand it to a pool for computing, and await that.
    ///
    /// Costs: looking up the length of each file, which takes no hop where the system has it in
    /// memory. On a backend of the program's own, such as a simulated disk of a test, it takes an
    /// operation that opens the file and one that looks.
    ///
    /// # Cancel safety
    /// Dropping the stream drops the futures of the closure.
    pub fn process<I, T, W, F>(&self, paths: I, work: W) -> Outcomes<T>
    where
        I: IntoIterator<Item: Into<PathBuf>>,
        I::IntoIter: Send + 'static,
        T: Send + 'static,
        W: Fn(Arc<Path>) -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<T>> + Send + 'static,
    {
        let look_up = look_up::of_path(self.context.clone(), self.attempts, work);
        Outcomes::new(self, self.bytes_max.unwrap_or(u64::MAX), paths.into_iter(), look_up)
    }

    /// The contents of each file. Nothing is read before the stream is polled.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// use aiofile_util::PipelineOptions;
    ///
    /// let paths = ["/proc/version", "/proc/self/status"];
    /// let mut files = PipelineOptions::new().read(paths);
    /// while let Some(file) = files.next().await {
    ///     assert!(file.result?.len() > 20, "{}", file.path.display());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// Costs: no hop for a file that is cached, else one to open it and one for each further MiB;
    /// memory for [`max_bytes`](Self::max_bytes), by the lengths that the files had when they were
    /// opened, and for each file up to [`max_file_bytes`](Self::max_file_bytes).
    ///
    /// # Cancel safety
    /// Dropping the stream ends the reading.
    pub fn read<I>(&self, paths: I) -> Outcomes<Bytes>
    where
        I: IntoIterator<Item: Into<PathBuf>>,
        I::IntoIter: Send + 'static,
    {
        let look_up =
            look_up::of_contents(self.context.clone(), self.attempts, self.file_bytes_max);
        Outcomes::new(self, self.bytes_max.unwrap_or(BYTES_MAX), paths.into_iter(), look_up)
    }

    /// The files in chunks, each with its file and its offset; behind the last chunk of a file
    /// comes its end. In order, the chunks of a file are told before those of the next, which is
    /// opened and begun meanwhile; else chunks of several files come in turn, and those of each in
    /// their order.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// # let place = tempfile::tempdir()?; std::env::set_current_dir(&place)?;
    /// use aiofile_util::{FilePart, PipelineOptions};
    ///
    /// std::fs::write("one", "12345")?;
    /// std::fs::write("two", "")?;
    /// let options = PipelineOptions::new().chunk_size(3.try_into().unwrap());
    /// let mut chunks = options.chunks(["one", "two"]);
    /// let mut told = Vec::new();
    /// while let Some(part) = chunks.next().await {
    ///     told.push(match part.result? {
    ///         FilePart::Chunk { offset, bytes } => (part.path, offset, bytes.len()),
    ///         FilePart::End { length } => (part.path, length, 0),
    ///     });
    /// }
    /// let told = Vec::from_iter(told.iter().map(|(path, at, bytes)| (path.to_str(), at, bytes)));
    /// let (one, two) = (Some("one"), Some("two"));
    /// assert_eq!(told, [(one, &0, &3), (one, &3, &2), (one, &5, &0), (two, &0, &0)]);
    /// # Ok(()) }
    /// ```
    ///
    /// Costs: one hop to open a file that is not cached, and one for each chunk that is not; memory
    /// for [`max_bytes`](Self::max_bytes), so that fewer files are open than
    /// [`jobs`](Self::jobs) where these are few bytes.
    ///
    /// # Cancel safety
    /// Dropping the stream ends the reading.
    pub fn chunks<I>(&self, paths: I) -> FileChunks
    where
        I: IntoIterator<Item: Into<PathBuf>>,
        I::IntoIter: Send + 'static,
    {
        FileChunks::new(self, paths.into_iter())
    }

    fn at_once(&self) -> usize {
        self.jobs.map_or_else(usual_jobs, NonZeroUsize::get)
    }
}

impl Default for PipelineOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// The paths that are still to come.
type Paths = Box<dyn Iterator<Item = Arc<Path>> + Send>;

/// The paths, and how many they are where that is known.
fn counted<P: Into<PathBuf>>(
    paths: impl Iterator<Item = P> + Send + 'static,
) -> (Paths, Option<u64>) {
    let total = match paths.size_hint() {
        (least, Some(most)) if least == most => Some(least as u64),
        _ => None,
    };
    (Box::new(paths.map(|path| Arc::from(path.into()))), total)
}
