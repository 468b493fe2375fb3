//! When records are written, how many may be queued, and when another file begins.

use std::io;
use std::path::Path;
use std::time::Duration;

use aiofile::Context;
use caio::{Error, ErrorKind, Result};

use super::BatchWriter;
use crate::steps::context_or_default;

/// How a [`BatchWriter`] collects, writes and rotates.
///
/// A batch is written as soon as one of these holds: it has as many [records](Self::max_records) or
/// [bytes](Self::max_bytes) as it may have, its first record is as old as the
/// [interval](Self::interval), the queue is full, or something waits for one of its records.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("events.log");
/// use aiofile_util::BatchOptions;
///
/// let log = BatchOptions::new().rotate_bytes(12).keep_files(2).open(&path).await?;
/// for number in 0..6 {
///     log.append(format!("event {number}\n")).await?;
/// }
/// let report = log.close().await?;
/// assert_eq!((report.records, report.rotations, report.removed), (6, 5, 3));
/// assert_eq!(std::fs::read(path.with_file_name("events.log.000005"))?, b"event 4\n");
/// assert_eq!(std::fs::read(&path)?, b"event 5\n");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct BatchOptions {
    context: Option<Context>,
    settings: Settings,
}

/// The same, without the context.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) max_records: u64,
    pub(super) max_bytes: usize,
    pub(super) interval: Duration,
    pub(super) queue_bytes: usize,
    pub(super) sync_batches: bool,
    pub(super) record_end: Option<u8>,
    pub(super) rotate_bytes: Option<u64>,
    pub(super) rotate_after: Option<Duration>,
    pub(super) keep_files: Option<usize>,
    pub(super) keep_bytes: Option<u64>,
    pub(super) keep_for: Option<Duration>,
    #[cfg(feature = "gzip")]
    pub(super) gzip: Option<u32>,
}

impl BatchOptions {
    /// Batches of at most 1 MiB, an interval of 200 ms, a queue of 8 MiB, no rotation, and the
    /// default context.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// In this context.
    #[must_use]
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// The most records in a batch; no limit unless set.
    #[must_use]
    pub fn max_records(mut self, records: u64) -> Self {
        self.settings.max_records = records;
        self
    }

