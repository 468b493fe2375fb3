//! What programs build on asynchronous files, as `tokio-util` is to `tokio`.
//!
//! | for | see |
//! | --- | --- |
//! | the hash of a file, or of many at once | [`hash()`], [`HashOptions`] |
//! | checking files against a list of `sha256sum`, `md5sum` or `b3sum` | [`HashOptions::check`] |
//! | a file cut into pieces by bytes or by lines | [`SplitOptions`] |
//! | files put together in order | [`MergeOptions`] |
//! | sorted text files put together, sorted | [`MergeSortedOptions`] |
//! | a directory made like another one | [`SyncOptions`] |
//!
//! Everything here runs in jobs of a few MiB on the pool of a [`Context`](aiofile::Context): the
//! one that is named, else the default one of the runtime. No thread of an executor waits for a
//! file, and no thread of the pool is held for long by one large file. Every future is `Send` and
//! works with and without tokio.
#![forbid(unsafe_code)]

mod checksum;
mod copying;
mod hash;
mod merge;
mod merge_sorted;
mod output;
mod scratch;
mod split;
mod steps;
mod sync;

pub use checksum::{CheckOutcome, Checked, Checks, ChecksumLine};
pub use hash::{Hash, HashKind, HashOptions, Hashes, hash};
pub use merge::MergeOptions;
pub use merge_sorted::MergeSortedOptions;
pub use split::{Piece, SplitBy, SplitOptions, Suffix};
pub use sync::{Action, Compare, SyncEvent, SyncOptions, SyncReport};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
