//! Records of many producers, written together.
//!
//! # Who writes
//! Each writer has one future that writes, syncs and rotates, and nothing has to poll it: its
//! waker does. So an append that makes a batch full submits the write on its own thread, and from
//! there on whichever thread tells of a completion submits what comes next: a thread of the
//! engine's pool, or the one that reaps a ring. Nothing depends on a task of a runtime, and none of
//! the user's futures is in between; one that is not polled any more holds up nobody, and a runtime
//! that ends takes nothing along. The interval is waited for with [`caio::delay`]: a clock that a
//! test has paused is that of one runtime, which may end before the interval does.
//!
//! The alternatives were a closure that writes on the pool, and a thread of its own. A closure
//! makes its system calls by itself: a simulated or failing backend would never see them, nor would
//! the limits and the figures of the context, nor the engine's rule for a sync that failed. A
//! thread would cost two more switches for each durable append, and has to be there at all. What a
//! poll does is little: it hands an operation over and wakes those whose records are written. The
//! bytes are copied where the operation is done.

mod batch;
mod calls;
#[cfg(feature = "gzip")]
mod gzip;
mod options;
mod output;
mod report;
mod rotated;
mod shared;
mod state;
mod upkeep;
mod writing;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use aiofile::Context;
use caio::{Error, Result, SharedFile};

pub use options::BatchOptions;
pub use report::BatchReport;

use calls::{Until, durability};
use options::Settings;
use output::Output;
use rotated::Names;
use shared::Shared;
use state::State;

/// Writes records of many producers to the end of one file, in batches.
///
/// A handle is cheap to clone, and each producer may have its own. Records of one producer are in
/// the file in their order, each of them whole, once, and in one piece. A record is any bytes; it
/// has to show by itself where it ends, as with a newline.
///
/// | to wait until a record is | call | it costs |
/// | --- | --- | --- |
/// | queued | [`append`](Self::append) | a copy; a wait where the queue is full |
/// | with the kernel | [`append_written`](Self::append_written) | a share in a write |
/// | durable | [`append_durable`](Self::append_durable) | a share in a write and a sync |
///
/// Whoever waits has what is queued written at once. All that is queued while a write or a sync is
/// under way shares the next one, so that a thousand tasks which wait for durable records pay for a
/// few syncs.
///
/// # Dropping futures, handles and runtimes
/// The future of an append that is dropped has queued its record as a whole, or has not, and then
/// never will. What is queued is written, in any runtime, in none, and after the end of one. When
/// the last handle is dropped, what is queued is still written, but nobody is told; a process that
/// ends does not wait for that. [`close`](Self::close) does.
///
/// # When a write fails
/// The file is cut to where it was, so that none of the batch is in it, and all that is queued
/// fails, too: what comes later is not written in place of what is missing. Each append that waits
/// for one of these records returns the error, as does the next call on each handle, which does
/// nothing else. After that things go on. Where even cutting the file fails, each write tries it
/// again first, and [`close`](Self::close) tells.
///
/// A sync that failed stays failed, since the kernel forgets what it could not write: all later
/// calls that ask for durable records fail at once, until the file is opened again. Other records
/// are written as before.
///
/// A file that cannot be rotated goes on being written, and rotating is tried again with the next
/// batch; [`close`](Self::close) tells.
///
/// When a process is killed within a write, the file may end with a part of a record, though of
/// none that was acknowledged as written. The next writer goes on behind it, so records that are
/// told apart by their ends need [`record_end`](BatchOptions::record_end).
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("events.log");
/// use aiofile_util::BatchWriter;
///
/// let log = BatchWriter::open(&path).await?;
/// let mut producers = tokio::task::JoinSet::new();
/// for producer in 0..8 {
///     let log = log.clone();
///     producers.spawn(async move {
///         for event in 0..100 {
///             log.append(format!("{producer} {event}\n")).await?;
///         }
///         log.append_durable(format!("{producer} is done\n")).await
///     });
/// }
/// while let Some(done) = producers.join_next().await {
///     done??;
/// }
/// let report = log.close().await?;
/// assert_eq!(report.records, 808);
/// assert!(report.syncs <= 8);
/// # Ok(()) }
/// ```
pub struct BatchWriter {
    owner: Arc<Owner>,
    /// How many failed writes this handle has told of.
    told: AtomicU64,
}

/// Lets the writing end when the last handle is gone.
struct Owner(Arc<Shared>);

