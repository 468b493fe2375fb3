//! Encodings of one byte a character, for which WHATWG puts others.

/// What the bytes from 128 on mean; those below are ASCII.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::text) struct Table {
    pub(in crate::text) name: &'static str,
    upper: [char; 128],
}

/// Stands in a table where a byte means nothing.
pub(in crate::text) const UNDEFINED: char = char::REPLACEMENT_CHARACTER;

pub(super) static ASCII: Table = Table { name: "ascii", upper: [UNDEFINED; 128] };
pub(super) static LATIN_1: Table = Table { name: "latin-1", upper: latin_1() };
pub(super) static LATIN_5: Table = Table { name: "iso-8859-9", upper: latin_5() };
pub(super) static THAI: Table = Table { name: "iso-8859-11", upper: thai(true) };
pub(super) static TIS_620: Table = Table { name: "tis-620", upper: thai(false) };

impl Table {
    /// The character of a byte, or [`UNDEFINED`].
    pub(in crate::text) fn decode(&self, byte: u8) -> char {
        match byte.checked_sub(128) {
            Some(index) => self.upper[usize::from(index)],
            None => char::from(byte),
        }
    }

    /// The byte of a character.
    pub(in crate::text) fn encode(&self, character: char) -> Option<u8> {
        if character == UNDEFINED {
            return None;
        }
        match u8::try_from(character) {
            Ok(byte) if self.decode(byte) == character => Some(byte),
            _ => {
                let index = self.upper.iter().position(|upper| *upper == character)?;
                u8::try_from(index + 128).ok()
            }
        }
    }
}

const fn latin_1() -> [char; 128] {
    let mut upper = [UNDEFINED; 128];
    let mut index = 0;
    while index < 128 {
        upper[index as usize] = (index + 128) as char;
        index += 1_u8;
    }
    upper
}

const fn latin_5() -> [char; 128] {
    let mut upper = latin_1();
    upper[0xd0 - 128] = 'Ğ';
    upper[0xdd - 128] = 'İ';
    upper[0xde - 128] = 'Ş';
    upper[0xf0 - 128] = 'ğ';
    upper[0xfd - 128] = 'ı';
    upper[0xfe - 128] = 'ş';
    upper
}

/// With the blank of ISO 8859-11, or without as TIS-620.
const fn thai(blank: bool) -> [char; 128] {
    let mut upper = [UNDEFINED; 128];
    let mut byte = 0x80;
    while byte < 0xff {
        let is_thai = matches!(byte, 0xa1..=0xda | 0xdf..=0xfb);
        let code = if is_thai { byte - 0xa0 + 0x0e00 } else { byte };
        if let Some(character) = char::from_u32(code)
            && (is_thai || byte < 0xa0 || (blank && byte == 0xa0))
        {
            upper[byte as usize - 128] = character;
        }
        byte += 1_u32;
    }
    upper
}
