//! A gradient as an uncompressed BMP of 24 bits.

use std::io;
use std::path::Path;

use aiofile::tempfile;
use tokio::io::AsyncWriteExt;

/// Both headers.
const HEADERS_BYTES: u32 = 14 + 40;

/// Rows are collected to about so many bytes.
const PIECE_BYTES: usize = 256 << 10;

/// Width and height in pixels. The whole file has less than 4 GiB, which its header could not say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    width: u32,
    height: u32,
    /// All rows together.
    bytes: u32,
}

impl Size {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let sides = text.split_once('x').and_then(|(width, height)| {
            let side =
                |text: &str| text.parse::<u32>().ok().filter(|side| (1..1 << 31).contains(side));
            Some((side(width)?, side(height)?))
        });
        let (width, height) = sides.ok_or("write width and height as 640x480")?;
        let bytes = row_bytes(width).and_then(|row| row.checked_mul(height));
        let bytes = bytes.filter(|bytes| bytes.checked_add(HEADERS_BYTES).is_some());
        let bytes = bytes.ok_or("a BMP file has less than 4 GiB")?;
        Ok(Self { width, height, bytes })
    }
}

/// Three bytes for a pixel, filled up to a multiple of four.
fn row_bytes(width: u32) -> Option<u32> {
    width.checked_mul(3)?.checked_next_multiple_of(4)
}

/// Writes the picture. There is no half one under its name, whatever happens.
pub(crate) async fn draw(path: &Path, size: Size) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new().directory(directory).mode(0o666).named().await?;
    let mut piece = headers(size);
    let row_bytes = row_bytes(size.width).unwrap_or_default() as usize;
    // From the lowest row to the upper one, as the format has it.
    for y in 0..size.height {
        let end = piece.len() + row_bytes;
        let shade = |place: u32, all: u32| (u64::from(place) * 255 / u64::from(all)) as u8;
        for x in 0..size.width {
            piece.extend_from_slice(&[shade(x, size.width), shade(y, size.height), 128]);
        }
        piece.resize(end, 0);
        if piece.len() >= PIECE_BYTES {
            file.write_all(&piece).await?;
            piece.clear();
        }
    }
    file.write_all(&piece).await?;
    file.flush().await?;
    file.persist(path).await?;
    Ok(())
}

fn headers(size: Size) -> Vec<u8> {
    let mut headers = b"BM".to_vec();
    // The file: its length, two reserved fields, and where the rows begin.
    for field in [HEADERS_BYTES + size.bytes, 0, HEADERS_BYTES] {
        headers.extend_from_slice(&field.to_le_bytes());
    }
    // The picture: one plane of 24 bits, uncompressed, 72 dots an inch, no table of colours.
    for field in [40, size.width, size.height, 24 << 16 | 1, 0, size.bytes, 2835, 2835, 0, 0] {
        headers.extend_from_slice(&field.to_le_bytes());
    }
    headers
}
