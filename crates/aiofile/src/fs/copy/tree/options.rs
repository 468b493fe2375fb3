//! What there is to say of a tree alone, and its copy.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::super::options::CopyOptions;
use super::{CopiedDir, CopyDirProgress};
use crate::runtime::chosen_context;

impl CopyOptions {
    /// Whether the names of one file (hard links) become names of one file in the copy of a
    /// directory; if not, as unless set, each becomes a file of its own. A name that is there is
    /// replaced. Takes memory for each such file until all of its names were met.
    pub fn keep_hard_links(&mut self, keep: bool) -> &mut Self {
        self.settings.keep_hard_links = keep;
        self
    }

    /// What is told how far the copy of a directory is: when a directory was listed, and after each
    /// file and each block, on whichever thread did it. It should be quick.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?; let directory = directory.path();
    /// # std::fs::create_dir(directory.join("photos"))?;
    /// # std::fs::write(directory.join("photos/one.jpg"), "pixels")?;
    /// use aiofile::fs::CopyOptions;
    ///
    /// let mut options = CopyOptions::new();
    /// options.dir_progress(|now| {
    ///     let so_far = if now.is_all_found { "" } else { " found so far" };
    ///     println!("{} of {} files{so_far}, {} bytes", now.files, now.found, now.bytes);
    /// });
    /// let copied = options.copy_dir(directory.join("photos"), directory.join("backup")).await?;
    /// assert_eq!(copied.files(), 1);
    /// # Ok(()) }
    /// ```
    pub fn dir_progress(
        &mut self,
        callback: impl Fn(CopyDirProgress) + Send + Sync + 'static,
    ) -> &mut Self {
        self.settings.dir_progress = Some(Arc::new(callback));
        self
    }

    /// Copies a directory with all that is in it: `to` becomes a directory like `from`, or, where
    /// one is there, gets its entries.
    ///
    /// Symbolic links are copied as links, FIFOs, sockets and devices are made anew. A new file
    /// is written under its name, and removed where it was not completed; one that is there is
    /// replaced as [`replace`](Self::replace) says. Of an entry that cannot be copied the result
    /// has the reason, and the rest goes on.
    ///
    /// [`in_flight`](Self::in_flight) is also how many threads of the context's pool work at once.
    ///
    /// # Costs
    /// One hop for each directory and, where it has more than 32 files, for every 128 of them;
    /// for files that are there, and with `direct`, `verify` or without `copy_file_range`, as for
    /// [`copy`](Self::copy). With `durable`, a sync of each file and each directory. 18
    /// descriptors for directories, however deep the tree is, and those of the steps that run at
    /// once. What is copied as a single file is opened by its path, which is an error for what
    /// lies deeper than a path can say; all other files may lie at any depth.
    ///
    /// # Errors
    /// Where it cannot begin: `from` is no directory, `to` lies in it, or cannot be made.
    ///
    /// # Cancel safety
    /// A future that is dropped ends the copy at its next file. What is complete stays.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?; let directory = directory.path();
    /// # std::fs::create_dir(directory.join("photos"))?;
    /// # std::fs::write(directory.join("photos/one.jpg"), "pixels")?;
    /// use aiofile::fs::CopyOptions;
    ///
    /// let mut options = CopyOptions::new();
    /// let copied = options
    ///     .keep_times(true)
    ///     .copy_dir(directory.join("photos"), directory.join("backup"))
    ///     .await?;
    /// for reason in copied.failed() {
    ///     eprintln!("{reason}");
    /// }
    /// assert_eq!((copied.files(), copied.failures()), (1, 0));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "copytree")]
    pub async fn copy_dir(
        &self,
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
    ) -> io::Result<CopiedDir> {
        let (from, to) = (from.as_ref(), to.as_ref());
        self.check(to)?;
        let settings = Arc::new(self.settings.clone());
        Ok(super::copy(&chosen_context(self.context.as_ref()).await?, settings, from, to).await?)
    }
}
