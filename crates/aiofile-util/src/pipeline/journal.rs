//! Which files are done, for a run that is to go on where another one was killed.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aiofile::Context;
use aiofile::fs::{FileLock, Fs};
use caio::{Error, ErrorKind, Result};
use rustix::fs::OFlags;

use crate::escaped::{escape, unescape};
use crate::steps::{Doing, context_or_default};

/// The first line, so that no other file is taken for a journal and written over.
const HEAD: &[u8] = b"aiofile journal 1\n";

/// A file that says which files are done, one a line, so that a run over many of them goes on where
/// it was killed.
///
/// A file is acknowledged after all that was made of it is where it belongs. So each is done at
/// least once: one that was being worked on, or waited to be acknowledged, is done again, and what
/// is made of it should appear whole and under the same name, as with
/// [`write_atomic`](aiofile::fs::write_atomic). A line that a killed run has written in part does
/// not count. One run has the journal at a time.
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

/// What an acknowledgement holds until it is over, also where it was given up: so no other run has
/// the journal while a line may still be written.
struct Shared {
    log: Mutex<Log>,
    done: Mutex<HashSet<PathBuf>>,
    _lock: FileLock,
}

/// The file, and where its next line goes.
struct Log {
    file: File,
    end: u64,
}

impl Journal {
    /// Opens the journal, or makes a new one, in the default context.
    ///
    /// Costs: two hops and the journal in memory.
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
        let named = path.clone();
        let open = move || open(&named).map_err(|error| error.doing("open").on(&named));
        let file = context.run_on("open", &path, open).await?;
        let Some(lock) = Fs::new(&context).try_lock(&file).await? else {
            let busy = io::Error::from(io::ErrorKind::ResourceBusy);
            let error = Error::system(busy).doing("lock").on(&path);
            return Err(error.hint("another run has this journal: wait for its end").into());
        };
        let named = path.clone();
        let read = move || {
            let (log, done) = Log::read(file).map_err(|error| error.doing("read").on(&named))?;
            Ok(Shared { log: Mutex::new(log), done: Mutex::new(done), _lock: lock })
        };
        let shared = Arc::new(context.run_on("read", &path, read).await?);
        Ok(Self { context, path, shared })
    }

    /// Those of the paths that are not done, in their order.
    pub fn remaining<I>(&self, paths: I) -> Vec<PathBuf>
    where
        I: IntoIterator<Item: Into<PathBuf>>,
    {
        let done = lock(&self.shared.done);
        paths.into_iter().map(Into::into).filter(|path| !done.contains(path)).collect()
    }

    /// How many files are done.
    #[must_use]
    pub fn done(&self) -> usize {
        lock(&self.shared.done).len()
    }

    /// Writes down that a file is done, under the name that [`remaining`](Self::remaining) is asked
    /// for. The line outlives this process, and the machine after a [`sync`](Self::sync).
    ///
    /// Costs: one hop.
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
        let (shared, named) = (Arc::clone(&self.shared), self.path.clone());
        let append = move || {
            if lock(&shared.done).contains(&path) {
                return Ok(());
            }
            let mut line = Vec::with_capacity(path.as_os_str().len() + 1);
            escape(path.as_os_str().as_bytes(), &mut line);
            line.push(b'\n');
            lock(&shared.log).append(&line).doing("append", &named)?;
            lock(&shared.done).insert(path);
            Ok(())
        };
        Ok(self.context.run_on("append", &self.path, append).await?)
    }

    /// Has the device keep what was acknowledged before.
    ///
    /// Costs: one hop, which waits for the device.
    ///
    /// # Errors
    /// What the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect on the file.
    pub async fn sync(&self) -> io::Result<()> {
        let (shared, named) = (Arc::clone(&self.shared), self.path.clone());
        let sync = move || {
            let file = lock(&shared.log).file.try_clone().doing("fdatasync", &named)?;
            file.sync_data().doing("fdatasync", &named)
        };
        Ok(self.context.run_on("fdatasync", &self.path, sync).await?)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Journal");
        shown.field("path", &self.path).field("done", &self.done()).finish_non_exhaustive()
    }
}

impl Log {
    /// The files that whole lines name; what stands behind the last one is written over by the
    /// next. Blocks.
    fn read(mut file: File) -> Result<(Self, HashSet<PathBuf>)> {
        let mut bytes = Vec::new();
        (&mut file).take(HEAD.len() as u64).read_to_end(&mut bytes)?;
        // Another file may be larger than the memory.
        if bytes == HEAD {
            file.read_to_end(&mut bytes)?;
        }
        let end = memchr::memrchr(b'\n', &bytes).map_or(0, |newline| newline + 1);
        let (whole, torn) = bytes.split_at(end);
        let entries = match whole.strip_prefix(HEAD) {
            Some(entries) => entries,
            None if whole.is_empty() && HEAD.starts_with(torn) => &[],
            None => {
                let message = "this is no journal: it does not begin as one";
                let error = Error::new(ErrorKind::InvalidData, message);
                return Err(error.hint("name another file: this one is left as it is"));
            }
        };
        let mut done = HashSet::new();
        for (index, line) in entries.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let path = line.strip_suffix(b"\n").and_then(unescape);
            let Some(path) = path.filter(|path| !path.is_empty() && !path.contains(&0)) else {
                let message = format!("line {}: this names no file", index + 2);
                return Err(Error::new(ErrorKind::InvalidData, message));
            };
            done.insert(PathBuf::from(OsString::from_vec(path)));
        }
        let mut log = Self { file, end: end as u64 };
        if whole.is_empty() {
            log.append(HEAD).map_err(|error| Error::from(error).doing("append"))?;
        }
        Ok((log, done))
    }

    /// Blocks. What was written in part before an error is written over by the next line.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.file.write_all_at(line, self.end)?;
        self.end += line.len() as u64;
        Ok(())
    }
}

/// Opens or makes a regular file: anything else may give bytes without end, or none for ever.
/// Blocks.
fn open(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    // Opening alone does not wait for a device.
    let file = options.custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(Error::new(ErrorKind::InvalidInput, "it is no regular file")),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
