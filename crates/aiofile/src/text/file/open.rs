//! Opening a text file by its path.

use std::io;
use std::path::Path;

use caio::{Error, ErrorKind};

use super::super::options::{Choice, TextOptions};
use super::turn::Turn;
use super::{TextFile, named};
use crate::async_open::async_open;
use crate::file::File;
use crate::mode::Mode;

impl TextFile<File> {
    /// Opens a file of UTF-8, in a mode as for Python's `open`.
    ///
    /// Costs what [`async_open`](crate::async_open()) costs.
    ///
    /// # Errors
    /// A mode that cannot be; else what opening answers, with the path.
    ///
    /// # Cancel safety
    /// Dropping the future leaks no descriptor. A file may have been created or truncated.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// use aiofile::text::TextFile;
    ///
    /// let mut file = TextFile::open("/proc/version", "r").await?;
    /// assert!(file.readline().await?.starts_with("Linux"));
    /// # Ok(()) }
    /// ```
    pub async fn open(path: impl AsRef<Path>, mode: impl AsRef<str>) -> io::Result<Self> {
        Self::open_with(path, mode, &TextOptions::new()).await
    }

    /// As [`open`](Self::open), for text of any kind.
    ///
    /// # Errors
    /// As for [`open`](Self::open). Where the encoding is to be found by the first chunk, that is
    /// read now: [`InvalidData`](io::ErrorKind::InvalidData) where none of the fallbacks fits, and
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) with `a`, since nothing is read at the end.
    ///
    /// # Cancel safety
    /// As for [`open`](Self::open).
    #[doc(alias = "open")]
    pub async fn open_with(
        path: impl AsRef<Path>,
        mode: impl AsRef<str>,
        options: &TextOptions,
    ) -> io::Result<Self> {
        let path = path.as_ref();
        let mode: Mode = mode.as_ref().parse().map_err(|error: Error| error.on(path))?;
        let finds = options.choice != Choice::Named;
        if finds && mode.appends() {
            let message = "the encoding cannot be found where text is appended";
            let error = Error::new(ErrorKind::InvalidInput, message).doing("open").on(path);
            return Err(error.hint("name the encoding").into());
        }
        let mut file = Self::new(async_open(path, mode).await?, options);
        file.path = Some(path.to_owned());
        file.appends = mode.appends();
        if finds && mode.reads() && !mode.truncates() {
            file.reading().await?;
            let found = file.input.find_encoding(&mut file.file).await;
            found.map_err(named(Some(path)))?;
        }
        Ok(file)
    }

    /// Cuts or extends the file to so many bytes, or to where the cursor is, and returns its new
    /// length. The cursor stays. Writes first what was collected, and forgets what was read ahead.
    /// One hop.
    ///
    /// # Errors
    /// As for [`File::truncate`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves the file as it was, or with its new length.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?; let path = directory.path().join("list");
    /// # std::fs::write(&path, "eins\nzwei\ndrei\n")?;
    /// use aiofile::text::TextFile;
    ///
    /// let mut file = TextFile::open(&path, "r+").await?;
    /// assert_eq!(file.readline().await?, "eins\n");
    /// assert_eq!(file.truncate(None).await?, 5);
    /// file.write("due\n").await?;
    /// assert_eq!(std::fs::read(&path)?, b"eins\ndue\n");
    /// # Ok(()) }
    /// ```
    pub async fn truncate(&mut self, length: impl Into<Option<u64>>) -> io::Result<u64> {
        let cursor = self.tell().await?;
        let length = self.file.truncate(length.into().unwrap_or(cursor)).await;
        if self.seekable {
            self.input.restart(cursor);
            self.turn = Turn::Seek(cursor);
        }
        length
    }
}
