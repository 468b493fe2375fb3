//! A line of a checksum file, as coreutils, b3sum and BSD write it.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::escaped::{escape, unescape};
use crate::hash::{Hash, HashKind};

/// A file with the hash that it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecksumLine {
    /// Which hash it is.
    pub kind: HashKind,
    /// The hash.
    pub hash: Hash,
    /// The file, as the list names it.
    pub path: PathBuf,
    /// Whether the line has the mark of a file that was read as binary, which means nothing here.
    pub is_binary: bool,
}

impl ChecksumLine {
    /// Reads a line without its end: `HASH  NAME`, `HASH *NAME` or `KIND (NAME) = HASH`. A
    /// backslash in front says that the name is escaped. `None` for what is no such line, or has a
    /// hash of another length than `kind`, which is for lines that name none.
    ///
    /// ```
    /// use aiofile_util::{ChecksumLine, HashKind};
    ///
    /// let text = br"\b1946ac92492d2347c6235b4d2611184  two\nlines";
    /// let line = ChecksumLine::parse(text, HashKind::Md5).unwrap();
    /// assert_eq!(line.path.to_str(), Some("two\nlines"));
    /// assert_eq!(line.to_bytes(), text);
    /// ```
    #[must_use]
    pub fn parse(line: &[u8], kind: HashKind) -> Option<Self> {
        let line = line.trim_ascii_start();
        let (escaped, line) = match line.strip_prefix(b"\\") {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let (kind, hash, name, is_binary) = tagged(line).or_else(|| plain(line, kind))?;
        let name = if escaped { unescape(name)? } else { name.to_vec() };
        if name.is_empty() || hash.as_bytes().len() != kind.hash_bytes() {
            return None;
        }
        Some(Self { kind, hash, path: PathBuf::from(OsString::from_vec(name)), is_binary })
    }

    /// The line, without its end, in the form `HASH  NAME`. A name with a backslash or an end of a
    /// line in it is escaped.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let name = self.path.as_os_str().as_bytes();
        let is_escaped = name.iter().any(|byte| matches!(byte, b'\\' | b'\n' | b'\r'));
        let mut line = Vec::with_capacity(name.len() + 70);
        line.extend(is_escaped.then_some(b'\\'));
        line.extend(self.hash.to_string().into_bytes());
        line.extend(if self.is_binary { b" *" } else { b"  " });
        escape(name, &mut line);
        line
    }
}

type Parts<'a> = (HashKind, Hash, &'a [u8], bool);

/// `KIND (NAME) = HASH`; the name may have such brackets in it.
fn tagged(line: &[u8]) -> Option<Parts<'_>> {
    const BETWEEN: &[u8] = b") = ";
    let start = line.windows(2).position(|two| two == b" (")?;
    let end = line.windows(BETWEEN.len()).rposition(|between| between == BETWEEN)?;
    let kind = std::str::from_utf8(&line[..start]).ok()?.parse().ok()?;
    let hash = digits(&line[end + BETWEEN.len()..])?;
    Some((kind, hash, line.get(start + 2..end)?, false))
}

/// `HASH  NAME` or `HASH *NAME`.
fn plain(line: &[u8], kind: HashKind) -> Option<Parts<'_>> {
    let end = line.iter().position(|byte| *byte == b' ')?;
    let (hash, rest) = (digits(&line[..end])?, &line[end + 1..]);
    let (mark, name) = rest.split_first()?;
    matches!(mark, b' ' | b'*').then_some((kind, hash, name, *mark == b'*'))
}

fn digits(digits: &[u8]) -> Option<Hash> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
