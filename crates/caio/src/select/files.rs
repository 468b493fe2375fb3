//! The configuration files: where they are looked for, and what they say.
//!
//! The first `caio.toml` gives the limits; a later one is not read. The first file that names a
//! backend gives the choice.

use std::io;
use std::path::{Path, PathBuf};

use super::choice::{Choice, Requested};
use super::environment::Environment;
use super::info::{ConfigFile, FileState, RequestedBy};
use super::read::{Distrust, Unread, read};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};

const TOML: &str = "caio.toml";
const PLAIN: &str = "default_implementation";

/// No path that Linux takes is longer, and no error repeats one that is.
const PATH_MAX: usize = 4095;

/// What the files say, together.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The limits; its `backend` is in `requested`.
    pub(super) config: Option<Config>,
    /// The first backend that was named. A wrong name is an error only where it decides.
    pub(super) requested: Option<Result<Requested>>,
    /// The files that were looked for, in order.
    pub(super) considered: Vec<ConfigFile>,
    /// The users that may write configurations.
    users: Vec<u32>,
}

impl Files {
    /// Looks for the files and reads them.
    ///
    /// # Errors
    /// A file that `CAIO_CONFIG` names is missing, unreadable or not trusted; a file is none; a
    /// `caio.toml` is invalid.
    pub(super) fn find(environment: &Environment<'_>) -> Result<Self> {
        let mut files = Self { users: environment.users.to_vec(), ..Self::default() };
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
            files.take_directory(&directory, false)?;
        }
        Ok(files)
    }

    /// What `CAIO_CONFIG` points to has to be there.
    fn take_named(&mut self, path: &Path) -> Result<()> {
        let failed = |error| pointed_to(path, Unread::Failed(error));
        if std::fs::metadata(path).map_err(failed)?.is_dir() {
            self.take_directory(path, true)?;
            if self.considered.iter().all(|file| file.state != FileState::Read) {
                return Err(failed(io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("no readable {TOML} or {PLAIN} in it"),
                )));
            }
            return Ok(());
        }
        let text = read(path, &self.users).map_err(|unread| pointed_to(path, unread))?;
        if path.extension().is_some_and(|extension| extension == "toml") {
            self.take_toml(path, &text)?;
        } else {
            self.take_plain(path, &text);
        }
        self.note(path.to_owned(), FileState::Read);
        Ok(())
    }

    fn take_directory(&mut self, directory: &Path, is_named: bool) -> Result<()> {
        let path = directory.join(TOML);
        if self.config.is_some() {
            self.note(path, FileState::Shadowed);
        } else if let Some(text) = self.read_if_there(path.clone(), is_named)? {
            self.take_toml(&path, &text)?;
        }
        let path = directory.join(PLAIN);
        if self.requested.is_some() {
            self.note(path, FileState::Shadowed);
        } else if let Some(text) = self.read_if_there(path.clone(), is_named)? {
            self.take_plain(&path, &text);
        }
        Ok(())
    }

    /// A file that may be missing, or unreadable for this user. One that another user may have
    /// written is an error only in a directory that `CAIO_CONFIG` names.
    fn read_if_there(&mut self, path: PathBuf, is_named: bool) -> Result<Option<String>> {
        use io::ErrorKind as Kind;
        let (state, text) = match read(&path, &self.users) {
            Ok(text) => (FileState::Read, Some(text)),
            Err(Unread::Distrusted(distrust)) if !is_named => (distrust.state, None),
            Err(unread @ Unread::Distrusted(_)) => return Err(pointed_to(&path, unread)),
            Err(Unread::Failed(error)) => match error.kind() {
                Kind::NotFound | Kind::NotADirectory => (FileState::Absent, None),
                Kind::PermissionDenied => (FileState::Forbidden, None),
                _ => {
                    let refused = Error::new(ErrorKind::Config, "it cannot be read");
                    return Err(refused.caused_by(error).on(&path));
                }
            },
        };
        self.note(path, state);
        Ok(text)
    }

    fn take_toml(&mut self, path: &Path, text: &str) -> Result<()> {
        let mut config = Config::from_toml(text, path)?;
        if let (None, Some(choice)) = (&self.requested, config.backend.take()) {
            let by = RequestedBy::File { path: path.to_owned(), line: None };
            self.requested = Some(Ok(Requested { text: choice.to_string(), choice, by }));
        }
        self.config = Some(config);
        Ok(())
    }

    fn take_plain(&mut self, path: &Path, text: &str) {
        if let (None, Some((line, name))) = (&self.requested, first_name(text)) {
            let by = RequestedBy::File { path: path.to_owned(), line: Some(line) };
            let requested =
                Choice::in_file(name.split(',')).map(|choice| Requested::said(name, choice, by));
            self.requested =
                Some(requested.map_err(|error| error.within(&format!("line {line}")).on(path)));
        }
    }

    fn note(&mut self, path: PathBuf, state: FileState) {
        self.considered.push(ConfigFile { path, state });
    }
}

/// The error of what `CAIO_CONFIG` points to.
fn pointed_to(path: &Path, unread: Unread) -> Error {
    const WHAT: &str = "CAIO_CONFIG points to it";
    const CURE: &str =
        "name a caio.toml, a default_implementation file, or a directory with one of them";
    let error = match unread {
        Unread::Failed(error) => Error::new(ErrorKind::Config, WHAT).caused_by(error).hint(CURE),
        Unread::Distrusted(Distrust { message, cure, .. }) => {
            Error::new(ErrorKind::Config, format!("{WHAT}: {message}")).hint(cure)
        }
    };
    error.on(path)
}

/// The first line that is neither empty nor a comment, with its number from 1.
fn first_name(text: &str) -> Option<(usize, &str)> {
    let mut lines = (1..).zip(text.lines().map(str::trim));
    lines.find(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}
