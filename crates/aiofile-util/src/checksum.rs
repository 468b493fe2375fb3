//! Checksum files, as `sha256sum`, `md5sum` and `b3sum` write and check them.

mod line;
mod list;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{self, Poll};

use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt, stream};

pub use line::ChecksumLine;

use crate::hash::{Hash, HashOptions};
use crate::steps::context_or_default;

/// What became of one line of a checksum file.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checked {
    /// The number of the line, from 1.
    pub line: u64,
    /// The file that it names; of a malformed line, the checksum file itself.
    pub path: PathBuf,
    /// What came of it.
    pub outcome: CheckOutcome,
}

/// Whether a file is what a checksum file says.
#[derive(Debug)]
#[non_exhaustive]
pub enum CheckOutcome {
    /// It is.
    Same,
    /// It has another hash.
    Different {
        /// The hash that it has.
        found: Hash,
    },
    /// It cannot be read, or is not there.
    Unreadable(io::Error),
    /// The line is none of a checksum file, or has a hash of another kind.
    Malformed,
}

impl HashOptions {
    /// Checks the files that a checksum file names, in its order. Lines that name their kind of
    /// hash (`SHA256 (NAME) = HASH`) are checked by that one, all others by that of the options.
    /// Comments and empty lines are passed over.
    ///
    /// Relative names are relative to the current directory, as with `sha256sum --check`.
    ///
    /// The stream ends with an error where the checksum file itself cannot be read, or the default
    /// context cannot be made.
    ///
    /// # Cancel safety
    /// Dropping the stream ends the reading.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> { futures_executor::block_on(async {
    /// # let directory = tempfile::tempdir()?; let path = directory.path().join("hello");
    /// # let list = directory.path().join("MD5SUMS"); std::fs::write(&path, "hello\n")?;
    /// use aiofile_util::{CheckOutcome, HashKind, HashOptions};
    ///
    /// let line = format!("b1946ac92492d2347c6235b4d2611184  {}\n", path.display());
    /// std::fs::write(&list, line)?;
    /// let mut checks = HashOptions::new(HashKind::Md5).check(&list);
    /// while let Some(checked) = checks.next().await {
    ///     assert!(matches!(checked?.outcome, CheckOutcome::Same));
    /// }
    /// # Ok(()) }) }
    /// ```
    pub fn check(&self, list: impl AsRef<Path>) -> Checks {
        let (options, list, at_once) = (self.clone(), list.as_ref().to_owned(), self.at_once());
        let checks = async move {
            let context = context_or_default(options.context.as_ref()).await?;
            let lines = list::lines(context.clone(), list.clone(), options.kind);
            caio::Result::<_>::Ok(lines.map_ok(move |(number, line)| {
                let kind = line.as_ref().map_or_else(Default::default, |line| line.kind);
                let options = HashOptions::new(kind).context(&context);
                check_line(options, list.clone(), number, line)
            }))
        };
        let checks = stream::once(checks).try_flatten();
        Checks(checks.try_buffered(at_once).err_into().boxed())
    }
}

async fn check_line(
    options: HashOptions,
    list: PathBuf,
    number: u64,
    line: Option<ChecksumLine>,
) -> caio::Result<Checked> {
    let Some(ChecksumLine { hash, path, .. }) = line else {
        return Ok(Checked { line: number, path: list, outcome: CheckOutcome::Malformed });
    };
    let outcome = match options.hash(&path).await {
        Ok(found) if found == hash => CheckOutcome::Same,
        Ok(found) => CheckOutcome::Different { found },
        Err(error) => CheckOutcome::Unreadable(error),
    };
    Ok(Checked { line: number, path, outcome })
}

/// What became of the lines of a checksum file; see [`HashOptions::check`].
#[must_use = "nothing is read before the stream is polled"]
pub struct Checks(Pin<Box<dyn Stream<Item = io::Result<Checked>> + Send>>);

impl Checks {
    /// What became of the next line.
    ///
    /// # Errors
    /// Where the checksum file cannot be read.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<io::Result<Checked>> {
        self.0.next().await
    }
}

impl Stream for Checks {
    type Item = io::Result<Checked>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checks").finish_non_exhaustive()
    }
}
