//! A file, copied beside its place and put there when it is complete.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiofile::Context;
use caio::{Error, ErrorKind, Result};
use rustix::fs::{FlockOperation, OFlags, flock};

use super::attributes::Attributes;
use super::report::{SyncEvent, Telling};
use crate::copying::copy;
use crate::scratch::Scratch;
use crate::steps::{Doing, JOB_BYTES, Step, Watch, in_steps};

/// How the names of the temporary files begin.
pub(super) const PREFIX: &str = ".aiofile-sync-";

/// Copies the contents, the permissions and the times of a file. Returns how many bytes it has.
pub(super) async fn copy_file(
    context: &Context,
    source: PathBuf,
    target: PathBuf,
    telling: &Arc<Telling>,
) -> Result<u64> {
    let scratch = Arc::new(Scratch::with_prefix(PREFIX));
    let told = Arc::clone(telling);
    let watch = Watch::new(move |bytes| {
        told.tell(&SyncEvent::Copied(bytes));
        match told.proceed() {
            Ok(()) => std::ops::ControlFlow::Continue(()),
            Err(_) => std::ops::ControlFlow::Break(()),
        }
    });
    let copy = Copy { source, target, scratch: Arc::clone(&scratch), files: None, bytes: 0 };
    let copied = in_steps(context, "copy", copy, &watch, Copy::step).await;
    if copied.is_err() {
        // Where this is refused, the scratch cleans up by itself.
        let removed = context.run("unlink", move || {
            scratch.remove_all();
            Ok(())
        });
        let _ = removed.await;
    }
    copied
}

struct Copy {
    source: PathBuf,
    target: PathBuf,
    scratch: Arc<Scratch>,
    files: Option<Files>,
    bytes: u64,
}

struct Files {
    source: File,
    metadata: Metadata,
    temporary: PathBuf,
    target: File,
}

impl Copy {
    fn step(&mut self) -> Result<Step<u64>> {
        let files = match self.files.take() {
            Some(files) => files,
            None => self.open()?,
        };
        let (from, to) = ((&files.source, &*self.source), (&files.target, &*self.target));
        let copied = if self.bytes == 0 && share(&files) {
            files.metadata.len()
        } else {
            copy(from, to, JOB_BYTES)?
        };
        self.bytes += copied;
        if copied == JOB_BYTES && self.bytes < files.metadata.len() {
            self.files = Some(files);
            return Ok(Step::More(copied));
        }
        self.finish(&files)?;
        Ok(Step::Done(copied, self.bytes))
    }

    fn open(&self) -> Result<Files> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut options = File::options();
        options.read(true).custom_flags(flags.bits().cast_signed());
        let source = options.open(&self.source).doing("open", &self.source)?;
        let metadata = source.metadata().doing("stat", &self.source)?;
        if !metadata.is_file() {
            return Err(self.changed());
        }
        let (temporary, target) = self.scratch.create(&self.target, 0o600)?;
        // Tells others that it is in use. Where there are no locks, nobody takes it for a leftover.
        let _ = flock(&target, FlockOperation::NonBlockingLockShared);
        Ok(Files { source, metadata, temporary, target })
    }

    fn finish(&self, files: &Files) -> Result<()> {
        let now = files.source.metadata().doing("stat", &self.source)?;
        let changed = |metadata: &Metadata| (metadata.mtime(), metadata.mtime_nsec());
        if changed(&now) != changed(&files.metadata) || self.bytes != now.len() {
            return Err(self.changed());
        }
        let attributes = Attributes::of(&files.metadata).doing("stat", &self.source)?;
        attributes.apply(&files.target).doing("set the attributes of", &self.target)?;
        clear(&self.target)?;
        self.scratch.replace(&files.temporary, &self.target)
    }

    fn changed(&self) -> Error {
        let message = "it was changed while it was copied";
        Error::new(ErrorKind::InvalidData, message).doing("copy").on(&self.source)
    }
}

/// Removes a directory that stands in the way. That it may go was decided before.
pub(super) fn clear(target: &Path) -> Result<()> {
    match fs::symlink_metadata(target) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(target).doing("remove", target),
        _ => Ok(()),
    }
}

/// Lets the copy share the blocks of its source, where the file system can.
#[cfg(target_os = "linux")]
fn share(files: &Files) -> bool {
    rustix::fs::ioctl_ficlone(&files.target, &files.source).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn share(_: &Files) -> bool {
    false
}
