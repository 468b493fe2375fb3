//! A file that is being written beside its place, and takes its name when it is complete. All of
//! it blocks.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiofile::drop_elsewhere;
use bytes::{Buf, Bytes};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::directory::{sync_parent, with_parents};
use crate::names::staged_path;

/// The kernel takes so many buffers at once.
const BUFFERS_MAX: usize = 1024;

/// What may be at the place already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Anything, which is replaced.
    Any,
    /// Nothing: else it is an error.
    New,
}

/// A file without its name. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Staged {
    /// `None` once it is closed.
    file: Option<Arc<File>>,
    path: PathBuf,
    number: u64,
    place: PathBuf,
    is_durable: bool,
    /// It has its name, or is gone.
    is_over: bool,
}

impl Staged {
    /// Makes the file, and the directories that it needs.
    pub(crate) fn create(place: &Path, is_durable: bool) -> io::Result<Self> {
        let mut number = 1;
        let (file, path) = with_parents(place, is_durable, || {
            loop {
                let path = staged_path(place, number);
                let mut options = OpenOptions::new();
                match options.read(true).write(true).create_new(true).open(&path) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                    opened => return Ok((opened?, path)),
                }
            }
        })?;
        let (file, place) = (Some(Arc::new(file)), place.to_owned());
        Ok(Self { file, path, number, place, is_durable, is_over: false })
    }

    /// The file, to be filled by whoever wants.
    pub(crate) fn file(&self) -> io::Result<&Arc<File>> {
        self.file.as_ref().ok_or_else(|| io::Error::other("the file is closed"))
    }

    /// Its name by now.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the file where it is, and tells its number.
    pub(crate) fn keep(mut self) -> u64 {
        self.is_over = true;
        self.number
    }

    /// Removes the file.
    pub(crate) fn remove(mut self) -> io::Result<()> {
        self.is_over = true;
        fs::remove_file(&self.path)
    }

    /// Gives the file its name, and tells what the system knows of it. The contents are on the
    /// device before the name is given and the name before this returns, where that is asked for.
    pub(crate) fn publish(mut self, target: Target) -> io::Result<Metadata> {
        let file = self.file()?;
        let metadata = file.metadata()?;
        if self.is_durable {
            file.sync_all()?;
        }
        // Some network file systems tell only now that there was no room.
        if let Some(file) = self.file.take().and_then(Arc::into_inner) {
            nix::unistd::close(file)?;
        }
        rename(&self.path, &self.place, target)?;
        self.is_over = true;
        if self.is_durable {
            sync_parent(&self.place)?;
        }
        Ok(metadata)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        drop_elsewhere(Leftover(std::mem::take(&mut self.path)));
    }
}

/// A file that nobody wants any more.
struct Leftover(PathBuf);

impl Drop for Leftover {
    fn drop(&mut self) {
        // Where that fails, the file stays under a name that no listing shows.
        let _ = fs::remove_file(&self.0);
    }
}

/// Renames a file, in one step where the file system can tell whether there is something already.
/// Elsewhere the new name is a second one until the first is removed.
pub(crate) fn rename(from: &Path, to: &Path, target: Target) -> io::Result<()> {
    if target == Target::Any {
        return fs::rename(from, to);
    }
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        done => Ok(done?),
    }
}

/// Writes all of several buffers, one after the other, from an offset on.
pub(crate) fn write_all(file: impl AsFd, buffers: Vec<Bytes>, mut offset: u64) -> io::Result<()> {
    let mut left = buffers.into_iter().filter(|buffer| !buffer.is_empty()).collect::<Vec<_>>();
    let mut left = &mut left[..];
    while !left.is_empty() {
        let slices: Vec<_> = left.iter().take(BUFFERS_MAX).map(|one| IoSlice::new(one)).collect();
        let mut written = match rustix::io::pwritev(&file, &slices, offset) {
            Err(Errno::INTR) => continue,
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            written => written?,
        };
        offset += written as u64;
        while let Some(first) = left.first_mut() {
            if written < first.len() {
                first.advance(written);
                break;
            }
            written -= first.len();
            left = &mut left[1..];
        }
    }
    Ok(())
}
