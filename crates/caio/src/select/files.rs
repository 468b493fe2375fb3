//! The configuration files: where they are looked for, and what they say.
//!
//! The first `caio.toml` gives the limits; a later one is not read. The first file that names a
//! backend gives the choice.

use std::io;
use std::path::{Path, PathBuf};

use super::choice::Choice;
use super::environment::Environment;
use super::info::{ConfigFile, FileState, RequestedBy};
use super::read::read;
use super::wish::Wish;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};

const TOML: &str = "caio.toml";
const PLAIN: &str = "default_implementation";

/// No path that Linux takes is longer, and no error repeats one that is.
const PATH_MAX: usize = 4095;

/// What the files say, together.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The limits; its `backend` is in `wish`.
    pub(super) config: Option<Config>,
    /// The first backend that was named. It is an error only for who needs it.
    pub(super) wish: Option<Result<Wish>>,
    /// The files that were looked for, in order.
    pub(super) considered: Vec<ConfigFile>,
}

impl Files {
    /// Looks for the files and reads them.
    ///
    /// # Errors
    /// A file that `CAIO_CONFIG` names is missing or unreadable; a `caio.toml` is invalid.
    pub(super) fn find(environment: &Environment<'_>) -> Result<Self> {
        let mut files = Self::default();
        if let Some(value) = environment.variable("CAIO_CONFIG") {
            if value.len() > PATH_MAX {
                let message = format!("CAIO_CONFIG has {} bytes", value.len());
                let cure = format!("a path has at most {PATH_MAX}");
                return Err(Error::new(ErrorKind::Config, message).hint(cure));
            }
            files.take_named(Path::new(&value))?;
            return Ok(files);
        }
        for directory in environment.directories() {
            files.take_directory(&directory)?;
        }
        Ok(files)
    }

    /// What `CAIO_CONFIG` points to has to be there.
    fn take_named(&mut self, path: &Path) -> Result<()> {
        let refused = |error: io::Error| {
            let error = Error::new(ErrorKind::Config, "CAIO_CONFIG points to it").caused_by(error);
            let cure =
                "name a caio.toml, a default_implementation file, or a directory with one of them";
            error.on(path).hint(cure)
        };
        if std::fs::metadata(path).map_err(refused)?.is_dir() {
            self.take_directory(path)?;
            if self.considered.iter().all(|file| file.state != FileState::Read) {
                return Err(refused(io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("no readable {TOML} or {PLAIN} in it"),
                )));
            }
            return Ok(());
        }
        let text = read(path).map_err(refused)?;
        if path.extension().is_some_and(|extension| extension == "toml") {
            self.take_toml(path, &text)?;
        } else {
            self.take_plain(path, &text);
        }
        self.note(path.to_owned(), FileState::Read);
        Ok(())
    }

    fn take_directory(&mut self, directory: &Path) -> Result<()> {
        let path = directory.join(TOML);
        if self.config.is_some() {
            self.note(path, FileState::Shadowed);
        } else if let Some(text) = self.read_if_there(path.clone())? {
            self.take_toml(&path, &text)?;
        }
        let path = directory.join(PLAIN);
        if self.wish.is_some() {
            self.note(path, FileState::Shadowed);
        } else if let Some(text) = self.read_if_there(path.clone())? {
            self.take_plain(&path, &text);
        }
        Ok(())
    }

    /// A file that may be missing or kept from this user, as another user's often is.
    fn read_if_there(&mut self, path: PathBuf) -> Result<Option<String>> {
        use io::ErrorKind as Kind;
        let (state, text) = match read(&path) {
            Ok(text) => (FileState::Read, Some(text)),
            Err(error) if matches!(error.kind(), Kind::NotFound | Kind::NotADirectory) => {
                (FileState::Absent, None)
            }
            Err(error) if error.kind() == Kind::PermissionDenied => (FileState::Forbidden, None),
            Err(error) => {
                let refused = Error::new(ErrorKind::Config, "it cannot be read");
                return Err(refused.caused_by(error).on(&path));
            }
        };
        self.note(path, state);
        Ok(text)
    }

    fn take_toml(&mut self, path: &Path, text: &str) -> Result<()> {
        let mut config = Config::from_toml(text, path)?;
        if let (None, Some(choice)) = (&self.wish, config.backend.take()) {
            let by = RequestedBy::File { path: path.to_owned(), line: None };
            self.wish = Some(Ok(Wish { text: choice.to_string(), choice, by }));
        }
        self.config = Some(config);
        Ok(())
    }

    fn take_plain(&mut self, path: &Path, text: &str) {
        if let (None, Some((line, name))) = (&self.wish, first_name(text)) {
            let by = RequestedBy::File { path: path.to_owned(), line: Some(line) };
            let wish = Choice::in_file(name.split(',')).map(|choice| Wish::said(name, choice, by));
            self.wish = Some(wish.map_err(|error| error.within(&format!("line {line}")).on(path)));
        }
    }

    fn note(&mut self, path: PathBuf, state: FileState) {
        self.considered.push(ConfigFile { path, state });
    }
}

/// The first line that is neither empty nor a comment, with its number from 1.
fn first_name(text: &str) -> Option<(usize, &str)> {
    let mut lines = (1..).zip(text.lines().map(str::trim));
    lines.find(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}
