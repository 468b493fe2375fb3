//! Whole files of text.

use std::io;
use std::path::Path;

use caio::Error;

use super::Fs;
use crate::text::TextOptions;

/// The contents of a file as text, in any encoding and with any ends of lines. An encoding that is
/// to be found is found by the whole file.
///
/// # Costs
/// As for [`read`](super::read()).
///
/// # Errors
/// [`InvalidData`](io::ErrorKind::InvalidData) for bytes that are no text, with their offset; else
/// what opening and reading answer.
///
/// # Cancel safety
/// Dropping the future loses nothing and leaks no descriptor.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("old.txt");
/// # std::fs::write(&path, b"\xa4 5\r\n")?;
/// use aiofile::text::TextOptions;
///
/// let options = TextOptions::new().encoding("iso-8859-15".parse()?);
/// assert_eq!(aiofile::fs::read_text(&path, &options).await?, "€ 5\n");
/// # Ok(()) }
/// ```
pub async fn read_text(path: impl AsRef<Path>, options: &TextOptions) -> io::Result<String> {
    Fs::current().await?.read_text(path, options).await
}

/// Makes text the contents of a file, which is created or replaced. It is not synced.
///
/// # Errors
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a character that the encoding lacks: the file
/// is as it was then. Else what opening and writing answer.
///
/// # Cancel safety
/// Where the future is dropped, the file may be empty, or hold a part.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("old.txt");
/// use aiofile::text::{Encoding, TextOptions};
///
/// let options = TextOptions::new().encoding(Encoding::UTF_8_SIG);
/// aiofile::fs::write_text(&path, "é", &options).await?;
/// assert_eq!(std::fs::read(&path)?, b"\xef\xbb\xbf\xc3\xa9");
/// # Ok(()) }
/// ```
pub async fn write_text(
    path: impl AsRef<Path>,
    text: impl AsRef<str>,
    options: &TextOptions,
) -> io::Result<()> {
    Fs::current().await?.write_text(path, text, options).await
}

impl Fs {
    /// As [`fs::read_text`](read_text()).
    pub async fn read_text(
        &self,
        path: impl AsRef<Path>,
        options: &TextOptions,
    ) -> io::Result<String> {
        let path = path.as_ref();
        let bytes = self.read(path).await?;
        options.decode(bytes).map_err(|error| Error::system(error).on(path).into())
    }

    /// As [`fs::write_text`](write_text()).
    pub async fn write_text(
        &self,
        path: impl AsRef<Path>,
        text: impl AsRef<str>,
        options: &TextOptions,
    ) -> io::Result<()> {
        let path = path.as_ref();
        let bytes = options.encode(text.as_ref()).map_err(|error| Error::system(error).on(path))?;
        self.write(path, bytes).await
    }
}
