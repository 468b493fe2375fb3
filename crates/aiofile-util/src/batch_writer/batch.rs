//! Records that are written together.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use caio::Result;

use super::options::Settings;

/// Records that are written together, and of which all or none are in the file then.
pub(super) struct Batch {
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) records: u64,
    /// Whether another file begins with it.
    pub(super) rotates: bool,
    pub(super) begun: Instant,
    pub(super) outcome: Outcome,
}

/// What has become of a batch; empty while it is not written.
pub(super) type Outcome = Arc<OnceLock<Result<()>>>;

/// The batch that a record is in.
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) outcome: Outcome,
}

impl Settings {
    /// Whether no more records are to be in it.
    pub(super) fn is_full(&self, batch: &Batch) -> bool {
        batch.bytes.len() >= self.max_bytes || batch.records >= self.max_records
    }
}
