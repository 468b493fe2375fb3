//! The header `Range` of a request.

use std::ops::Range;

use http::header::HeaderValue;

/// What a client wants of a file.
pub(crate) enum Wanted {
    All,
    /// At least one byte.
    Part(Range<u64>),
    /// Bytes that the file does not have.
    None,
}

/// What the header says of a file of `length` bytes. A header that is not understood, or that asks
/// for several ranges, is passed over, which RFC 9110 allows.
pub(crate) fn wanted(header: &HeaderValue, length: u64) -> Wanted {
    let unit_and_ends = header.to_str().ok().and_then(|text| text.split_once('='));
    let ends = unit_and_ends.filter(|(unit, _)| unit.eq_ignore_ascii_case("bytes"));
    let Some((first, last)) = ends.and_then(|(_, ends)| ends.trim().split_once('-')) else {
        return Wanted::All;
    };
    let number = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        // A number beyond all files means their end.
        is_number.then(|| digits.parse().unwrap_or(u64::MAX))
    };
    let part = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Some(first), None) if last.is_empty() => first..length,
        (None, Some(count)) if first.is_empty() => length.saturating_sub(count)..length,
        _ => return Wanted::All,
    };
    if part.is_empty() { Wanted::None } else { Wanted::Part(part) }
}
