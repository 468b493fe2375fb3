//! Text files: characters, lines and encodings over files of bytes.
//!
//! [`TextFile`] is what Python's `open` gives in text mode, and [`TextOptions`] are its arguments:
//! the [`Encoding`], what to do about [`Errors`], and which [`Newline`] ends a line.
//! [`TextReader`] and [`TextWriter`] do the same over anything with tokio's traits. Whole files are
//! read and written by [`fs::read_text`](crate::fs::read_text) and
//! [`fs::write_text`](crate::fs::write_text). Below is a [`Decoder`] and an [`Encoder`], which do
//! no I/O, and [`detect`], which guesses.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! # let directory = tempfile::tempdir()?; let path = directory.path().join("letter.txt");
//! use aiofile::fs;
//! use aiofile::text::{Encoding, Errors, Newline, TextFile, TextOptions};
//!
//! let windows = TextOptions::new().encoding("cp1252".parse()?).newline(Newline::CrLf);
//! fs::write_text(&path, "Grüße\naus Köln, 5 €\n", &windows).await?;
//! assert_eq!(std::fs::read(&path)?, b"Gr\xfc\xdfe\r\naus K\xf6ln, 5 \x80\r\n");
//!
//! // A line is lent, and every kind of end is taken off.
//! let options = TextOptions::new().encoding("cp1252".parse()?);
//! let mut file = TextFile::open_with(&path, "r", &options).await?;
//! while let Some(line) = file.next_line().await? {
//!     assert!(line == "Grüße" || line == "aus Köln, 5 €");
//! }
//!
//! // What is no text says where, and can be read all the same.
//! let mut file = TextFile::open(&path, "r").await?;
//! let error = file.next_line().await.unwrap_err();
//! assert!(error.to_string().contains("offset 2: 0xfc is not utf-8"), "{error}");
//! file.set_errors(Errors::Replace);
//! assert_eq!(file.next_line().await?, Some("Gr\u{fffd}\u{fffd}e"));
//!
//! // Or it is tried what it may be.
//! let options = TextOptions::new().fallbacks([Encoding::UTF_8, "cp1252".parse()?]);
//! assert_eq!(fs::read_text(&path, &options).await?, "Grüße\naus Köln, 5 €\n");
//! # Ok(()) }
//! ```

mod decoder;
mod detect;
mod encoder;
mod encoding;
mod errors;
mod file;
mod input;
mod lines;
mod newline;
mod options;
mod output;
mod reader;
mod writer;

pub use decoder::Decoder;
pub use detect::detect;
pub use encoder::Encoder;
pub use encoding::Encoding;
pub use errors::Errors;
pub use file::TextFile;
pub use lines::TextLines;
pub use newline::Newline;
pub use options::TextOptions;
pub use reader::TextReader;
pub use writer::TextWriter;
