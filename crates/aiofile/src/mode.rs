//! Python's mode strings.

use std::fmt;
use std::str::FromStr;

use caio::{Error, ErrorKind, SharedFile};

/// How a file is opened, in the words of Python's `open`.
///
/// | mode | reads | writes | creates | truncates | position of writes |
/// | --- | --- | --- | --- | --- | --- |
/// | `r` | yes | | | | |
/// | `r+` | yes | yes | | | anywhere |
/// | `w` | | yes | yes | yes | anywhere |
/// | `w+` | yes | yes | yes | yes | anywhere |
/// | `a` | | yes | yes | | the end |
/// | `a+` | yes | yes | yes | | the end |
/// | `x` | | yes | must | | anywhere |
/// | `x+` | yes | yes | must | | anywhere |
///
/// `b` (bytes) and `t` (text) may follow in any order; files hold bytes either way.
///
/// ```
/// use aiofile::Mode;
///
/// let mode: Mode = "rb+".parse()?;
/// assert!(mode.reads() && mode.writes() && !mode.creates());
/// assert!("rw".parse::<Mode>().is_err());
/// assert_eq!(mode, Mode::READ_WRITE);
/// # Ok::<(), aiofile::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mode {
    base: Base,
    update: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Base {
    Read,
    Write,
    Append,
    Exclusive,
}

impl Mode {
    /// `r`
    pub const READ: Self = Self { base: Base::Read, update: false };
    /// `r+`
    pub const READ_WRITE: Self = Self { base: Base::Read, update: true };
    /// `w`
    pub const WRITE: Self = Self { base: Base::Write, update: false };
    /// `w+`
    pub const WRITE_READ: Self = Self { base: Base::Write, update: true };
    /// `a`
    pub const APPEND: Self = Self { base: Base::Append, update: false };
    /// `a+`
    pub const APPEND_READ: Self = Self { base: Base::Append, update: true };
    /// `x`
    pub const CREATE_NEW: Self = Self { base: Base::Exclusive, update: false };
    /// `x+`
    pub const CREATE_NEW_READ: Self = Self { base: Base::Exclusive, update: true };

    /// Whether the file can be read.
    ///
    /// ```
    /// use aiofile::Mode;
    ///
    /// assert!("r".parse::<Mode>()?.reads() && "a+".parse::<Mode>()?.reads());
    /// assert!(!"w".parse::<Mode>()?.reads());
    /// # Ok::<(), aiofile::Error>(())
    /// ```
    #[must_use]
    pub fn reads(self) -> bool {
        self.base == Base::Read || self.update
    }

    /// Whether the file can be written.
    ///
    /// ```
    /// use aiofile::Mode;
    ///
    /// assert!("w".parse::<Mode>()?.writes() && "r+".parse::<Mode>()?.writes());
    /// assert!(!"r".parse::<Mode>()?.writes());
    /// # Ok::<(), aiofile::Error>(())
    /// ```
    #[must_use]
    pub fn writes(self) -> bool {
        self.base != Base::Read || self.update
    }

    /// Whether each write goes to the end of the file.
    ///
    /// ```
    /// use aiofile::Mode;
    ///
    /// assert!("ab".parse::<Mode>()?.appends());
    /// assert!(!"w".parse::<Mode>()?.appends());
    /// # Ok::<(), aiofile::Error>(())
    /// ```
    #[must_use]
    pub fn appends(self) -> bool {
        self.base == Base::Append
    }

    /// Whether a missing file is created.
    ///
    /// ```
    /// use aiofile::Mode;
    ///
    /// assert!("w".parse::<Mode>()?.creates() && "x".parse::<Mode>()?.creates());
    /// assert!(!"r+".parse::<Mode>()?.creates());
    /// # Ok::<(), aiofile::Error>(())
    /// ```
    #[must_use]
    pub fn creates(self) -> bool {
        self.base != Base::Read
    }

    /// Whether the file must not exist yet.
    ///
    /// ```
    /// use aiofile::Mode;
    ///
    /// assert!("x+".parse::<Mode>()?.is_exclusive());
    /// assert!(!"w+".parse::<Mode>()?.is_exclusive());
    /// # Ok::<(), aiofile::Error>(())
    /// ```
    #[must_use]
    pub fn is_exclusive(self) -> bool {
        self.base == Base::Exclusive
    }

    /// Whether the file's former contents are cut off.
    ///
    /// ```
    /// use aiofile::Mode;
    ///
    /// assert!("w+".parse::<Mode>()?.truncates());
    /// assert!(!"a+".parse::<Mode>()?.truncates() && !"x".parse::<Mode>()?.truncates());
    /// # Ok::<(), aiofile::Error>(())
    /// ```
    #[must_use]
    pub fn truncates(self) -> bool {
        self.base == Base::Write
    }

    /// The mode that comes closest to what the file was opened for.
    pub(crate) fn of(file: &SharedFile) -> Self {
        match (file.is_readable(), file.is_writable(), file.is_append()) {
            (true, true, true) => Self::APPEND_READ,
            (false, true, true) => Self::APPEND,
            (true, true, false) => Self::READ_WRITE,
            (false, true, false) => Self::WRITE,
            (_, false, _) => Self::READ,
        }
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (mut base, mut update, mut kind) = (None, false, None);
        for letter in text.chars() {
            let repeated = match letter {
                'r' => base.replace(Base::Read).is_some(),
                'w' => base.replace(Base::Write).is_some(),
                'a' => base.replace(Base::Append).is_some(),
                'x' => base.replace(Base::Exclusive).is_some(),
                '+' => std::mem::replace(&mut update, true),
                'b' | 't' => kind.replace(letter).is_some(),
                _ => return Err(bad(text, format!("{letter:?} is not a mode"))),
            };
            if repeated {
                let reason = "exactly one of r, w, a, x, and at most one + and one of b, t";
                return Err(bad(text, reason));
            }
        }
        match base {
            Some(base) => Ok(Self { base, update }),
            None => Err(bad(text, "one of r, w, a, x is missing")),
        }
    }
}

macro_rules! texts {
    ($($text:ty),*) => {$(
        impl TryFrom<$text> for Mode {
            type Error = Error;

            fn try_from(text: $text) -> Result<Self, Error> {
                text.parse()
            }
        }
    )*};
}

texts!(&str, String, &String);

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.base {
            Base::Read => "r",
            Base::Write => "w",
            Base::Append => "a",
            Base::Exclusive => "x",
        })?;
        f.write_str(if self.update { "+" } else { "" })
    }
}

fn bad(text: &str, reason: impl fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("bad mode string {text:?}: {reason}"))
        .hint("valid are r, w, a and x, each also with + and with b or t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_valid_mode_parses_and_every_other_one_explains_itself() {
        for text in ["r", "w", "a", "x", "r+", "+r", "rb", "br", "rt+", "w+b", "ab", "xt", "a+"] {
            let mode = text.parse::<Mode>().unwrap();
            assert_eq!(Mode::try_from(text.to_owned()).unwrap(), mode);
            assert_eq!(mode.to_string().parse::<Mode>().unwrap(), mode);
        }
        for mode in [Mode::READ, Mode::WRITE_READ, Mode::APPEND, Mode::CREATE_NEW_READ] {
            assert_eq!(Mode::try_from(&mode.to_string()).unwrap(), mode);
        }
        for text in ["", "+", "b", "rr", "rw", "r++", "rbt", "rbb", "U", "r w", "read"] {
            let error = text.parse::<Mode>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }
}
