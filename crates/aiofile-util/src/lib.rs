//! What programs build on asynchronous files, as `tokio-util` is to `tokio`.
//!
//! | for | see |
//! | --- | --- |
//! | the hash of a file, or of many at once | [`hash()`], [`HashOptions`] |
//! | checking files against a list of `sha256sum`, `md5sum` or `b3sum` | [`HashOptions::check`] |
//! | a file cut into pieces by bytes or by lines | [`SplitOptions`] |
//! | files put together in order, or sorted text files, sorted | [`MergeOptions`] |
//! | a directory made like another one | [`SyncOptions`] |
//! | the last lines of a file, or of a pipe | [`last_lines`], [`keep_last_lines`] |
//! | what changes in files and trees, as it changes | [`WatchOptions`] |
//! | records of many tasks in one file, in batches, with rotation | [`BatchWriter`] |
//! | what each directory of a tree takes | [`DirectoryUsages`] |
//! | limits, rates, retries, timeouts, metrics around every operation | [`layer`] |
//! | all of these from one configuration file, and an orderly end | [`FileManager`] |
//! | many files worked on at once, whole, in chunks or by a closure | [`PipelineOptions`] |
//! | a run over many files that goes on where it was killed | [`Journal`] |
//! | configuration files, also as they change (feature `config`) | `ConfigOptions` |
//!
//! Everything here runs in jobs of a few MiB on the pool of a [`Context`](aiofile::Context): the
//! one that is named, else the default one of the runtime. No thread of an executor waits for a
//! file, and no thread of the pool is held for long by one large file. Every future is `Send` and
//! works with and without tokio.
//!
//! Features, all of which are off by default:
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `config` | configuration files: `ConfigOptions`, in JSON |
//! | `toml`, `yaml` | the same in TOML and in YAML, with `config` |
//! | `gzip` | compression of what a [`BatchWriter`] puts aside: `BatchOptions::gzip` |
//! | `metrics` | [`layer::OpMetrics`] also tells the recorder of the crate `metrics` |
//! | `tracing` | the layer `layer::Trace`: a span for each operation |
#![forbid(unsafe_code)]

mod appended;
mod background;
mod batch_writer;
mod checksum;
#[cfg(feature = "config")]
mod config;
mod copying;
mod directory_usage;
mod driven;
mod escaped;
mod hash;
mod last_lines;
pub mod layer;
mod manager;
mod merge;
mod merge_sorted;
mod names;
mod output;
mod pipeline;
mod split;
mod steps;
mod sync;
mod transfer;
mod watch;

pub use batch_writer::{BatchOptions, BatchReport, BatchWriter};
pub use checksum::{CheckOutcome, Checked, Checks, ChecksumLine};
#[cfg(feature = "config")]
pub use config::{ConfigChange, ConfigFormat, ConfigOptions, ConfigValue, ConfigWatch};
pub use directory_usage::DirectoryUsages;
pub use hash::{Hash, HashKind, HashOptions, Hashes, hash};
pub use last_lines::{keep_last_lines, last_lines};
pub use manager::{FileManager, GivenUp, ShutdownReport};
pub use merge::MergeOptions;
pub use pipeline::{
    FileChunks, FileOutcome, FilePart, Journal, OnError, Outcomes, PipelineOptions, Progress,
};
pub use split::{Piece, SplitBy, SplitOptions, Suffix};
pub use sync::{Action, Compare, SyncEvent, SyncOptions, SyncReport};
pub use watch::{Change, ChangeKind, Changes, WatchOptions};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
