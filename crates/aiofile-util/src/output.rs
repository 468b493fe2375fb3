//! A file that is written as a whole: it appears when it is complete, or its end stays as it was.

use std::fs::{self, File, Permissions};
use std::io::ErrorKind as IoErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aiofile::Context;
use caio::{Error, ErrorKind, Result};

use crate::scratch::{Guard, Scratch, in_background};
use crate::steps::Doing;

/// The permissions of a new file, of which the umask takes some.
const MODE: u32 = 0o666;

/// An output in the making.
#[derive(Debug)]
pub(crate) struct Output {
    file: Arc<File>,
    /// As the user named it.
    path: PathBuf,
    kind: Kind,
    is_settled: AtomicBool,
}

#[derive(Debug)]
enum Kind {
    /// A temporary file, and what it is to replace: what a link leads to, and not the link.
    New { scratch: Scratch, temporary: PathBuf, target: PathBuf },
    /// The file itself, which had so many bytes.
    Appended { length: u64 },
}

impl Output {
    /// A new file, which takes the place of `path` and keeps its permissions where there is one.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let (target, permissions) = match fs::metadata(path) {
            Ok(metadata) => {
                refuse_special(&metadata, path)?;
                let target = fs::canonicalize(path).doing("open", path)?;
                (target, Some(Permissions::from_mode(metadata.mode() & 0o777)))
            }
            Err(error) if error.kind() == IoErrorKind::NotFound => (path.to_owned(), None),
            Err(error) => return Err(error).doing("stat", path),
        };
        if target.file_name().is_none() {
            let message = "this path ends in no name of a file";
            return Err(Error::new(ErrorKind::InvalidInput, message).doing("create").on(path));
        }
        let scratch = Scratch::default();
        let mode = if permissions.is_some() { 0o600 } else { MODE };
        let created = scratch.create(&target, mode).map_err(|error| error.on(path));
        let (temporary, file) = created?;
        if let Some(permissions) = permissions {
            file.set_permissions(permissions).doing("chmod", path)?;
        }
        let kind = Kind::New { scratch, temporary, target };
        Ok(Self::new(file, path, kind))
    }

    /// The file at `path`, behind what is in it; a new one where there is none.
    pub(crate) fn append(path: &Path) -> Result<Self> {
        let mut options = File::options();
        // Not O_APPEND, with which the kernel does not copy by itself.
        let file = options.write(true).create(true).truncate(false).open(path);
        let mut file = file.doing("open", path)?;
        let metadata = file.metadata().doing("stat", path)?;
        refuse_special(&metadata, path)?;
        let end = std::io::SeekFrom::End(0);
        let length = std::io::Seek::seek(&mut file, end).doing("seek", path)?;
        Ok(Self::new(file, path, Kind::Appended { length }))
    }

    fn new(file: File, path: &Path, kind: Kind) -> Self {
        let is_settled = AtomicBool::new(false);
        Self { file: Arc::new(file), path: path.to_owned(), kind, is_settled }
    }

    /// Where to write, and how to call it.
    pub(crate) fn file(&self) -> (&File, &Path) {
        (&self.file, &self.path)
    }

    /// Whether what is appended to is this file, so that reading it would never end.
    pub(crate) fn appends_to(&self, source: &File) -> bool {
        let same = || {
            let (source, own) = (source.metadata().ok()?, self.file.metadata().ok()?);
            Some((source.dev(), source.ino()) == (own.dev(), own.ino()))
        };
        matches!(self.kind, Kind::Appended { .. }) && same().unwrap_or(false)
    }

    /// For the future that makes it.
    pub(crate) fn guard(self: &Arc<Self>) -> Guard<impl Fn() + Send + Sync + use<>> {
        let output = Arc::clone(self);
        Guard::new(move || {
            // What is appended to is cut when nothing is written to it any more.
            if let Kind::New { scratch, .. } = &output.kind {
                scratch.remove_all();
            }
        })
    }

    /// Gives it its name if `outcome` is a success, else undoes it all. One hop.
    pub(crate) async fn settle<T>(
        self: Arc<Self>,
        context: &Context,
        durable: bool,
        outcome: Result<T>,
    ) -> Result<T> {
        let is_complete = outcome.is_ok();
        let settled = context.run("write", move || {
            let finished = if is_complete { self.finish(durable) } else { Ok(()) };
            if !is_complete || finished.is_err() {
                self.undo();
            }
            self.is_settled.store(true, Ordering::Relaxed);
            finished
        });
        let settled = settled.await;
        let value = outcome?;
        settled.map(|()| value)
    }

    fn finish(&self, durable: bool) -> Result<()> {
        if durable {
            self.file.sync_all().doing("fsync", &self.path)?;
        }
        let Kind::New { scratch, temporary, target } = &self.kind else { return Ok(()) };
        scratch.replace(temporary, target).map_err(|error| error.on(&self.path))?;
        if durable {
            let directory = match target.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let synced = File::open(directory).and_then(|directory| directory.sync_all());
            synced.doing("fsync", directory)?;
        }
        Ok(())
    }

    /// Blocks.
    fn undo(&self) {
        match &self.kind {
            Kind::New { scratch, .. } => scratch.remove_all(),
            // Where that fails too, the error that led here is the one to tell.
            Kind::Appended { length } => _ = self.file.set_len(*length),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let (Kind::Appended { length }, false) = (&self.kind, *self.is_settled.get_mut()) {
            let (file, length) = (Arc::clone(&self.file), *length);
            in_background(move || _ = file.set_len(length));
        }
    }
}

/// Only regular files can be replaced or cut.
fn refuse_special(metadata: &fs::Metadata, path: &Path) -> Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let message = if metadata.is_dir() { "it is a directory" } else { "it is no regular file" };
    Err(Error::new(ErrorKind::InvalidInput, message).doing("write").on(path))
}
