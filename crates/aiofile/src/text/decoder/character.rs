//! One character of an encoding that has no state, and many at once.

use std::str;

use super::super::encoding::{Encoding, Order, Scheme, Table, UNDEFINED};

/// How many units of UTF-16 are looked at together.
const UNITS: usize = 16;

/// What is decoded, once the order of bytes is known.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Utf8,
    Utf16(Order),
    Utf32(Order),
    Table(&'static Table),
}

/// What some bytes begin with.
pub(super) enum First {
    /// A character of so many bytes.
    Whole(char, usize),
    /// So many bytes that are no character.
    Bad(usize),
    /// The beginning of a character.
    Incomplete,
}

/// Whether bytes are the mark of an encoding.
pub(super) enum Mark {
    Found(Order),
    Absent,
    /// More bytes have to be seen.
    Unknown,
}

impl Mark {
    /// Looks at the first bytes of a file in an encoding that has marks.
    pub(super) fn look(encoding: Encoding, bytes: &[u8]) -> Self {
        let marks: &[(&[u8], Order)] = match encoding.0 {
            Scheme::Utf16(_) => &[(b"\xff\xfe", Order::Little), (b"\xfe\xff", Order::Big)],
            Scheme::Utf32(_) => &[(b"\xff\xfe\0\0", Order::Little), (b"\0\0\xfe\xff", Order::Big)],
            _ => &[(b"\xef\xbb\xbf", Order::Little)],
        };
        for (mark, order) in marks {
            if bytes == *mark {
                return Self::Found(*order);
            }
            if mark.starts_with(bytes) {
                return Self::Unknown;
            }
        }
        Self::Absent
    }
}

impl Kind {
    pub(super) fn of(encoding: Encoding, order: Order) -> Self {
        match encoding.0 {
            Scheme::Utf16(_) => Self::Utf16(order),
            Scheme::Utf32(_) => Self::Utf32(order),
            Scheme::Table(table) => Self::Table(table),
            Scheme::Utf8 { .. } | Scheme::Legacy(_) => Self::Utf8,
        }
    }

    /// The first character of these bytes, of which there is at least one.
    pub(super) fn first(self, bytes: &[u8]) -> First {
        match self {
            Self::Utf8 => {
                let (valid, bad) = match str::from_utf8(bytes) {
                    Ok(_) => (bytes.len(), None),
                    Err(error) => (error.valid_up_to(), error.error_len()),
                };
                match (str::from_utf8(&bytes[..valid]).ok().and_then(|s| s.chars().next()), bad) {
                    (Some(character), _) => First::Whole(character, character.len_utf8()),
                    (None, Some(length)) => First::Bad(length),
                    (None, None) => First::Incomplete,
                }
            }
            Self::Utf16(order) => {
                match (unit(bytes, order), bytes.get(2..).map(|b| unit(b, order))) {
                    (None, _) => First::Incomplete,
                    (Some(high @ 0xd800..0xdc00), second) => match second.flatten() {
                        None => First::Incomplete,
                        Some(low) => match pair(high, low) {
                            Some(character) => First::Whole(character, 4),
                            None => First::Bad(2),
                        },
                    },
                    (Some(unit), _) => match char::from_u32(unit.into()) {
                        Some(character) => First::Whole(character, 2),
                        None => First::Bad(2),
                    },
                }
            }
            Self::Utf32(order) => match bytes.first_chunk() {
                None => First::Incomplete,
                Some(bytes) => match char::from_u32(code(*bytes, order)) {
                    Some(character) => First::Whole(character, 4),
                    None => First::Bad(4),
                },
            },
            Self::Table(table) => match table.decode(bytes[0]) {
                UNDEFINED => First::Bad(1),
                character => First::Whole(character, 1),
            },
        }
    }

