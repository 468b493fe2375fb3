//! Which ranges are read together.

use std::ops::Range;

use caio::{Error, ErrorKind, OpKind, Result};

use super::RangeOptions;

/// Ranges that are read as one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Coalesced {
    pub(super) extent: Range<u64>,
    /// The ranges by their indices.
    pub(super) members: Vec<usize>,
}

/// Refuses ranges that cannot be right, before anything is read.
pub(super) fn check(ranges: &[Range<u64>]) -> Result<()> {
    for (index, range) in ranges.iter().enumerate() {
        let wrong = if range.start > range.end {
            "is reversed"
        } else if i64::try_from(range.end).is_err() {
            "ends beyond the largest file offset, 2^63 - 1"
        } else {
            continue;
        };
        let message = format!("range {index}, {range:?}, {wrong}");
        let error = Error::new(ErrorKind::InvalidInput, message);
        return Err(error.during(OpKind::Read).at(range.start));
    }
    Ok(())
}

/// Coalesces neighbours. Empty ranges are left out.
pub(super) fn plan(ranges: &[Range<u64>], options: &RangeOptions) -> Vec<Coalesced> {
    let mut order: Vec<usize> =
        (0..ranges.len()).filter(|index| !ranges[*index].is_empty()).collect();
    order.sort_unstable_by_key(|index| (ranges[*index].start, ranges[*index].end));
    let mut coalesced: Vec<Coalesced> = Vec::new();
    for index in order {
        let range = &ranges[index];
        if let Some(last) = coalesced.last_mut() {
            let end = last.extent.end.max(range.end);
            let near = range.start <= last.extent.end.saturating_add(options.gap_max);
            let small = end - last.extent.start <= options.coalesced_bytes_max;
            // What lies within costs nothing, however large the whole is.
            if near && (small || end == last.extent.end) {
                last.extent.end = end;
                last.members.push(index);
                continue;
            }
        }
        coalesced.push(Coalesced { extent: range.clone(), members: vec![index] });
    }
    coalesced
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "one range is meant")]
mod tests {
    use super::*;

    fn extents(ranges: &[Range<u64>], gap_max: u64, bytes_max: u64) -> Vec<Range<u64>> {
        let options = RangeOptions::new().gap_max(gap_max).coalesced_bytes_max(bytes_max);
        plan(ranges, &options).into_iter().map(|one| one.extent).collect()
    }

    #[test]
    fn neighbours_go_together_up_to_the_gap_and_up_to_the_size() {
        let ranges = [30..40, 0..10, 12..20, 5..5];
        assert_eq!(extents(&ranges, 0, 100), [0..10, 12..20, 30..40]);
        assert_eq!(extents(&ranges, 2, 100), [0..20, 30..40]);
        assert_eq!(extents(&ranges, 10, 100), [0..40]);
        assert_eq!(extents(&ranges, 10, 39), [0..20, 30..40]);
    }

    #[test]
    fn a_range_within_another_costs_nothing_even_beyond_the_size() {
        assert_eq!(extents(&[0..100, 20..30, 90..110], 5, 50), [0..100, 90..110]);
    }

    #[test]
    fn reversed_and_overflowing_ranges_are_named() {
        let error = check(&[0..1, Range { start: 5, end: 3 }]).unwrap_err();
        assert!(error.to_string().contains("range 1, 5..3, is reversed"), "{error}");
        assert!(check(std::slice::from_ref(&(0..u64::MAX))).is_err());
    }
}
