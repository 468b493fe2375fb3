//! The work, dealt out block by block to whoever is free.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::extents::Extents;

/// Deals out extents in blocks that end at multiples of the block size, in order.
#[derive(Debug)]
pub(super) struct Chunks {
    extents: Extents,
    block: u64,
    next: Mutex<Place>,
}

#[derive(Debug, Default)]
struct Place {
    index: usize,
    offset: u64,
}

impl Chunks {
    pub(super) fn new(extents: Extents, block: u64) -> Self {
        Self { extents, block, next: Mutex::default() }
    }

    /// The next block; `None` when all are dealt out.
    pub(super) fn next(&self) -> Option<Range<u64>> {
        let mut place = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let extent = self.extents.get(place.index)?;
            let start = extent.start.max(place.offset);
            if start < extent.end {
                let end = (start - start % self.block + self.block).min(extent.end);
                place.offset = end;
                return Some(start..end);
            }
            place.index += 1;
        }
    }

    /// Deals out nothing more.
    pub(super) fn stop(&self) {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).index = usize::MAX;
    }
}
