//! Where a file has data, and where it has holes.

use std::io;
use std::ops::Range;
use std::os::fd::AsFd;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::DIRECT_BYTES;

/// The parts of a file that hold data, in order, apart from each other; each begins at a multiple
/// of 4096 and ends at one or at the end of the file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Extents {
    ranges: Vec<Range<u64>>,
}

impl Extents {
    /// Asks the file system where data is. A file with as many blocks as its size needs has no
    /// holes, and needs no such call. A file system that does not tell has data everywhere.
    ///
    /// Moves the descriptor's own position, which nothing here uses.
    pub(super) fn of(file: impl AsFd, size: u64, blocks: u64) -> io::Result<Self> {
        let sparse = blocks.saturating_mul(512) < size;
        if sparse { find(file, size) } else { Ok(Self::whole(size)) }
    }

    pub(super) fn whole(size: u64) -> Self {
        let mut whole = Self::default();
        if size > 0 {
            whole.push(0..size);
        }
        whole
    }

    /// Bytes of data.
    pub(super) fn bytes(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// Where the last data ends.
    pub(super) fn end(&self) -> u64 {
        self.ranges.last().map_or(0, |range| range.end)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Range<u64>> {
        self.ranges.iter()
    }

    pub(super) fn get(&self, index: usize) -> Option<&Range<u64>> {
        self.ranges.get(index)
    }

    /// What is data from `offset` on.
    pub(super) fn from(self, offset: u64) -> Self {
        let rest = self.ranges.into_iter().filter(|range| range.end > offset);
        Self { ranges: rest.map(|range| range.start.max(offset)..range.end).collect() }
    }

    /// What is data in the one or in the other.
    pub(super) fn union(self, other: Self) -> Self {
        let mut all: Vec<_> = self.ranges.into_iter().chain(other.ranges).collect();
        all.sort_by_key(|range| range.start);
        let mut union = Self::default();
        for range in all {
            union.push(range);
        }
        union
    }

    /// Appends a range that does not begin before the last one.
    fn push(&mut self, range: Range<u64>) {
        match self.ranges.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => self.ranges.push(range),
        }
    }
}

fn find(file: impl AsFd, size: u64) -> io::Result<Extents> {
    let mut extents = Extents::default();
    let mut position = 0;
    while position < size {
        let start = match seek(&file, SeekFrom::Data(position)) {
            Ok(start) => start,
            Err(Errno::NXIO) => break,
            Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS | Errno::SPIPE) => {
                return Ok(Extents::whole(size));
            }
            Err(error) => return Err(error.into()),
        };
        if start >= size {
            break;
        }
        let end = match seek(&file, SeekFrom::Hole(start)) {
            Ok(end) => end.min(size),
            // Cut off in between; the reading will say so.
            Err(Errno::NXIO) => size,
            Err(error) => return Err(error.into()),
        };
        let aligned = start - start % DIRECT_BYTES..end.next_multiple_of(DIRECT_BYTES).min(size);
        position = aligned.end;
        extents.push(aligned);
    }
    Ok(extents)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::single_range_in_vec_init, reason = "lists of ranges, some of one")]

    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn data_and_holes_are_told_apart() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 20).unwrap();
        assert_eq!(find(&file, 1 << 20).unwrap(), Extents::default());
        file.write_all_at(b"in the middle", 512 * 1024).unwrap();
        let extents = find(&file, 1 << 20).unwrap();
        assert!(extents.bytes() < 1 << 20, "{extents:?} on a file system without holes?");
        let range = extents.get(0).unwrap();
        assert!(range.contains(&(512 * 1024)) && range.start.is_multiple_of(4096));
        assert_eq!(extents.get(1), None);
    }

    #[test]
    fn a_union_covers_both_and_overlaps_nothing() {
        let one = Extents { ranges: vec![0..10, 20..30, 50..60] };
        let other = Extents { ranges: vec![5..20, 40..45, 55..56] };
        assert_eq!(one.union(other).ranges, [0..30, 40..45, 50..60]);
    }

    #[test]
    fn the_rest_begins_within_an_extent_or_with_the_next() {
        let all = Extents { ranges: vec![0..10, 20..30] };
        assert_eq!(all.clone().from(0), all);
        assert_eq!(all.clone().from(7).ranges, [7..10, 20..30]);
        assert_eq!(all.from(15).ranges, [20..30]);
    }
}
