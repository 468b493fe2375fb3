//! What a file is, by its first bytes. The name says nothing.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;

use aiofile::AioFile;

/// So many bytes have all that is looked for, but in a JPEG.
const HEAD_BYTES: usize = 64;

/// A JPEG with more segments before its size is taken for a wrong one.
const SEGMENTS_MAX: usize = 1000;

/// A picture that was identified.
#[derive(Debug)]
pub(crate) struct Picture {
    format: &'static str,
    width: u32,
    height: u32,
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}x{}", self.format, self.width, self.height)
    }
}

/// Identifies a file.
pub(crate) async fn identify(path: &Path) -> io::Result<Picture> {
    let file = AioFile::open(path, "r").await?;
    let head = file.read_at(HEAD_BYTES, 0).await?;
    let wrong = |what: &dyn fmt::Display| {
        io::Error::new(ErrorKind::InvalidData, format!("{}: {what}", path.display()))
    };
    let (format, size) = match &head[..] {
        [] => return Err(wrong(&"an empty file")),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => ("PNG", png(&head)),
        [0xff, 0xd8, 0xff, ..] => ("JPEG", jpeg(&file).await?),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => ("GIF", gif(&head)),
        [b'B', b'M', ..] => ("BMP", bmp(&head)),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => ("WEBP", webp(&head)),
        _ => return Err(wrong(&"no format that is known here")),
    };
    let cut = format_args!("{format}, but cut off or damaged");
    let (width, height) = size.ok_or_else(|| wrong(&cut))?;
    if width == 0 || height == 0 {
        return Err(wrong(&format_args!("{format}, but of no size")));
    }
    Ok(Picture { format, width, height })
}

/// Width and height, where the head has them.
type Size = Option<(u32, u32)>;

fn png(head: &[u8]) -> Size {
    let is_header = head.get(12..16)? == b"IHDR";
    is_header.then_some((u32::from_be_bytes(at(head, 16)?), u32::from_be_bytes(at(head, 20)?)))
}

fn gif(head: &[u8]) -> Size {
    Some((u16::from_le_bytes(at(head, 6)?).into(), u16::from_le_bytes(at(head, 8)?).into()))
}

fn bmp(head: &[u8]) -> Size {
    if u32::from_le_bytes(at(head, 14)?) == 12 {
        // The header of OS/2.
        let (width, height) = (at(head, 18)?, at(head, 20)?);
        return Some((u16::from_le_bytes(width).into(), u16::from_le_bytes(height).into()));
    }
    // A negative height means that the first row is the upper one.
    let (width, height) = (i32::from_le_bytes(at(head, 18)?), i32::from_le_bytes(at(head, 22)?));
    Some((width.try_into().ok()?, height.unsigned_abs()))
}

fn webp(head: &[u8]) -> Size {
    match head.get(12..16)? {
        b"VP8 " => {
            let is_key_frame = head.get(23..26)? == [0x9d, 0x01, 0x2a];
            let side = |offset| Some(u32::from(u16::from_le_bytes(at(head, offset)?) & 0x3fff));
            is_key_frame.then_some((side(26)?, side(28)?))
        }
        b"VP8L" => {
            let bits = u32::from_le_bytes(at(head, 21)?);
            (*head.get(20)? == 0x2f).then_some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            let side = |offset| {
                let [low, middle, high] = at(head, offset)?;
                Some(u32::from_le_bytes([low, middle, high, 0]) + 1)
            };
            Some((side(24)?, side(27)?))
        }
        _ => None,
    }
}

/// The size stands in a frame header, behind segments of any number and length: each is looked at
/// by its head, and what is in it is not read.
async fn jpeg(file: &AioFile) -> io::Result<Size> {
    let mut offset = 2;
    for _ in 0..SEGMENTS_MAX {
        let head = file.read_at(9, offset).await?;
        let [0xff, marker, length @ ..] = &head[..] else { return Ok(None) };
        match marker {
            // Filling, and markers without contents.
            0xff => offset += 1,
            0x01 | 0xd0..=0xd8 => offset += 2,
            // All frame headers, and not what lies between them: tables and an extension.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let size = at(&head, 5).zip(at(&head, 7));
                return Ok(size.map(|(height, width)| {
                    (u16::from_be_bytes(width).into(), u16::from_be_bytes(height).into())
                }));
            }
            // The picture itself, or its end.
            0xd9 | 0xda => return Ok(None),
            _ => match at(length, 0).map(u16::from_be_bytes) {
                Some(length) if length >= 2 => offset += 2 + u64::from(length),
                _ => return Ok(None),
            },
        }
    }
    Ok(None)
}

/// So many bytes at this place, where they are there.
fn at<const BYTES: usize>(bytes: &[u8], offset: usize) -> Option<[u8; BYTES]> {
    bytes.get(offset..)?.first_chunk().copied()
}