impl BatchWriter {
    /// Opens a file with the usual options: see [`BatchOptions::open`].
    ///
    /// # Errors
    /// As for [`BatchOptions::open`].
    ///
    /// # Cancel safety
    /// As for [`BatchOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        BatchOptions::new().open(path).await
    }

    /// Queues a record, which is copied. It is in memory then: the interval bounds how long.
    ///
    /// # Errors
    /// That of a write that failed, once on each handle; where the writer is closed. The record is
    /// not queued then.
    ///
    /// # Cancel safety
    /// A future that is dropped before it is ready has queued nothing.
    pub async fn append(&self, record: impl AsRef<[u8]>) -> io::Result<()> {
        self.queue(record.as_ref(), Until::Queued).await?;
        Ok(())
    }

    /// Appends a record and waits until the kernel has it.
    ///
    /// # Errors
    /// As for [`append`](Self::append); that of its own write. The record is not in the file then.
    ///
    /// # Cancel safety
    /// A future that is dropped has queued the record as a whole or not at all.
    pub async fn append_written(&self, record: impl AsRef<[u8]>) -> io::Result<()> {
        let place = self.queue(record.as_ref(), Until::Written).await?;
        let written = |state: &mut State| self.outcome(state, &place);
        Ok(self.shared().wait_for(written).await?)
    }

    /// Appends a record and waits until it is durable, with the name of the file.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?; let path = directory.path().join("journal");
    /// use aiofile_util::BatchWriter;
    /// use futures_util::future::try_join_all;
    ///
    /// let journal = BatchWriter::open(&path).await?;
    /// let commit = |number: u32| journal.append_durable(format!("commit {number}\n"));
    /// try_join_all((0..100).map(commit)).await?;
    /// assert!(journal.report().syncs < 100);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for [`append_written`](Self::append_written). Where the sync fails, the record is in the
    /// file, and nothing says whether it is on the device.
    ///
    /// # Cancel safety
    /// As for [`append_written`](Self::append_written).
    pub async fn append_durable(&self, record: impl AsRef<[u8]>) -> io::Result<()> {
        let place = self.queue(record.as_ref(), Until::Durable).await?;
        let durable = |state: &mut State| match self.outcome(state, &place)? {
            Err(error) => Some(Err(error)),
            Ok(()) => durability(state, place.number + 1),
        };
        Ok(self.shared().wait_for(durable).await?)
    }

    /// Waits until the kernel has all that was queued before.
    ///
    /// # Errors
    /// As for [`append`](Self::append).
    ///
    /// # Cancel safety
    /// A future that is dropped leaves the writing to itself.
    pub async fn flush(&self) -> io::Result<()> {
        let until = self.want(false)?;
        let written = |state: &mut State| match self.news(state) {
            Err(error) => Some(Err(error)),
            Ok(()) => state.is_written(until).then_some(Ok(())),
        };
        Ok(self.shared().wait_for(written).await?)
    }

    /// Waits until all that was queued before is durable.
    ///
    /// # Errors
    /// As for [`append`](Self::append); that of a sync, now or earlier.
    ///
    /// # Cancel safety
    /// As for [`flush`](Self::flush).
    pub async fn sync(&self) -> io::Result<()> {
        let until = self.want(true)?;
        let durable = |state: &mut State| match self.news(state) {
            Err(error) => Some(Err(error)),
            Ok(()) => durability(state, until),
        };
        Ok(self.shared().wait_for(durable).await?)
    }

    /// Writes what is queued and closes the file, for all handles; then waits for what is still to
    /// be compressed or removed. It syncs nothing: call [`sync`](Self::sync) before. Calls after
    /// the first one return the same report.
    ///
    /// # Errors
    /// As for [`append`](Self::append); that of closing the file, and the first one of rotating,
    /// compressing or removing. The writer is closed all the same.
    ///
    /// # Cancel safety
    /// A future that is dropped leaves the writing and closing to itself.
    pub async fn close(&self) -> io::Result<BatchReport> {
        self.shared().with(State::close);
        let closed = |state: &mut State| {
            let ended = state.ended.clone()?;
            (!state.upkeep.runs).then(|| {
                let upkept = state.upkeep.error.clone().map_or(Ok(()), Err);
                self.news(state).and(ended).and(upkept).map(|()| state.report)
            })
        };
        Ok(self.shared().wait_for(closed).await?)
    }

    /// What has been done so far.
    #[must_use]
    pub fn report(&self) -> BatchReport {
        self.shared().with(|state| state.report)
    }

    /// The file, as it was named.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared().path
    }

    async fn begin(context: Context, settings: Settings, path: &Path) -> Result<Self> {
        let output = Output::open(&context, path, settings.record_end).await?;
        let names = match settings.has_rotated_files() {
            true => Some(Names::find(&context, path).await?),
            false => None,
        };
        let rotate_at = match settings.rotate_after {
            Some(period) if output.length() > 0 => {
                rotation_time(&context, output.file(), period).await?
            }
            _ => None,
        };
        let state = State::new(settings.clone(), output.length(), rotate_at);
        let shared = Arc::new(Shared::new(context, settings, path.to_owned(), state));
        if let Some(names) = names.as_ref().filter(|_| shared.settings.has_upkeep()) {
            upkeep::ask(&shared, names);
        }
        shared.begin(Box::pin(writing::run(Arc::clone(&shared), output, names)));
        Ok(Self { owner: Arc::new(Owner(shared)), told: AtomicU64::new(0) })
    }

    fn shared(&self) -> &Shared {
        &self.owner.0
    }
}

/// When a file that was there is rotated, by the age of its first record.
async fn rotation_time(
    context: &Context,
    file: &SharedFile,
    period: Duration,
) -> Result<Option<Instant>> {
    let metadata = context.metadata(file).await?;
    let begun = metadata.created().or_else(|_| metadata.modified());
    let age = begun.map_err(Error::system)?;
    let age = SystemTime::now().duration_since(age).unwrap_or_default();
    Ok(Instant::now().checked_add(period.saturating_sub(age)))
}

impl Clone for BatchWriter {
    /// Another handle, which tells of the failed writes of which this one has not.
    fn clone(&self) -> Self {
        let told = AtomicU64::new(self.told.load(Ordering::Relaxed));
        Self { owner: Arc::clone(&self.owner), told }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.with(State::close);
    }
}

impl fmt::Debug for BatchWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BatchWriter").field(&self.path()).finish_non_exhaustive()
    }
}
