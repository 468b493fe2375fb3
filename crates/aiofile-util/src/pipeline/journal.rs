//! Which files are done, for a run that is to go on where another one was killed.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;

use aiofile::Context;
use aiofile::fs::{FileLock, Fs};
use caio::{Error, ErrorKind, Result, SharedFile, WakerSet, flags};

use crate::appended::Appended;
use crate::driven::Driven;
use crate::escaped::{escape, unescape};
use crate::names::sync_directory;
use crate::steps::context_or_default;
use crate::transfer;

/// The first line, so that no other file is taken for a journal and written over.
const HEAD: &[u8] = b"aiofile journal 1\n";

/// How many bytes of a journal are read at once.
const READ_BYTES: usize = 1 << 20;

/// A file that says which files are done, one a line, so that a run over many of them goes on where
/// it was killed.
///
/// A file is acknowledged after all that was made of it is where it belongs. So each is done at
/// least once: one that was being worked on, or waited to be acknowledged, is done again, and what
/// is made of it should appear whole and under the same name, as with
/// [`write_atomic`](aiofile::fs::write_atomic). A line that a killed run has written in part does
/// not count, and neither do lines behind one that a loss of power has taken. One run has the
/// journal at a time.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let place = tempfile::tempdir()?; std::env::set_current_dir(&place)?;
/// use aiofile_util::{Journal, PipelineOptions};
///
/// let paths = ["/proc/version", "/proc/cpuinfo"];
/// let journal = Journal::open("run.journal").await?;
/// let mut files = PipelineOptions::new().read(journal.remaining(paths));
/// let first = files.next().await.unwrap();
/// // Here the contents would go where they belong.
/// journal.acknowledge(&first.path).await?;
/// drop((files, journal)); // As if the run had been killed.
///
/// let journal = Journal::open("run.journal").await?;
/// assert_eq!(journal.remaining(paths).len(), 1);
/// # Ok(()) }
/// ```
pub struct Journal {
    context: Context,
    path: PathBuf,
    shared: Arc<Shared>,
}

/// What the writing of a line holds until it is over, also where nobody waits for it any more: so
/// no other run has the journal meanwhile.
struct Shared {
    lines: Mutex<Lines>,
    file: SharedFile,
    waiting: WakerSet,
    /// Whether the name of the journal is durable.
    is_named: AtomicBool,
    _lock: FileLock,
}

struct Lines {
    /// `None` while it is written to.
    log: Option<Appended>,
    /// Files whose lines are written next.
    queued: Vec<(PathBuf, Outcome)>,
    done: HashSet<PathBuf>,
}

/// What has become of a line; empty while it is not written.
type Outcome = Arc<OnceLock<Result<()>>>;

impl Journal {
    /// Opens the journal, or makes a new one, in the default context.
    ///
    /// Costs: three hops, one for each MiB of the journal, and the journal in memory. A new one is
    /// made durable: two hops more, which wait for the device.
    ///
    /// # Errors
    /// `InvalidData` for a file that is no journal, which is left as it is, and `InvalidInput` for
    /// what is no regular file; `ResourceBusy` while another run has it, or one of this process
    /// whose last acknowledgement was given up and is not over; else what the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future may leave an empty journal.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        let context = context_or_default(None).await?;
        let mut log = Appended::open(&context, &path, flags::O_RDWR).await?;
        let file = log.file().clone();
        let Some(lock) = Fs::new(&context).try_lock(&file).await? else {
            let busy = io::Error::from(io::ErrorKind::ResourceBusy);
            let error = Error::system(busy).doing("lock").on(&path);
            return Err(error.hint("another run has this journal: wait for its end").into());
        };
        log.go_on().await?;
        let whole = read(&context, &file).await?;
        let done = parse(&whole).map_err(|error| error.doing("read").on(&path))?;
        log.cut(whole.len() as u64);
        if whole.is_empty() {
            log.write(&mut HEAD.to_vec()).await?;
            // Else the power could take it and leave a line behind it, which begins no journal.
            log.sync().await?;
        }
        let is_named = whole.is_empty().into();
        let lines = Mutex::new(Lines { log: Some(log), queued: Vec::new(), done });
        let waiting = WakerSet::default();
        let shared = Arc::new(Shared { lines, file, waiting, is_named, _lock: lock });
        Ok(Self { context, path, shared })
    }

    /// Those of the paths that are not done, in their order.
    pub fn remaining<I>(&self, paths: I) -> Vec<PathBuf>
    where
        I: IntoIterator<Item: Into<PathBuf>>,
    {
        let lines = self.shared.lines();
        paths.into_iter().map(Into::into).filter(|path| !lines.done.contains(path)).collect()
    }

    /// How many files are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.shared.lines().done.len()
    }

    /// Writes down that a file is done, under the name that [`remaining`](Self::remaining) is asked
    /// for. The line outlives this process, and the machine after a [`sync`](Self::sync).
    ///
    /// Costs: one hop, which is shared by the lines that are to be written meanwhile.
    ///
    /// # Errors
    /// `InvalidInput` for a path that no file can have; else what the system answers. The file is
    /// not done then, and the next line takes the place of this one.
    ///
    /// # Cancel safety
    /// After the future is dropped the line may be written or not, and is whole in either case.
    pub async fn acknowledge(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref().to_owned();
        if path.as_os_str().is_empty() || path.as_os_str().as_bytes().contains(&0) {
            let error = Error::new(ErrorKind::InvalidInput, "no file has such a name");
            return Err(error.doing("append").on(&self.path).into());
        }
        let outcome = self.shared.queue(path);
        let (mut slot, mut waits) = (self.shared.waiting.slot(), None);
        let written = poll_fn(|cx| {
            if outcome.get().is_none() {
                slot.register(cx.waker());
                if waits.is_none() {
                    waits = self.context.waits();
                }
            }
            outcome.get().cloned().map_or(Poll::Pending, Poll::Ready)
        });
        Ok(written.await?)
    }

    /// Has the device keep what was acknowledged before, under the journal's name.
    ///
    /// Costs: one hop, which waits for the device; another one the first time.
    ///
    /// # Errors
    /// What the system answers. A sync that failed stays failed, since the system forgets what it
    /// could not write: open the journal again.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect on the file.
    pub async fn sync(&self) -> io::Result<()> {
        self.context.sync(&self.shared.file, true).await?;
        if !self.shared.is_named.load(Ordering::Relaxed) {
            sync_directory(&self.context, &self.path).await?;
            self.shared.is_named.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Journal");
        shown.field("path", &self.path).field("done", &self.done()).finish_non_exhaustive()
    }
}

