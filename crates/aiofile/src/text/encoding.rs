//! The encodings: which there are, and what a name means.

mod names;
mod table;

use std::fmt;
use std::str::FromStr;

use caio::Error;

pub(super) use names::of;
use table::{ASCII, LATIN_1};
pub(super) use table::{Table, UNDEFINED};

/// How text is written as bytes.
///
/// There are UTF-8, UTF-16 and UTF-32, each with and without a mark at the start of the file,
/// ASCII, the ISO 8859 family, and all other encodings of WHATWG's standard (the crate
/// `encoding_rs`). A name is looked up as Python does it and then as WHATWG does it; case, `-`,
/// `_` and blanks do not matter.
///
/// | name | reads | writes |
/// | --- | --- | --- |
/// | `utf-8` | a mark is a character (U+FEFF) | no mark |
/// | `utf-8-sig` | a mark at the start is skipped | a mark at the start |
/// | `utf-16`, `utf-32` | the mark says the order, else little endian | a mark, little endian |
/// | `utf-16le`, `utf-16be`, `utf-32le`, `utf-32be` | a mark is a character | no mark |
///
/// `ascii`, `latin-1`, `iso-8859-9` and `iso-8859-11` are what Python means. WHATWG means pages of
/// Windows by these names. Python refuses `utf-16` without a mark.
///
/// The tables are WHATWG's. They are wider than Python's of the same name: `gb2312` reads all of
/// GBK, `shift_jis` all of Windows' page 932, and `windows-1252` has no undefined byte.
///
/// ```
/// use aiofile::text::Encoding;
///
/// assert_eq!("UTF8".parse::<Encoding>()?, Encoding::UTF_8);
/// assert_eq!("ISO-8859-1".parse::<Encoding>()?, Encoding::LATIN_1);
/// assert_eq!("cp932".parse::<Encoding>()?.name(), "Shift_JIS");
/// let error = "utf-9".parse::<Encoding>().unwrap_err();
/// assert!(error.to_string().contains("utf-8"), "{error}");
/// # Ok::<(), aiofile::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding(pub(super) Scheme);

/// What the decoders and encoders tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scheme {
    Utf8 { mark: bool },
    Utf16(Option<Order>),
    Utf32(Option<Order>),
    Table(&'static Table),
    Legacy(&'static encoding_rs::Encoding),
}

/// Which byte of a unit comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Order {
    Little,
    Big,
}

impl Encoding {
    /// UTF-8. A mark at the start is a character.
    pub const UTF_8: Self = Self(Scheme::Utf8 { mark: false });
    /// UTF-8 with a mark at the start, which may be missing when reading.
    pub const UTF_8_SIG: Self = Self(Scheme::Utf8 { mark: true });
    /// UTF-16 with a mark at the start; little endian without it.
    pub const UTF_16: Self = Self(Scheme::Utf16(None));
    /// UTF-16, little endian, without a mark.
    pub const UTF_16LE: Self = Self(Scheme::Utf16(Some(Order::Little)));
    /// UTF-16, big endian, without a mark.
    pub const UTF_16BE: Self = Self(Scheme::Utf16(Some(Order::Big)));
    /// UTF-32 with a mark at the start; little endian without it.
    pub const UTF_32: Self = Self(Scheme::Utf32(None));
    /// UTF-32, little endian, without a mark.
    pub const UTF_32LE: Self = Self(Scheme::Utf32(Some(Order::Little)));
    /// UTF-32, big endian, without a mark.
    pub const UTF_32BE: Self = Self(Scheme::Utf32(Some(Order::Big)));
    /// ASCII: the bytes below 128, and no others.
    pub const ASCII: Self = Self(Scheme::Table(&ASCII));
    /// ISO 8859-1: each byte is the character of the same number.
    pub const LATIN_1: Self = Self(Scheme::Table(&LATIN_1));
    /// Windows' page for western Europe.
    pub const WINDOWS_1252: Self = Self(Scheme::Legacy(encoding_rs::WINDOWS_1252));

    /// Its name, which can be parsed again.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Scheme::Utf8 { mark: false } => "utf-8",
            Scheme::Utf8 { mark: true } => "utf-8-sig",
            Scheme::Utf16(None) => "utf-16",
            Scheme::Utf16(Some(Order::Little)) => "utf-16le",
            Scheme::Utf16(Some(Order::Big)) => "utf-16be",
            Scheme::Utf32(None) => "utf-32",
            Scheme::Utf32(Some(Order::Little)) => "utf-32le",
            Scheme::Utf32(Some(Order::Big)) => "utf-32be",
            Scheme::Table(table) => table.name,
            Scheme::Legacy(encoding) => encoding.name(),
        }
    }

    /// Whether a file begins with a mark.
    pub(super) fn has_mark(self) -> bool {
        let marked = Scheme::Utf8 { mark: true };
        self.0 == marked || matches!(self.0, Scheme::Utf16(None) | Scheme::Utf32(None))
    }

    /// How many bytes the smallest piece has.
    pub(super) fn unit(self) -> usize {
        match self.0 {
            Scheme::Utf16(_) => 2,
            Scheme::Utf32(_) => 4,
            _ => 1,
        }
    }

    /// Whether what a byte means depends on an escape sequence somewhere before it.
    pub(super) fn is_stateful(self) -> bool {
        self.0 == Scheme::Legacy(encoding_rs::ISO_2022_JP)
    }
}

impl Default for Encoding {
    /// UTF-8.
    fn default() -> Self {
        Self::UTF_8
    }
}

impl FromStr for Encoding {
    type Err = Error;

    /// # Errors
    /// For an unknown name, with the names that are near.
    fn from_str(name: &str) -> Result<Self, Error> {
        names::find(name).ok_or_else(|| names::unknown(name))
    }
}

impl TryFrom<&str> for Encoding {
    type Error = Error;

    fn try_from(name: &str) -> Result<Self, Error> {
        name.parse()
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoding({})", self.name())
    }
}
