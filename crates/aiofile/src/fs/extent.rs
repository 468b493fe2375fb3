//! A range of bytes, as the system wants it.

use std::ops::Bound;

use caio::{Error, ErrorKind};

/// Bytes from `start` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start: u64,
    /// How many; `None` for all that follow.
    pub(super) length: Option<u64>,
}

impl Extent {
    /// The bytes between two bounds, where these are no farther than a file can be.
    pub(super) fn new(start: Bound<u64>, end: Bound<u64>) -> Result<Self, Error> {
        let after = |offset: u64| offset.checked_add(1).ok_or_else(|| too_far(offset));
        let start = match start {
            Bound::Included(start) => start,
            Bound::Excluded(before) => after(before)?,
            Bound::Unbounded => 0,
        };
        let end = match end {
            Bound::Included(last) => Some(after(last)?),
            Bound::Excluded(end) => Some(end),
            Bound::Unbounded => None,
        };
        let farthest = end.unwrap_or(start).max(start);
        if i64::try_from(farthest).is_err() {
            return Err(too_far(farthest));
        }
        let length = end.map(|end| end.checked_sub(start));
        if length == Some(None) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("a range that begins at {start} cannot end at {}", end.unwrap_or(start)),
            ));
        }
        Ok(Self { start, length: length.flatten() })
    }
}

fn too_far(offset: u64) -> Error {
    let message = format!("offset {offset} is beyond the largest file offset, 2^63 - 1");
    Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Bound::{Excluded, Included, Unbounded};

    #[test]
    fn bounds_become_a_start_and_a_length() {
        let extent = |start, end| Extent::new(start, end).map(|it| (it.start, it.length)).ok();
        assert_eq!(extent(Unbounded, Unbounded), Some((0, None)));
        assert_eq!(extent(Included(3), Unbounded), Some((3, None)));
        assert_eq!(extent(Included(3), Excluded(3)), Some((3, Some(0))));
        assert_eq!(extent(Excluded(3), Included(9)), Some((4, Some(6))));
    }

    #[test]
    fn what_no_file_has_is_refused() {
        for (start, end) in [
            (Included(4), Excluded(3)),
            (Included(u64::MAX), Unbounded),
            (Excluded(u64::MAX), Unbounded),
            (Included(0), Included(i64::MAX as u64)),
        ] {
            let error = Extent::new(start, end).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
    }
}
