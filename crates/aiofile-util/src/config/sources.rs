//! The files that make up a configuration: read, and put together to one value.

use std::io;
use std::path::{Path, PathBuf};

use aiofile::{Context, OpenOptions, Reader};
use caio::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use super::format::{ConfigFormat, Fault, Position};
use super::locate::locate;
use super::strict::Strict;
use super::value::merge;

/// The files, each of which counts more than the one before, and what they come to.
pub(super) struct Sources {
    files: Vec<Source>,
    pub(super) merged: Value,
}

struct Source {
    path: PathBuf,
    text: String,
}

impl Sources {
    /// Reads the first path, which must be there, and the others where they are there.
    pub(super) async fn read(
        context: &Context,
        paths: &[PathBuf],
        format: ConfigFormat,
        bytes_max: u64,
    ) -> io::Result<Self> {
        let mut sources = Self { files: Vec::new(), merged: Value::Object(Map::new()) };
        for (index, path) in paths.iter().enumerate() {
            let bytes = match read_limited(context, path, bytes_max).await {
                Err(error) if index > 0 && error.kind() == io::ErrorKind::NotFound => continue,
                bytes => bytes?,
            };
            let text = text_of(bytes).map_err(|fault| told(&fault, path))?;
            let value = value_of(&text, format).map_err(|fault| told(&fault, path))?;
            merge(&mut sources.merged, value);
            sources.files.push(Source { path: path.clone(), text });
        }
        Ok(sources)
    }

    /// What they come to, as a type of the program's.
    pub(super) fn value<T: DeserializeOwned>(&self, format: ConfigFormat) -> Result<T> {
        serde_path_to_error::deserialize(&self.merged).map_err(|error| {
            let keys: Vec<_> = error.path().iter().cloned().collect();
            let (source, position) = self.place_of(&keys, format);
            let message = match keys.as_slice() {
                [] => error.inner().to_string(),
                _ => format!("{}: {}", error.path(), error.inner()),
            };
            told(&Fault { position, message }, &source.path)
        })
    }

    /// The last file that has the value, or what comes nearest to it, and where; else the first one
    /// as a whole.
    fn place_of(&self, keys: &[Segment], format: ConfigFormat) -> (&Source, Option<Position>) {
        for length in (1..=keys.len()).rev() {
            for source in self.files.iter().rev() {
                let position = locate(format, &source.text, &keys[..length]);
                if position.is_some() {
                    return (source, position);
                }
            }
        }
        (&self.files[0], None)
    }
}

/// The contents of a file that has no more than so many bytes, whatever its metadata say.
async fn read_limited(context: &Context, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new().read(true).context(context).open_aio(path).await?;
    let mut reader = Reader::new(file).read_ahead(0);
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.next_chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > bytes_max {
            let message = format!("the file has more than {bytes_max} bytes");
            let error = Error::new(ErrorKind::InvalidData, message).doing("parse").on(path);
            return Err(error.hint("name another file, or raise max_bytes").into());
        }
    }
    Ok(bytes)
}

fn text_of(bytes: Vec<u8>) -> Result<String, Fault> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let position = Some(Position::of_byte(error.as_bytes(), offset));
        Fault { position, message: "this is not UTF-8".to_owned() }
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    })
}

fn value_of(text: &str, format: ConfigFormat) -> Result<Value, Fault> {
    match format.read(text, Strict { has_merge_keys: format.has_merge_keys() })? {
        table @ Value::Object(_) => Ok(table),
        // A file of YAML in which all is commented out.
        Value::Null if format.has_merge_keys() => Ok(Value::Object(Map::new())),
        _ => {
            let position = Some(Position::of_byte(text.as_bytes(), 0));
            Err(Fault { position, message: "the whole must be a table of keys".to_owned() })
        }
    }
}

fn told(fault: &Fault, path: &Path) -> Error {
    Error::new(ErrorKind::InvalidData, fault.to_string()).doing("parse").on(path)
}
