//! Checksum files, as `sha256sum`, `md5sum` and `b3sum` write and check them.

mod line;
mod list;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{self, Poll};

use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt};

pub use line::ChecksumLine;

use crate::hash::{Hash, HashOptions};

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
    /// # Errors
    /// Where the default context cannot be made. The stream ends with an error where the checksum
    /// file itself cannot be read.
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
    /// let mut checks = HashOptions::new(HashKind::Md5).check(&list)?;
    /// while let Some(checked) = checks.next().await {
    ///     assert!(matches!(checked?.outcome, CheckOutcome::Same));
    /// }
    /// # Ok(()) }) }
    /// ```
    pub fn check(&self, list: impl AsRef<Path>) -> io::Result<Checks> {
        let (context, list) = (self.engine()?, list.as_ref().to_owned());
        let lines = list::lines(context.clone(), list.clone(), self.kind);
        let checks = lines.map_ok(move |(number, line)| {
            let options = self::options_of(&context, line.as_ref());
            check_line(options, list.clone(), number, line)
        });
        Ok(Checks(checks.try_buffered(self.at_once()).err_into().boxed()))
    }
}

/// What hashes the file of this line.
fn options_of(context: &aiofile::Context, line: Option<&ChecksumLine>) -> HashOptions {
    let kind = line.map_or_else(Default::default, |line| line.kind);
    HashOptions::new(kind).context(context)
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
