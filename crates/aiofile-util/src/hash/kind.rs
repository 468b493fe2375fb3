//! Which hash functions there are, and what they give.

use std::fmt;
use std::io;
use std::str::FromStr;

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum HashKind {
    /// BLAKE3, 32 bytes: the fastest one, and parallel within a file.
    #[default]
    Blake3,
    /// SHA-256, 32 bytes, as `sha256sum` gives it.
    Sha256,
    /// MD5, 16 bytes, as `md5sum` gives it. It shows damage, and no malice.
    Md5,
}

impl HashKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Blake3, Self::Sha256, Self::Md5];

    /// Its name: `blake3`, `sha256` or `md5`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Sha256 => "sha256",
            Self::Md5 => "md5",
        }
    }

    /// How many bytes a hash of it has.
    #[must_use]
    pub fn hash_bytes(self) -> usize {
        match self {
            Self::Blake3 | Self::Sha256 => 32,
            Self::Md5 => 16,
        }
    }
}

impl fmt::Display for HashKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for HashKind {
    type Err = io::Error;

    /// A name in any case.
    fn from_str(name: &str) -> io::Result<Self> {
        let known = Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name));
        known.ok_or_else(|| {
            let message = format!("{name:?} is no hash that is known: blake3, sha256, md5");
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })
    }
}

/// A hash: shown in lower-case hexadecimal digits, and read from such. Two are equal where their
/// bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash {
    bytes: [u8; 32],
    length: u8,
}

impl Hash {
    /// These bytes, as many as the kind has.
    pub(super) fn new(kind: HashKind, bytes: &[u8]) -> Self {
        let mut hash = Self { bytes: [0; 32], length: 0 };
        for (place, byte) in hash.bytes.iter_mut().zip(&bytes[..kind.hash_bytes()]) {
            *place = *byte;
            hash.length += 1;
        }
        hash
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = io::Error;

    /// 32 or 64 hexadecimal digits, in any case.
    fn from_str(digits: &str) -> io::Result<Self> {
        let refused = || {
            let message = format!("{digits:?} is no hash: 32 or 64 hexadecimal digits");
            io::Error::new(io::ErrorKind::InvalidInput, message)
        };
        let values: Option<Vec<u8>> =
            digits.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect();
        let values = values.filter(|values| [32, 64].contains(&values.len()));
        let values = values.ok_or_else(refused)?;
        let mut hash = Self { bytes: [0; 32], length: 0 };
        for (place, pair) in hash.bytes.iter_mut().zip(values.chunks(2)) {
            *place = pair[0] << 4 | pair[1];
            hash.length += 1;
        }
        Ok(hash)
    }
}
