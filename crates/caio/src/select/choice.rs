//! Which backend is asked for: `auto`, one name, or an ordered list of names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::quote;
use crate::backend::BackendKind;
use crate::error::{Error, ErrorKind, Result};

/// A choice of a backend, as code, `CAIO_IMPL` and the configuration files express it.
///
/// ```
/// use caio::{BackendKind, Choice};
///
/// assert_eq!("auto".parse::<Choice>()?, Choice::Auto);
/// assert_eq!(
///     "uring, python".parse::<Choice>()?,
///     Choice::Ordered(vec![BackendKind::Uring, BackendKind::Rust]),
/// );
/// assert!("uring,nonsense".parse::<Choice>().is_err());
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "Words")]
#[non_exhaustive]
pub enum Choice {
    /// The first backend that works, in the order of [`BackendKind::ALL`].
    Auto,
    /// The first of these that works. A single one has no substitute: where it does not work,
    /// opening fails.
    Ordered(Vec<BackendKind>),
}

/// The names that a choice is made of, for help and error texts.
pub(crate) const NAMES: &str = "uring, linux, thread, rust (or python, its alias), auto";

impl Choice {
    /// This backend and no other.
    ///
    /// ```
    /// use caio::{BackendKind, Choice};
    ///
    /// assert_eq!(Choice::only(BackendKind::Thread).to_string(), "thread");
    /// ```
    #[must_use]
    pub fn only(backend: BackendKind) -> Self {
        Self::Ordered(vec![backend])
    }

    /// The backends to try, first to last.
    ///
    /// ```
    /// use caio::{BackendKind, Choice};
    ///
    /// let choice: Choice = "thread,rust".parse()?;
    /// assert_eq!(choice.candidates(), [BackendKind::Thread, BackendKind::Rust]);
    /// assert_eq!(Choice::Auto.candidates(), BackendKind::ALL);
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn candidates(&self) -> &[BackendKind] {
        match self {
            Self::Auto => &BackendKind::ALL,
            Self::Ordered(backends) => backends,
        }
    }

    /// The choice that a file makes. Of a text that is none, the error repeats no more than what
    /// looks like a name.
    pub(super) fn in_file<'a>(names: impl Iterator<Item = &'a str>) -> Result<Self> {
        Self::from_names(names, |name| quote::is_name(name).then(|| format!("{name:?}")))
    }

    fn from_names<'a>(
        names: impl Iterator<Item = &'a str>,
        quoted: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let mut backends = Vec::new();
        let mut auto = false;
        for name in names.map(str::trim) {
            match BackendKind::from_name(name) {
                Some(backend) if backends.contains(&backend) => {}
                Some(backend) => backends.push(backend),
                None if name == "auto" => auto = true,
                None if name.is_empty() => return Err(refused("an empty backend name")),
                None => match quoted(name) {
                    Some(name) => return Err(refused(format!("unknown backend {name}"))),
                    None => return Err(refused("what stands there is not the name of a backend")),
                },
            }
        }
        match (auto, backends.is_empty()) {
            (true, true) => Ok(Self::Auto),
            (true, false) => Err(refused("auto stands alone, not in a list")),
            (false, false) => Ok(Self::Ordered(backends)),
            (false, true) => Err(refused("an empty list of backends")),
        }
    }
}

fn refused(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Backend, message).hint(format!("valid names: {NAMES}"))
}

impl FromStr for Choice {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::Backend`] for a name that no backend of this crate has; the text lists those
    /// that there are.
    fn from_str(text: &str) -> Result<Self> {
        Self::from_names(text.split(','), |name| Some(quote::beginning(name)))
    }
}

impl From<BackendKind> for Choice {
    fn from(backend: BackendKind) -> Self {
        Self::only(backend)
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Ordered(backends) => {
                let names: Vec<_> = backends.iter().map(|backend| backend.name()).collect();
                f.pad(&names.join(","))
            }
        }
    }
}

impl From<Choice> for String {
    fn from(choice: Choice) -> Self {
        choice.to_string()
    }
}

/// A choice as a configuration file has it: `"uring,thread"` or `["uring", "thread"]`.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a backend name, or a list of them")]
enum Words {
    One(String),
    Many(Vec<String>),
}

impl TryFrom<Words> for Choice {
    type Error = Error;

    fn try_from(words: Words) -> Result<Self> {
        match words {
            Words::One(text) => Self::in_file(text.split(',')),
            Words::Many(names) => Self::in_file(names.iter().map(String::as_str)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lists_and_auto_are_understood() {
        use BackendKind::{Linux, Rust, Thread, Uring};
        for (text, expected) in [
            ("uring", vec![Uring]),
            (" linux ", vec![Linux]),
            ("rust", vec![Rust]),
            ("python", vec![Rust]),
            ("uring,thread", vec![Uring, Thread]),
            ("thread , uring,thread", vec![Thread, Uring]),
        ] {
            assert_eq!(text.parse::<Choice>().unwrap(), Choice::Ordered(expected), "{text}");
        }
        assert_eq!("auto".parse::<Choice>().unwrap(), Choice::Auto);
        assert_eq!(Choice::Auto.candidates(), BackendKind::ALL);
    }

    #[test]
    fn every_other_text_is_refused_and_the_valid_names_are_listed() {
        for (text, expected) in [
            ("io_uring", "unknown backend \"io_uring\""),
            ("URING", "unknown backend \"URING\""),
            ("uring,nonsense", "unknown backend \"nonsense\""),
            ("uring,,thread", "an empty backend name"),
            ("", "an empty backend name"),
            ("uring,auto", "auto stands alone, not in a list"),
        ] {
            let error = text.parse::<Choice>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Backend);
            assert_eq!(error.to_string(), format!("{expected} (valid names: {NAMES})"));
        }
    }
}
