//! Reading: many ranges at once, and one from front to back.

use std::ops::Range;
use std::path::Path;

use aiofile::{AioFile, RangeOptions};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};

use crate::error::{Error, Result};
use crate::store::Store;

/// What is no longer than this comes in one piece, since most callers put the pieces together.
const WHOLE_BYTES: u64 = 4 << 20;

/// The pieces of what is longer.
const PIECE_BYTES: u64 = 1 << 20;

/// So many pieces are read at once.
const PIECES: usize = 4;

impl Store {
    /// These ranges of an object, in their order. What reaches beyond its end is cut there.
    pub(crate) async fn ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let (file, metadata) = self.open(path).await?;
        let cut = cut(ranges, metadata.len(), path)?;
        let read = file.read_ranges_with(&cut, &self.ranges).await;
        read.map_err(|error| Error::looking(error, path))
    }

    /// A range of an object that lies within it, piece by piece.
    pub(crate) fn body(
        &self,
        file: AioFile,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        let options = self.ranges.clone();
        let read = move |piece| read(file.clone(), piece, options.clone());
        stream::iter(pieces(range)).map(read).buffered(PIECES)
    }
}

async fn read(file: AioFile, piece: Range<u64>, options: RangeOptions) -> Result<Bytes> {
    let mut read = file.read_ranges_with(&[piece], &options).await?;
    Ok(read.pop().unwrap_or_default())
}

fn pieces(range: Range<u64>) -> impl Iterator<Item = Range<u64>> + Send {
    let end = range.end;
    let length = match end - range.start {
        length @ 1..=WHOLE_BYTES => length,
        _ => PIECE_BYTES,
    };
    let starts = std::iter::successors(Some(range.start), move |start| start.checked_add(length));
    starts.take_while(move |start| *start < end).map(move |start| {
        let last = start.saturating_add(length).min(end);
        start..last
    })
}

/// The ranges as far as the object goes.
fn cut(ranges: &[Range<u64>], length: u64, path: &Path) -> Result<Vec<Range<u64>>> {
    let within = |range: &Range<u64>| {
        let (start, end) = (range.start, range.end);
        let what = if start > end {
            "is reversed".to_owned()
        } else if start == end {
            return Ok(0..0);
        } else if start >= length {
            format!("begins behind the end of the object, which has {length} bytes")
        } else {
            return Ok(start..end.min(length));
        };
        Err(Error::Refused(format!("{}: the range {start}..{end} {what}", path.display()).into()))
    };
    ranges.iter().map(within).collect()
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "one range is meant")]
mod tests {
    use super::*;

    fn cut_at_10(ranges: &[Range<u64>]) -> Result<Vec<Range<u64>>> {
        cut(ranges, 10, Path::new("/object"))
    }

    #[test]
    fn ranges_end_with_the_object() {
        assert_eq!(cut_at_10(&[2..5, 5..100, 9..10, 50..50]).unwrap(), [2..5, 5..10, 9..10, 0..0]);
        for wrong in [10..11, Range { start: 5, end: 3 }] {
            let error = cut_at_10(&[0..1, wrong.clone()]).unwrap_err().to_string();
            assert!(error.contains("/object") && error.contains(&format!("{wrong:?}")), "{error}");
        }
    }

    #[test]
    fn pieces_cover_the_range_and_nothing_else() {
        let all = |range: Range<u64>| pieces(range).collect::<Vec<_>>();
        assert_eq!(all(7..7), []);
        assert_eq!(all(7..9), [7..9]);
        assert_eq!(all(5..WHOLE_BYTES + 5), [5..WHOLE_BYTES + 5]);
        let long = all(5..WHOLE_BYTES + 6);
        assert_eq!((long.len(), &long[0]), (5, &(5..PIECE_BYTES + 5)));
        assert_eq!(long[4], 4 * PIECE_BYTES + 5..WHOLE_BYTES + 6);
        let last = u64::MAX;
        assert_eq!(all(last - 3..last), [last - 3..last]);
    }
}
