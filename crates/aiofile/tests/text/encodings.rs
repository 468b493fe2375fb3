//! Encodings to try.

/// One of every kind.
pub(crate) const NAMES: [&str; 20] = [
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16le",
    "utf-16be",
    "utf-32",
    "utf-32le",
    "utf-32be",
    "ascii",
    "latin-1",
    "iso-8859-9",
    "tis-620",
    "windows-1252",
    "shift_jis",
    "euc-jp",
    "iso-2022-jp",
    "gb18030",
    "big5",
    "euc-kr",
    "koi8-r",
];
