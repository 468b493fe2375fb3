//! Options that were std's: they do not tell what they say, so that std opens with them.

use std::fs;
use std::path::Path;

use caio::{Context, Error, Result, SharedFile};

use super::OpenOptions;

impl From<fs::OpenOptions> for OpenOptions {
    /// What std's options say, which std then does, in one closure on a thread: such a file is
    /// never opened in place, is not counted in [`Config::max_open_files`](caio::Config), and a
    /// FIFO keeps the thread waiting for its other end. What is set afterwards counts as in std;
    /// [`custom_flags`](Self::custom_flags) and [`direct`](Self::direct) take the place of the
    /// flags that std's options had.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?; let path = directory.path().join("log");
    /// use aiofile::fs::OpenOptions;
    /// use tokio::io::AsyncWriteExt;
    ///
    /// let mut options = std::fs::OpenOptions::new();
    /// options.append(true).create(true);
    /// let mut log = OpenOptions::from(options).open(&path).await?;
    /// log.write_all(b"started\n").await?;
    /// log.flush().await?;
    /// assert_eq!(std::fs::read(&path)?, b"started\n");
    /// # Ok(()) }
    /// ```
    fn from(options: fs::OpenOptions) -> Self {
        Self { std: Some(options), ..Self::default() }
    }
}

/// Opens a file as std does.
pub(super) async fn open(
    context: &Context,
    options: fs::OpenOptions,
    path: &Path,
) -> Result<SharedFile> {
    let owned = path.to_owned();
    let open = move || SharedFile::new(options.open(&owned).map_err(Error::system)?, owned);
    context.run_on("open", path, open).await
}
