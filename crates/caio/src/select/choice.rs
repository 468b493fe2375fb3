//! Which backend is asked for, `auto`, one name, or an ordered list of names, and where.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::environment::Environment;
use super::info::RequestedBy;
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
        Self::from_names(names, |name| is_name(name).then(|| format!("{name:?}")))
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
        Self::from_names(text.split(','), |name| Some(beginning(name)))
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

/// The variable that chooses a backend.
const VARIABLE: &str = "CAIO_IMPL";

/// Every name once, with some space, has fewer bytes.
const TEXT_MAX: usize = 64;

/// What was asked for, in what words, and where.
#[derive(Debug, Clone)]
pub(super) struct Requested {
    pub(super) choice: Choice,
    pub(super) text: String,
    pub(super) by: RequestedBy,
}

impl Requested {
    /// The default: nothing asks for a particular backend.
    pub(super) fn none() -> Self {
        Self::of(Choice::Auto, RequestedBy::Auto)
    }

    /// The program asks.
    pub(super) fn code(choice: Choice) -> Self {
        Self::of(choice, RequestedBy::Code)
    }

    /// `CAIO_IMPL` asks, if it is set to something.
    pub(super) fn variable(environment: &Environment<'_>) -> Option<Result<Self>> {
        let value = environment.variable(VARIABLE)?;
        let text = value.to_string_lossy().trim().to_owned();
        if text.is_empty() {
            return None;
        }
        Some(match text.parse() {
            Ok(choice) => Ok(Self::said(&text, choice, RequestedBy::Environment)),
            Err(error) => Err(error.within(VARIABLE)),
        })
    }

    /// The words in which the choice was made are kept, unless they only repeat names.
    pub(super) fn said(text: &str, choice: Choice, by: RequestedBy) -> Self {
        let text = if text.len() > TEXT_MAX { choice.to_string() } else { text.to_owned() };
        Self { text, choice, by }
    }

    fn of(choice: Choice, by: RequestedBy) -> Self {
        Self { text: choice.to_string(), choice, by }
    }
}

/// The most characters of a name that are repeated.
const CHARACTERS_MAX: usize = 64;

/// The longest word of a file that is repeated: one more than the longest key has.
const WORD_MAX: usize = 24;

/// The beginning of a text that the caller or a variable gave, escaped, in quotation marks.
fn beginning(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS_MAX) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?} and {} bytes more", &text[..end], text.len() - end),
    }
}

/// Whether a word of a file may be repeated: it looks like the name of a backend or like a key.
/// `CAIO_CONFIG` may name any file by mistake, and its contents may be secret.
pub(crate) fn is_name(word: &str) -> bool {
    let is_part = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=WORD_MAX).contains(&word.len()) && word.bytes().all(is_part)
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

    #[test]
    fn a_long_text_is_cut_between_characters_and_control_characters_are_escaped() {
        assert_eq!(beginning("io_uring"), "\"io_uring\"");
        assert_eq!(beginning("\x1b[31m\n"), "\"\\u{1b}[31m\\n\"");
        let long = "\u{e4}".repeat(70);
        assert_eq!(beginning(&long), format!("\"{}\" and 12 bytes more", "\u{e4}".repeat(64)));
    }

    #[test]
    fn names_and_keys_are_words_and_secrets_are_not() {
        for word in ["io_uring", "posix-aio", "threads_idle_timeout_ms", "-1"] {
            assert!(is_name(word), "{word}");
        }
        for secret in
            ["", "root:x", "Password1", "two words", "d41d8cd98f00b204e9800998ecf8427e", "ключ"]
        {
            assert!(!is_name(secret), "{secret}");
        }
    }
}
