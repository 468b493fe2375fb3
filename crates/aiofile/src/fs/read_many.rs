//! Many small files, read whole.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use caio::Context;
use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::Fs;
use crate::runtime::chosen_context;

/// The most files that one hop reads. Each adds some microseconds to what its first one waits for.
const TOGETHER_MAX: usize = 32;

/// The contents of many files, each with its path, as they come; at most `limit` files are begun
/// and not yet told of. One that cannot be read is an error in its place, and the others go on.
///
/// This is for many small files: those of up to 128 KiB that are in memory, on a mount that is
/// known to be local from an earlier look, are read several in one hop. The rest, whatever it is,
/// is read one by one as by [`fs::read`](super::read()), all at once, so none waits for another.
/// Where files are large, the bytes in memory are to be bounded or tries to be repeated, take
/// `PipelineOptions` of `aiofile-util`.
///
/// # Costs
/// Six system calls for each small file that is in memory, and one hop for a quarter of `limit` of
/// them, 32 at most. For any other file a hop of its own, as for [`fs::read`](super::read()). Up to
/// `limit` contents are in memory, however long they are. With layers around the context, and on a
/// backend with files of its own, each file is one operation.
///
/// # Errors
/// Those of [`fs::read`](super::read()), for each file.
///
/// # Cancel safety
/// Nothing is read before the stream is polled. Dropping it ends the reading: what a thread has
/// begun it reads to the end, and closes what it opened.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use aiofile::fs;
///
/// let directory = aiofile::tempfile::tempdir().await?;
/// let path = |number: u32| directory.path().join(number.to_string());
/// for number in 0..100 {
///     fs::write(path(number), format!("contents {number}")).await?;
/// }
/// let paths: Vec<_> = (0..101).map(path).collect();
/// let mut files = fs::read_many(paths, 64.try_into().unwrap());
/// let (mut bytes, mut missing) = (0, None);
/// while let Some((path, contents)) = files.next().await {
///     match contents {
///         Ok(contents) => bytes += contents.len(),
///         Err(_) => missing = Some(path),
///     }
/// }
/// assert_eq!((bytes, missing), (1_090, Some(path(100))));
/// # Ok(()) }
/// ```
pub fn read_many<I>(paths: I, limit: NonZeroUsize) -> ReadMany
where
    I: IntoIterator<Item: Into<PathBuf>>,
    I::IntoIter: Send + 'static,
{
    ReadMany::new(paths.into_iter(), limit, None)
}

impl Fs {
    /// As [`fs::read_many`](read_many()).
    pub fn read_many<I>(&self, paths: I, limit: NonZeroUsize) -> ReadMany
    where
        I: IntoIterator<Item: Into<PathBuf>>,
        I::IntoIter: Send + 'static,
    {
        ReadMany::new(paths.into_iter(), limit, Some(self.context().clone()))
    }
}

/// Many files that are read whole; made by [`read_many`].
#[must_use = "nothing is read before the stream is polled"]
pub struct ReadMany {
    context: Option<Context>,
    paths: Box<dyn Iterator<Item = (usize, PathBuf)> + Send>,
    limit: usize,
    is_ordered: bool,
    running: FuturesUnordered<Pin<Box<dyn Future<Output = Step> + Send>>>,
    /// What is read and not told, and its turn has come.
    ready: VecDeque<Read>,
    /// What is read before its turn, by number.
    early: BTreeMap<usize, Read>,
    /// The number of the next file to be told in order.
    turn: usize,
    /// How many files are begun and not told.
    begun: usize,
}

type Read = (PathBuf, io::Result<Vec<u8>>);

/// What came of files that were begun together.
#[derive(Default)]
struct Step {
    read: Vec<(usize, Read)>,
    /// What is to be read by itself.
    alone: Vec<(usize, PathBuf)>,
}

impl ReadMany {
    fn new<P: Into<PathBuf>>(
        paths: impl Iterator<Item = P> + Send + 'static,
        limit: NonZeroUsize,
        context: Option<Context>,
    ) -> Self {
        Self {
            context,
            paths: Box::new(paths.map(|path| path.into()).fuse().enumerate()),
            limit: limit.get(),
            is_ordered: false,
            running: FuturesUnordered::new(),
            ready: VecDeque::new(),
            early: BTreeMap::new(),
            turn: 0,
            begun: 0,
        }
    }

    /// Whether the files are told in the order of their paths, and not as they come: the next
    /// `limit` files then wait for one that takes long.
    pub fn ordered(mut self, is_ordered: bool) -> Self {
        self.is_ordered = is_ordered;
        self
    }

    /// The next file and its contents; `None` when all are told.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<(PathBuf, io::Result<Vec<u8>>)> {
        StreamExt::next(self).await
    }

    /// Begins what there is room for, a batch at a time.
    fn begin(&mut self) {
        let together = (self.limit / 4).clamp(1, TOGETHER_MAX);
        while self.limit - self.begun >= together {
            let paths: Vec<_> = self.paths.by_ref().take(together).collect();
            if paths.is_empty() {
                return;
            }
            self.begun += paths.len();
            match paths.len() {
                1 => self.settle(Step { alone: paths, ..Step::default() }),
                _ => self.running.push(Box::pin(read_together(self.context.clone(), paths))),
            }
        }
    }

    fn settle(&mut self, Step { read, alone }: Step) {
        for (number, path) in alone {
            self.running.push(Box::pin(read_alone(self.context.clone(), number, path)));
        }
        if !self.is_ordered {
            return self.ready.extend(read.into_iter().map(|(_, read)| read));
        }
        self.early.extend(read);
        while let Some(read) = self.early.remove(&self.turn) {
            self.turn += 1;
            self.ready.push_back(read);
        }
    }
}

async fn read_together(context: Option<Context>, paths: Vec<(usize, PathBuf)>) -> Step {
    let all = paths.iter().map(|(_, path)| path.clone()).collect();
    let read = match chosen_context(context.as_ref()).await {
        Ok(context) => context.read_files(all).await,
        Err(error) => Err(error),
    };
    let mut step = Step::default();
    // Whatever is in the way of all is told for each.
    let mut read = read.unwrap_or_default().into_iter();
    for (number, path) in paths {
        match read.next().flatten() {
            Some(contents) => step.read.push((number, (path, Ok(contents)))),
            None => step.alone.push((number, path)),
        }
    }
    step
}

async fn read_alone(context: Option<Context>, number: usize, path: PathBuf) -> Step {
    let contents = match chosen_context(context.as_ref()).await {
        Ok(context) => context.read_file(&path).await,
        Err(error) => Err(error),
    };
    let read = vec![(number, (path, contents.map_err(Into::into)))];
    Step { read, ..Step::default() }
}

impl Stream for ReadMany {
    type Item = (PathBuf, io::Result<Vec<u8>>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        loop {
            self.begin();
            if let Some(read) = self.ready.pop_front() {
                self.begun -= 1;
                return Poll::Ready(Some(read));
            }
            match ready!(self.running.poll_next_unpin(cx)) {
                Some(step) => self.settle(step),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Unpin for ReadMany {}

impl fmt::Debug for ReadMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadMany")
            .field("limit", &self.limit)
            .field("begun", &self.begun)
            .finish_non_exhaustive()
    }
}
