//! Guessing an encoding.

use std::str;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

use super::encoding::{Encoding, of};

/// The encodings by the marks that files begin with. The longer mark comes first.
const MARKS: [(&[u8], Encoding); 5] = [
    (b"\xef\xbb\xbf", Encoding::UTF_8_SIG),
    (b"\xff\xfe\0\0", Encoding::UTF_32),
    (b"\0\0\xfe\xff", Encoding::UTF_32),
    (b"\xff\xfe", Encoding::UTF_16),
    (b"\xfe\xff", Encoding::UTF_16),
];

/// Guesses the encoding of a file by its first bytes: by a mark; else UTF-8 where they are that,
/// where the last character may be cut if there is another beyond ASCII; else by the statistics of
/// the crate `chardetng`.
///
/// It always has an answer, which for short texts is often wrong.
///
/// ```
/// use aiofile::text::{Encoding, detect};
///
/// assert_eq!(detect(b"\xff\xfea\0"), Encoding::UTF_16);
/// assert_eq!(detect("Grüße".as_bytes()), Encoding::UTF_8);
/// assert_eq!(detect(b"Sch\xf6ne Gr\xfc\xdfe aus M\xfcnchen"), Encoding::WINDOWS_1252);
/// ```
#[must_use]
pub fn detect(bytes: &[u8]) -> Encoding {
    if let Some((_, encoding)) = MARKS.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        return *encoding;
    }
    let is_utf8 = match str::from_utf8(bytes) {
        Ok(_) => !bytes.contains(&0x1b),
        Err(error) => error.error_len().is_none() && !bytes[..error.valid_up_to()].is_ascii(),
    };
    if is_utf8 {
        return Encoding::UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, false);
    of(detector.guess(None, Utf8Detection::Allow))
}
