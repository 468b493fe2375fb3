//! Files put together, one behind the other.

pub(crate) mod by_operations;

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiofile::Context;
use caio::{Error, ErrorKind, Result};

use crate::copying::copy;
use crate::output::{Output, Sink};
use crate::steps::{Doing, JOB_BYTES, Step, Watch, context_or_default, in_steps};

/// What opening and closing a small file costs, in bytes that could have been copied.
const FILE_BYTES: u64 = 64 << 10;

/// How files are put together.
///
/// ```
/// # fn main() -> std::io::Result<()> { futures_executor::block_on(async {
/// # let directory = tempfile::tempdir()?; std::env::set_current_dir(&directory)?;
/// use aiofile_util::MergeOptions;
///
/// std::fs::write("head", "a\n")?;
/// std::fs::write("body", "b\n")?;
/// let bytes = MergeOptions::new().merge(["head", "body"], "whole").await?;
/// assert_eq!((bytes, std::fs::read_to_string("whole")?), (4, "a\nb\n".to_owned()));
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct MergeOptions {
    pub(crate) context: Option<Context>,
    append: bool,
    pub(crate) durable: bool,
    pub(crate) watch: Watch,
}

impl MergeOptions {
    /// Into a new file, in the default context.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// In this context.
    #[must_use]
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// Behind what is in the target already, instead of in its place. Of several in this process
    /// that append to one file, each waits for the one before, or until that was undone. Nobody
    /// else may write to the target meanwhile: what another process appends could be written over,
    /// or cut off where this is undone.
    #[must_use]
    pub fn append(mut self, append: bool) -> Self {
        self.append = append;
        self
    }

    /// Whether the result is on the device before it is done: fsync of the file, and of its
    /// directory where the file is new.
    #[must_use]
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// Tells how many bytes were copied, after each few MiB. [`ControlFlow::Break`] ends the
    /// work, and undoes it.
    #[must_use]
    pub fn on_progress(
        mut self,
        watcher: impl Fn(u64) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.watch = Watch::new(watcher);
        self
    }

    /// Writes the contents of `sources`, in order, to `target`, and returns how many bytes these
    /// are. The kernel copies them where it can.
    ///
    /// A new target has its name when it is complete, never before, and keeps the permissions of a
    /// file that it replaces; it may be one of the sources. A symbolic link stays, and the file
    /// behind it is replaced. A source may be a pipe, for which a thread of the pool waits.
    ///
    /// Costs: two hops, and one for each 4 MiB.
    ///
    /// # Errors
    /// What the system answers, with the file it happened to; a target that is no regular file, or
    /// is appended to itself. The target is then what it was before.
    ///
    /// # Cancel safety
    /// Dropping the future undoes the work, on another thread, which may end a moment later.
    pub async fn merge<I>(&self, sources: I, target: impl AsRef<Path>) -> io::Result<u64>
    where
        I: IntoIterator<Item: Into<PathBuf>>,
    {
        let sources: VecDeque<PathBuf> = sources.into_iter().map(Into::into).collect();
        let target = target.as_ref();
        let context = context_or_default(self.context.as_ref()).await?;
        if context.info().capability.own_files {
            let merged = by_operations::merge(self, &context, sources, target).await;
            return Ok(merged.map_err(|error| error.on(target))?);
        }
        let output = self.open(&context, target).await?;
        let merge = Merge { sources, current: None, sink: output.sink(), bytes: 0 };
        let merged = in_steps(&context, ("merge", target), merge, &self.watch, Merge::step).await;
        Ok(output.settle(&context, merged).await.map_err(|error| error.on(target))?)
    }

    /// The target as it is wanted.
    pub(crate) async fn open(&self, context: &Context, target: &Path) -> Result<Output> {
        match self.append {
            true => Output::append(context, target, self.durable).await,
            false => Output::create(context, target, self.durable).await,
        }
    }
}

/// What is still to do.
struct Merge {
    sources: VecDeque<PathBuf>,
    current: Option<(File, PathBuf)>,
    sink: Arc<Sink>,
    bytes: u64,
}

impl Merge {
    fn step(&mut self) -> Result<Step<u64>> {
        let (mut moved, mut spent) = (0, 0);
        while spent < JOB_BYTES {
            let (file, path) = match self.current.take() {
                Some(current) => current,
                None => match self.sources.pop_front() {
                    Some(path) => (self.open(&path)?, path),
                    None => return Ok(Step::Done(moved, self.bytes)),
                },
            };
            let wanted = JOB_BYTES - spent;
            let copied = copy((&file, &path), self.sink.file(), wanted)?;
            if copied == wanted {
                self.current = Some((file, path));
            } else {
                spent += FILE_BYTES;
            }
            moved += copied;
            spent += copied;
            self.bytes += copied;
        }
        Ok(Step::More(moved))
    }

    fn open(&self, path: &Path) -> Result<File> {
        let file = File::open(path).doing("open", path)?;
        if self.sink.appends_to(&file) {
            return Err(never_ends(path));
        }
        Ok(file)
    }
}

fn never_ends(path: &Path) -> Error {
    let message = "it is the target as well, so that it would never end";
    Error::new(ErrorKind::InvalidInput, message).doing("append").on(path)
}
