//! Whether two paths lead to one file.

use std::fs::metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use caio::Error;

use super::Fs;

/// Whether two paths lead to the same file or directory: by another name, a hard link, or symbolic
/// links, which are followed. One hop.
///
/// # Errors
/// What the system answers, with the path of the two.
///
/// # Cancel safety
/// Dropping the future has no effect.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// assert!(aiofile::fs::same_file("/proc/self/exe", std::env::current_exe()?).await?);
/// assert!(!aiofile::fs::same_file("/proc", "/").await?);
/// # Ok(()) }
/// ```
#[doc(alias = "samefile")]
pub async fn same_file(first: impl AsRef<Path>, second: impl AsRef<Path>) -> io::Result<bool> {
    Fs::current().await?.same_file(first, second).await
}

impl Fs {
    /// As [`fs::same_file`](same_file()).
    pub async fn same_file(
        &self,
        first: impl AsRef<Path>,
        second: impl AsRef<Path>,
    ) -> io::Result<bool> {
        let paths = [first.as_ref().to_owned(), second.as_ref().to_owned()];
        let compare = move || {
            let [first, second] = paths.map(|path| match metadata(&path) {
                Ok(metadata) => Ok((metadata.dev(), metadata.ino())),
                Err(error) => Err(Error::system(error).on(&path)),
            });
            Ok(first? == second?)
        };
        Ok(self.context().run_on("same_file", first.as_ref(), compare).await?)
    }
}
