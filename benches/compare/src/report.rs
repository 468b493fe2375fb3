//! What a participant's process says of its run, on one line of JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One run of one participant on one cell.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// The participant, as it names itself.
    pub participant: String,
    /// What really ran, as found in the running process: `threads`, `io_uring`, or the engine's own
    /// word.
    pub backend: String,
    /// Threads of the process while it was measured, the kernel's workers for it included.
    pub threads: usize,
    /// io_uring instances that were open while it was measured.
    pub rings: usize,
    /// Operations within the measured window.
    pub operations: u64,
    /// Operations of the whole run, the warm-up included.
    pub total_operations: u64,
    /// Seconds in which the counted operations were done.
    pub seconds: f64,
    /// Operations for each second.
    pub operations_per_s: f64,
    /// Bytes for each second.
    pub bytes_per_s: f64,
    /// Latency that half of the operations did not exceed, in microseconds.
    pub p50_us: Option<f64>,
    /// The same for 99 of 100.
    pub p99_us: Option<f64>,
    /// The same for 999 of 1000.
    pub p999_us: Option<f64>,
    /// Latency of the slowest operation, in microseconds.
    #[serde(default)]
    pub longest_us: Option<f64>,
    /// The figure of a cell that does not count operations or bytes, in the unit of the cell.
    #[serde(default)]
    pub value: Option<f64>,
    /// What else was seen, by name.
    #[serde(default)]
    pub notes: BTreeMap<String, f64>,
    /// Processor time in user mode for each operation, in microseconds.
    pub user_us_per_op: f64,
    /// Processor time in the kernel for each operation, in microseconds.
    pub system_us_per_op: f64,
    /// Context switches, voluntary and not, for each operation.
    pub switches_per_op: f64,
    /// Peak resident memory of the process, in KiB.
    pub peak_rss_kib: u64,
}