    /// Takes all characters up to the first that is incomplete or malformed.
    pub(super) fn bulk(self, input: &mut &[u8], text: &mut String) {
        let taken = match self {
            Self::Utf8 => utf8(input, text),
            Self::Utf16(Order::Little) => utf16(input, u16::from_le_bytes, text),
            Self::Utf16(Order::Big) => utf16(input, u16::from_be_bytes, text),
            Self::Utf32(order) => {
                let codes = input
                    .chunks_exact(4)
                    .map_while(|bytes| char::from_u32(code(bytes.try_into().ok()?, order)));
                codes.map(|character| text.push(character)).count() * 4
            }
            Self::Table(table) => by_table(input, table, text),
        };
        *input = &input[taken..];
    }
}

/// Looks at valid text once, also where the last character is cut.
fn utf8(input: &[u8], text: &mut String) -> usize {
    let whole = &input[..input.len() - cut(input)];
    let valid = simdutf8::basic::from_utf8(whole).unwrap_or_else(|_| {
        let length = str::from_utf8(whole).err().map_or(0, |error| error.valid_up_to());
        str::from_utf8(&whole[..length]).unwrap_or_default()
    });
    text.push_str(valid);
    valid.len()
}

/// How many bytes at the end begin a character of UTF-8 that needs more.
fn cut(bytes: &[u8]) -> usize {
    let from_end = bytes.iter().rev().take(3).position(|byte| byte & 0xc0 != 0x80);
    let Some(behind) = from_end else { return 0 };
    let length = match bytes[bytes.len() - 1 - behind] {
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
        _ => 1,
    };
    if length > behind + 1 { behind + 1 } else { 0 }
}

fn utf16(input: &[u8], read: impl Fn([u8; 2]) -> u16, text: &mut String) -> usize {
    let units = input.as_chunks().0;
    text.reserve(units.len());
    let mut index = 0;
    while index < units.len() {
        if let Some(ascii) = units[index..].first_chunk().and_then(|block| ascii(block, &read)) {
            text.push_str(str::from_utf8(&ascii).unwrap_or_default());
            index += ascii.len();
            continue;
        }
        let end = units.len().min(index + UNITS);
        while index < end {
            let unit = read(units[index]);
            let (character, length) = match unit {
                0xd800..0xdc00 => (units.get(index + 1).and_then(|low| pair(unit, read(*low))), 2),
                _ => (char::from_u32(unit.into()), 1),
            };
            let Some(character) = character else { return index * 2 };
            text.push(character);
            index += length;
        }
    }
    index * 2
}

/// The same characters as bytes, where all of them are ASCII. Most are, and many at a time cost
/// little more than one.
fn ascii(units: &[[u8; 2]; UNITS], read: impl Fn([u8; 2]) -> u16) -> Option<[u8; UNITS]> {
    let units = units.map(read);
    let all = units.iter().fold(0, |all, unit| all | unit);
    (all < 0x80).then(|| units.map(|unit| unit as u8))
}

fn by_table(input: &[u8], table: &Table, text: &mut String) -> usize {
    let mut taken = 0;
    text.reserve(input.len());
    while taken < input.len() {
        let ascii = encoding_rs::Encoding::ascii_valid_up_to(&input[taken..]);
        text.push_str(str::from_utf8(&input[taken..taken + ascii]).unwrap_or_default());
        taken += ascii;
        for byte in &input[taken..] {
            match table.decode(*byte) {
                UNDEFINED => return taken,
                _ if byte.is_ascii() => break,
                character => text.push(character),
            }
            taken += 1;
        }
    }
    taken
}

fn unit(bytes: &[u8], order: Order) -> Option<u16> {
    let bytes = *bytes.first_chunk()?;
    Some(match order {
        Order::Little => u16::from_le_bytes(bytes),
        Order::Big => u16::from_be_bytes(bytes),
    })
}

fn code(bytes: [u8; 4], order: Order) -> u32 {
    match order {
        Order::Little => u32::from_le_bytes(bytes),
        Order::Big => u32::from_be_bytes(bytes),
    }
}

fn pair(high: u16, low: u16) -> Option<char> {
    char::decode_utf16([high, low]).next()?.ok()
}
