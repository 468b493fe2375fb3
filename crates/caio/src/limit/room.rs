//! What is in flight and what may be, in one atomic word.

use std::sync::atomic::{AtomicU64, Ordering};

/// What is in flight: bytes in the lowest bits, requests above them, and [`ASK`] on top.
#[derive(Debug)]
pub(super) struct Room {
    word: AtomicU64,
    requests_max: u64,
    bytes_max: u64,
}

/// Set while somebody waits, and when the limit is closed.
const ASK: u64 = 1 << 63;
const REQUEST: u64 = 1 << BYTES_BITS;
const BYTES_BITS: u32 = 40;
const BYTES_MAX: u64 = REQUEST - 1;
const REQUESTS_MAX: u64 = ASK / REQUEST - 1;

impl Room {
    /// Limits beyond a tebibyte and eight million requests are brought down to these.
    pub(super) fn new(requests_max: usize, bytes_max: usize) -> Self {
        Self {
            word: AtomicU64::new(0),
            requests_max: (requests_max as u64).min(REQUESTS_MAX),
            bytes_max: (bytes_max as u64).min(BYTES_MAX),
        }
    }

    /// Requests and bytes in flight now.
    pub(super) fn taken(&self) -> (usize, usize) {
        let taken = self.word.load(Ordering::Acquire) & !ASK;
        ((taken / REQUEST) as usize, (taken % REQUEST) as usize)
    }

    /// Takes room for one request, if there is some; while the line is to be asked, only for who
    /// has asked it.
    pub(super) fn take(&self, bytes: usize, asked: bool) -> bool {
        let bytes = self.clamp(bytes);
        let fits = |taken: u64| {
            let requests = (taken & !ASK) / REQUEST + 1;
            let fits = requests <= self.requests_max && taken % REQUEST + bytes <= self.bytes_max;
            (fits && (asked || taken & ASK == 0)).then_some(taken + REQUEST + bytes)
        };
        self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).is_ok()
    }

    /// Gives room back. Returns whether the line is to be asked who gets it.
    pub(super) fn give(&self, bytes: usize) -> bool {
        self.word.fetch_sub(REQUEST + self.clamp(bytes), Ordering::AcqRel) & ASK != 0
    }

    /// From now on the line is asked. To be set before room is looked for in vain: whoever gives
    /// room back after that look finds it set.
    pub(super) fn ask(&self) {
        self.word.fetch_or(ASK, Ordering::AcqRel);
    }

    /// From now on the line is not asked any more. Only under the line's lock, and only where
    /// nobody waits.
    pub(super) fn stop_asking(&self) {
        self.word.fetch_and(!ASK, Ordering::AcqRel);
    }

    #[cfg(test)]
    pub(super) fn is_asking(&self) -> bool {
        self.word.load(Ordering::Acquire) & ASK != 0
    }

    /// A request larger than the whole limit counts as the limit: it goes alone.
    fn clamp(&self, bytes: usize) -> u64 {
        (bytes as u64).min(self.bytes_max)
    }
}
