//! Which backend a context uses, what asked for it, and why no other one is used.
//!
//! The first of these that says something decides: the program, `CAIO_IMPL`, the configuration
//! files, and at last `auto`. A single name is a demand: where that backend does not work, opening
//! fails with the reason. A list and `auto` go on to the next name, and the report has the reasons.
//! Only a failure to set a backend up leads to another one; an operation that fails later is an
//! error of that operation.

mod choice;
mod environment;
mod files;
mod info;
mod openers;
mod probe;
mod read;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

pub use choice::Choice;
pub(crate) use choice::is_name;
pub use info::{ConfigFile, FileState, Info, Refusal, RequestedBy};

use choice::Requested;
use environment::Environment;
use files::Files;
use openers::Openers;
pub(crate) use openers::open_pool;
use read::{Distrust, Unread};

use crate::backend::Backend;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};

/// The text of a file of settings that a program names.
///
/// # Errors
/// It is no regular file, is too long, can have been written by others; what the system answers.
pub(crate) fn read_settings(path: &Path) -> Result<String> {
    read::read(path, &Environment::process().users).map_err(|unread| {
        let error = match unread {
            Unread::Failed(error) => Error::system(error),
            Unread::Distrusted(Distrust { message, cure, .. }) => {
                Error::new(ErrorKind::Config, message).hint(cure)
            }
        };
        error.doing("read").on(path)
    })
}

/// Opens the backend that `choice` names, else the one that `config`, `CAIO_IMPL`, the
/// configuration files or a probe lead to. The limits are `config`, else those of the files, after
/// `change`.
///
/// Blocks for as long as the probe takes: microseconds where the backend works, at most two
/// seconds for each that takes requests and never answers.
///
/// # Errors
/// [`ErrorKind::Config`]: `CAIO_CONFIG` points nowhere or to a file that is not trusted, a
/// `caio.toml` is invalid, or the limits make no sense. [`ErrorKind::Backend`]: an unknown name, or
/// none of those asked for works.
pub(crate) fn open(
    choice: Option<Choice>,
    config: Option<Config>,
    change: impl FnOnce(&mut Config),
) -> Result<(Arc<dyn Backend>, Config, Info)> {
    let found = Found::find(&Environment::process())?;
    let mut config = config.unwrap_or_else(|| found.config.clone());
    change(&mut config);
    let (backend, info) = found.open(&config, choice, &Openers::real())?;
    Ok((backend, config, info))
}

/// Takes the backend that the program hands in, unprobed. Limits and errors are as for
/// [`open`], but no file is read where `config` is given.
pub(crate) fn custom(
    backend: Arc<dyn Backend>,
    config: Option<Config>,
    change: impl FnOnce(&mut Config),
) -> Result<(Arc<dyn Backend>, Config, Info)> {
    let (mut config, files, ignored) = match config {
        Some(config) => (config, Vec::new(), Vec::new()),
        None => {
            let found = Found::find(&Environment::process())?;
            (found.config, found.considered, found.ignored)
        }
    };
    change(&mut config);
    config.validate()?;
    let info = Info {
        backend: backend.kind(),
        requested_by: RequestedBy::Code,
        requested: backend.kind().name().to_owned(),
        refused: Vec::new(),
        kernel: kernel(),
        capability: backend.capability().clone(),
        limits: config.clone(),
        files,
        ignored,
    };
    Ok((backend, config, info))
}

/// What the environment and the configuration files say.
#[derive(Debug)]
struct Found {
    /// The limits of the first `caio.toml`, else the defaults. Its `backend` is always `None`
    /// here: a context that sets it chooses in code.
    config: Config,
    variable: Option<Result<Requested>>,
    file: Option<Result<Requested>>,
    considered: Vec<ConfigFile>,
    ignored: Vec<&'static str>,
}

impl Found {
    fn find(environment: &Environment<'_>) -> Result<Self> {
        let files = Files::find(environment)?;
        Ok(Self {
            config: files.config.unwrap_or_default(),
            variable: Requested::variable(environment),
            file: files.requested,
            considered: files.considered,
            ignored: environment.ignored(),
        })
    }

    fn open(
        self,
        config: &Config,
        explicit: Option<Choice>,
        openers: &Openers<'_>,
    ) -> Result<(Arc<dyn Backend>, Info)> {
        config.validate()?;
        let requested = match explicit.or_else(|| config.backend.clone()) {
            Some(choice) => Requested::code(choice),
            None => self.variable.or(self.file).transpose()?.unwrap_or_else(Requested::none),
        };
        let mut refused = Vec::new();
        for backend in requested.choice.candidates() {
            match openers.open(*backend, config) {
                Ok(opened) => {
                    let info = Info {
                        backend: opened.kind(),
                        requested_by: requested.by,
                        requested: requested.text,
                        refused,
                        kernel: kernel(),
                        capability: opened.capability().clone(),
                        limits: Config { backend: Some(requested.choice), ..config.clone() },
                        files: self.considered,
                        ignored: self.ignored,
                    };
                    return Ok((opened, info));
                }
                // Wrong options are wrong for the next backend, too.
                Err(error) if is_our_mistake(&error) => return Err(error),
                Err(error) => refused.push(Refusal { backend: *backend, error }),
            }
        }
        Err(nothing_works(&requested, refused))
    }
}

fn is_our_mistake(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Config | ErrorKind::InvalidInput)
        && error.raw_os_error().is_none()
}

fn nothing_works(requested: &Requested, mut refused: Vec<Refusal>) -> Error {
    let by = match requested.by {
        RequestedBy::Auto => String::new(),
        ref by => format!(" (asked for by {by})"),
    };
    match (refused.len(), refused.pop()) {
        (1, Some(Refusal { backend, error })) => {
            error.into_refusal(&format!("backend {backend}{by} cannot be used"))
        }
        (_, None) => Error::new(ErrorKind::Backend, format!("an empty list of backends{by}")),
        (_, Some(last)) => {
            refused.push(last);
            let reasons: Vec<_> = refused.iter().map(Refusal::to_string).collect();
            let names = &requested.text;
            Error::new(
                ErrorKind::Backend,
                format!("none of the backends {names}{by} works here: {}", reasons.join("; ")),
            )
        }
    }
}

/// The kernel's release, for the report alone.
fn kernel() -> String {
    match nix::sys::utsname::uname() {
        Ok(name) => name.release().to_string_lossy().into_owned(),
        Err(errno) => format!("unknown: {errno}"),
    }
}