impl Shared {
    /// Has the line of a file written, unless it is there.
    fn queue(self: &Arc<Self>, path: PathBuf) -> Outcome {
        let outcome = Outcome::default();
        let mut lines = self.lines();
        if lines.done.contains(&path) {
            outcome.get_or_init(|| Ok(()));
            return outcome;
        }
        lines.queued.push((path, Arc::clone(&outcome)));
        let log = lines.log.take();
        drop(lines);
        if let Some(log) = log {
            // It goes on where the future that waits is dropped, so that no line is left in part.
            Driven::new(write(Arc::clone(self), log)).run();
        }
        outcome
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what is queued, until nothing is.
async fn write(shared: Arc<Shared>, mut log: Appended) {
    let waiting = shared.waiting.clone();
    let mut queued = std::mem::take(&mut shared.lines().queued);
    loop {
        let mut bytes = Vec::new();
        for (path, _) in &queued {
            escape(path.as_os_str().as_bytes(), &mut bytes);
            bytes.push(b'\n');
        }
        let result = log.write(&mut bytes).await;
        let (paths, outcomes): (Vec<_>, Vec<_>) = queued.into_iter().unzip();
        let tell = || {
            outcomes.iter().for_each(|outcome| _ = outcome.get_or_init(|| result.clone()));
            waiting.wake_all();
        };
        let mut lines = shared.lines();
        if result.is_ok() {
            lines.done.extend(paths);
        }
        queued = std::mem::take(&mut lines.queued);
        if queued.is_empty() {
            lines.log = Some(log);
            drop(lines);
            // Whoever is told may open the journal again at once.
            drop(shared);
            return tell();
        }
        drop(lines);
        tell();
    }
}

/// The whole lines of the file, up to where the power has taken one: what was not synced may be
/// zeros then, also before what is there. Of a file that does not begin as a journal, at least its
/// beginning: it may be larger than the memory.
async fn read(context: &Context, file: &SharedFile) -> Result<Vec<u8>> {
    let mut bytes = transfer::read(context, file, 0, HEAD.len() + 1).await?;
    while bytes.starts_with(HEAD) {
        let more = transfer::read(context, file, bytes.len() as u64, READ_BYTES).await?;
        if more.is_empty() {
            break;
        }
        bytes.extend_from_slice(&more);
    }
    let mut begins = bytes.iter().zip(HEAD);
    let is_new =
        bytes.len() <= HEAD.len() && begins.all(|(found, byte)| [0, *byte].contains(found));
    if bytes.starts_with(HEAD) || is_new {
        bytes.truncate(memchr::memchr(0, &bytes).unwrap_or(bytes.len()));
        bytes.truncate(memchr::memrchr(b'\n', &bytes).map_or(0, |newline| newline + 1));
    }
    Ok(bytes)
}

/// The files that the lines name.
fn parse(whole: &[u8]) -> Result<HashSet<PathBuf>> {
    let entries = match whole.strip_prefix(HEAD) {
        Some(entries) => entries,
        None if whole.is_empty() => &[],
        None => {
            let message = "this is no journal: it does not begin as one";
            let error = Error::new(ErrorKind::InvalidData, message);
            return Err(error.hint("name another file: this one is left as it is"));
        }
    };
    let mut done = HashSet::new();
    for (index, line) in entries.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let path = line.strip_suffix(b"\n").and_then(unescape);
        let Some(path) = path.filter(|path| !path.is_empty()) else {
            let message = format!("line {}: this names no file", index + 2);
            return Err(Error::new(ErrorKind::InvalidData, message));
        };
        done.insert(PathBuf::from(OsString::from_vec(path)));
    }
    Ok(done)
}
