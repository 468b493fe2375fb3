//! A file cut into pieces.

mod by_operations;
mod pieces;
mod ranges;
mod sequential;
mod shares;
mod suffix;
mod temporaries;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiofile::Context;
use caio::{Error, ErrorKind, Result};

pub use suffix::Suffix;

use crate::background::Guard;
use crate::steps::{Doing, Watch, context_or_default, in_steps};
use pieces::Pieces;
use sequential::Sequential;
use shares::{Cut, Search};

/// No file system has longer names.
const NAME_MAX: usize = 255;

/// Where a file is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SplitBy {
    /// After so many bytes.
    Bytes(NonZeroU64),
    /// After so many lines.
    Lines(NonZeroU64),
    /// Into so many pieces of the same length; the first ones have a byte more where it does not
    /// come out even. What is shorter has empty pieces.
    Pieces(NonZeroU64),
    /// Into so many pieces of about the same length, between lines: each ends with the line that
    /// has the last byte of what would be its share. A line that is longer than the next share
    /// leaves that piece empty.
    PiecesOfLines(NonZeroU64),
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece {
    /// Where it is.
    pub path: PathBuf,
    /// How many bytes it has.
    pub bytes: u64,
}

/// How a file is cut, and how its pieces are called.
///
/// ```
/// # fn main() -> std::io::Result<()> { futures_executor::block_on(async {
/// # let directory = tempfile::tempdir()?; std::env::set_current_dir(&directory)?;
/// use std::num::NonZeroU64;
/// use aiofile_util::{SplitBy, SplitOptions};
///
/// std::fs::write("log", "one\ntwo\nthree\n")?;
/// let two_lines = SplitBy::Lines(NonZeroU64::new(2).unwrap());
/// let pieces = SplitOptions::new(two_lines).split("log", "log.").await?;
/// assert_eq!(pieces[1].path.to_str(), Some("log.ab"));
/// assert_eq!(std::fs::read_to_string("log.aa")?, "one\ntwo\n");
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone)]
pub struct SplitOptions {
    by: SplitBy,
    suffix: Suffix,
    suffix_length: Option<NonZeroUsize>,
    overwrite: bool,
    context: Option<Context>,
    watch: Watch,
}

impl SplitOptions {
    /// Cut so, with suffixes of letters, in the default context.
    #[must_use]
    pub fn new(by: SplitBy) -> Self {
        let (suffix, context, watch) = (Suffix::default(), None, Watch::default());
        Self { by, suffix, suffix_length: None, overwrite: false, context, watch }
    }

    /// What the suffixes are made of.
    #[must_use]
    pub fn suffix(mut self, suffix: Suffix) -> Self {
        self.suffix = suffix;
        self
    }

    /// Suffixes of this length, instead of two letters and more where that is needed.
    #[must_use]
    pub fn suffix_length(mut self, length: NonZeroUsize) -> Self {
        self.suffix_length = Some(length);
        self
    }

    /// Whether files that have the names of pieces are replaced. Unless set, they are an error.
    #[must_use]
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// In this context.
    #[must_use]
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// Tells how many bytes were done, after each few MiB. [`ControlFlow::Break`] ends the work,
    /// and leaves nothing behind.
    #[must_use]
    pub fn on_progress(
        mut self,
        watcher: impl Fn(u64) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.watch = Watch::new(watcher);
        self
    }

    /// Cuts `source` into files whose names are `prefix` and a suffix, and returns them in order.
    /// An empty file has no pieces, unless their number is given.
    ///
    /// A regular file is cut after bytes and into a number of pieces at several places at once, by
    /// the kernel where it can; after lines, and where the source is a stream (for which a thread
    /// of the pool waits), from its front to its end. The pieces get their names when all of them
    /// are complete.
    ///
    /// Costs: four hops, and one for each 4 MiB.
    ///
    /// # Errors
    /// What the system answers, with the file it happened to; a piece that is there already; more
    /// pieces than there are suffixes of the length; `InvalidInput` for a stream that is to become
    /// a number of pieces. No piece of this call is then left.
    ///
    /// # Cancel safety
    /// Dropping the future removes what was written, on another thread, which may end a moment
    /// later. Once pieces are being given their names, all of them get theirs.
    pub async fn split(
        &self,
        source: impl AsRef<Path>,
        prefix: impl AsRef<Path>,
    ) -> io::Result<Vec<Piece>> {
        let (source, prefix) = (source.as_ref().to_owned(), prefix.as_ref().as_os_str().to_owned());
        let of = source.clone();
        Ok(self.split_owned(source, prefix).await.map_err(|error| error.on(&of))?)
    }

    async fn split_owned(&self, source: PathBuf, prefix: OsString) -> Result<Vec<Piece>> {
        let context = context_or_default(self.context.as_ref()).await?;
        let length = self.suffix_length.map(NonZeroUsize::get).or(match self.by {
            SplitBy::Pieces(count) | SplitBy::PiecesOfLines(count) => {
                Some(self.suffix.length_for(count.get()))
            }
            SplitBy::Bytes(_) | SplitBy::Lines(_) => None,
        });
        if let Some(length) = length.filter(|length| *length > NAME_MAX) {
            let message = format!("no name of a file has room for a suffix of {length} characters");
            return Err(Error::new(ErrorKind::InvalidInput, message).doing("split"));
        }
        let pieces = Arc::new(Pieces::new(prefix, self.suffix, length, self.overwrite));
        if context.info().capability.own_files {
            return by_operations::split(self, &context, &source, &pieces).await;
        }
        let dropped = Arc::clone(&pieces);
        let guard = Guard::new(move || dropped.remove_all());
        let cut = self.cut(&context, source, &pieces).await;
        let settled = pieces.settle(&context, cut).await;
        guard.disarm();
        settled
    }

    async fn cut(
        &self,
        context: &Context,
        source: PathBuf,
        pieces: &Arc<Pieces>,
    ) -> Result<Vec<pieces::Unnamed>> {
        let (opening, beginning) = (source.clone(), Arc::clone(pieces));
        let opened = context.run_on("open", &source, move || {
            let file = File::open(&opening).doing("open", &opening)?;
            let metadata = file.metadata().doing("stat", &opening)?;
            beginning.begin(&metadata)?;
            // Files of /proc say that they are empty.
            let has_length = metadata.is_file()
                && (metadata.len() > 0 || file.read_at(&mut [0], 0).doing("read", &opening)? == 0);
            Ok((file, has_length.then_some(metadata.len())))
        });
        let (file, length) = opened.await?;
        let watch = &self.watch;
        match Cut::of(self.by, length).map_err(|error| error.on(&source))? {
            Cut::AsItIsRead(by) => {
                let cut = Sequential::new(file, source.clone(), by, Arc::clone(pieces));
                in_steps(context, ("split", &source), cut, watch, Sequential::step).await
            }
            Cut::Shares(shares) => {
                pieces.admit(shares.count)?;
                ranges::cut(context, pieces, source, shares.ends(), watch).await
            }
            Cut::SharesOfLines(shares) => {
                pieces.admit(shares.count)?;
                let (ends, silent) = (Search::new(file, source.clone(), shares), Watch::default());
                let ends =
                    in_steps(context, ("split", &source), ends, &silent, Search::step).await?;
                ranges::cut(context, pieces, source, ends.into_iter(), watch).await
            }
        }
    }
}