    /// So many bytes make a batch full: 1 MiB unless set. Its last record may go beyond.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_bytes = bytes;
        self
    }

    /// How long a record may be queued before it is written: 200 ms unless set. Nothing waits for
    /// that but records for which nobody waits.
    ///
    /// It goes by the system's clock, also where a runtime's clock is paused, since the writer
    /// belongs to no runtime and outlives those in which its handles are used. A test calls
    /// [`flush`](crate::BatchWriter::flush) instead of waiting for the interval.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.settings.interval = interval;
        self
    }

    /// How many bytes may be queued, with those being written, before an append waits: 8 MiB unless
    /// set. The last record may go beyond, so that a large one waits no longer than a small one.
    #[must_use]
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.settings.queue_bytes = bytes;
        self
    }

    /// Whether every batch is followed by a sync, so that no more than an interval of records is
    /// lost when the power fails; false unless set.
    /// [`append_durable`](BatchWriter::append_durable) and [`sync`](BatchWriter::sync) sync
    /// anyway.
    #[must_use]
    pub fn sync_batches(mut self, sync: bool) -> Self {
        self.settings.sync_batches = sync;
        self
    }

    /// The byte that every record ends with, as lines end with `b'\n'`; none unless set.
    ///
    /// A process that is killed within a write leaves a part of a record at the end of the file. A
    /// writer that knows how records end looks for that when it is opened, and ends the part, so
    /// that the next record does not become the rest of it. Without this, whoever reads lines finds
    /// both as one.
    ///
    /// The file has to be readable then, and opening costs a hop more; a part that is ended costs
    /// another one.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?; let path = directory.path().join("events.log");
    /// std::fs::write(&path, "first\nsecond, of which the end is miss")?;
    ///
    /// let log = aiofile_util::BatchOptions::new().record_end(b'\n').open(&path).await?;
    /// log.append_durable("third\n").await?;
    /// let text = std::fs::read_to_string(&path)?;
    /// assert_eq!(text, "first\nsecond, of which the end is miss\nthird\n");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn record_end(mut self, byte: u8) -> Self {
        self.settings.record_end = Some(byte);
        self
    }

    /// Another file begins before one would have more than so many bytes. Only a record that is
    /// longer by itself makes a longer file.
    ///
    /// The file is renamed, to its name with a number: `events.log.000001`, and so on; the largest
    /// number is the latest one. It is synced before.
    #[must_use]
    pub fn rotate_bytes(mut self, bytes: u64) -> Self {
        self.settings.rotate_bytes = Some(bytes);
        self
    }

    /// Another file begins with the first record that comes so long after the file's own first one.
    /// For a file that was there before, its time of creation counts.
    #[must_use]
    pub fn rotate_after(mut self, time: Duration) -> Self {
        self.settings.rotate_after = Some(time);
        self
    }

    /// The most files that are kept beside the present one; all unless set. What is beyond is
    /// removed after a rotation and when a writer is opened, the oldest first. Only regular files
    /// with the names that a rotation gives are ever removed.
    #[must_use]
    pub fn keep_files(mut self, files: usize) -> Self {
        self.settings.keep_files = Some(files);
        self
    }

    /// The most bytes that the files beside the present one may have together, as
    /// [`keep_files`](Self::keep_files).
    #[must_use]
    pub fn keep_bytes(mut self, bytes: u64) -> Self {
        self.settings.keep_bytes = Some(bytes);
        self
    }

    /// How old a file beside the present one may become after its last change, as
    /// [`keep_files`](Self::keep_files).
    #[must_use]
    pub fn keep_for(mut self, time: Duration) -> Self {
        self.settings.keep_for = Some(time);
        self
    }

    /// Compresses files that were put aside, from level 0, which only packs, to 9, the smallest:
    /// `events.log.000001.gz`. It is done a MiB at a time while writing goes on, on the context's
    /// pool and by operations that its layers see. The file appears under its name when it is
    /// complete and durable; then the other one is removed. What a killed process left is done when
    /// a writer is opened.
    #[cfg(feature = "gzip")]
    #[must_use]
    pub fn gzip(mut self, level: u32) -> Self {
        self.settings.gzip = Some(level);
        self
    }

    /// Opens a file for this writer alone, and makes it where it is missing. Records go behind what
    /// is in it.
    ///
    /// The file is locked with flock(2), so that no other writer works on it at the same time.
    ///
    /// Costs: three hops, and two more where it has files that are put aside.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a limit of 0, a level that gzip does not
    /// have, and what is no regular file; [`WouldBlock`](io::ErrorKind::WouldBlock) while another
    /// writer has it open; else what the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the file as it was, or an empty one, or with its last part of a
    /// record [ended](Self::record_end).
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<BatchWriter> {
        let path = path.as_ref();
        self.settings.check().map_err(|error| error.doing("open").on(path))?;
        let context = context_or_default(self.context.as_ref()).await?;
        Ok(BatchWriter::begin(context, self.settings.clone(), path).await?)
    }
}

impl Settings {
    /// Whether files with numbers concern this writer.
    pub(super) fn has_rotated_files(&self) -> bool {
        self.rotate_bytes.is_some() || self.rotate_after.is_some() || self.has_upkeep()
    }

    /// Whether anything is to be done with files that were put aside.
    pub(super) fn has_upkeep(&self) -> bool {
        #[cfg(feature = "gzip")]
        let compresses = self.gzip.is_some();
        #[cfg(not(feature = "gzip"))]
        let compresses = false;
        let limits = self.keep_files.is_some() || self.keep_bytes.is_some();
        compresses || limits || self.keep_for.is_some()
    }

    fn check(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::new(ErrorKind::InvalidInput, message));
        let limits = [
            ("max_records", self.max_records == 0),
            ("max_bytes", self.max_bytes == 0),
            ("queue_bytes", self.queue_bytes == 0),
            ("rotate_bytes", self.rotate_bytes == Some(0)),
            ("rotate_after", self.rotate_after == Some(Duration::ZERO)),
        ];
        if let Some((name, _)) = limits.into_iter().find(|(_, is_zero)| *is_zero) {
            return invalid(format!("{name} is 0, with which nothing could be written"));
        }
        #[cfg(feature = "gzip")]
        if let Some(level @ 10..) = self.gzip {
            return invalid(format!("gzip has no level {level} (from 0 to 9)"));
        }
        Ok(())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_records: u64::MAX,
            max_bytes: 1 << 20,
            interval: Duration::from_millis(200),
            queue_bytes: 8 << 20,
            sync_batches: false,
            record_end: None,
            rotate_bytes: None,
            rotate_after: None,
            keep_files: None,
            keep_bytes: None,
            keep_for: None,
            #[cfg(feature = "gzip")]
            gzip: None,
        }
    }
}
