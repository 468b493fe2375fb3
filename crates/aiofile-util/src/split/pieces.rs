//! The pieces, from their temporary names to their own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use aiofile::Context;
use caio::{Error, ErrorKind, Result};

use super::temporaries::Temporaries;
use super::{Piece, Suffix};
use crate::names::directory_of;

/// How pieces are called, and the temporary files in which they grow.
#[derive(Debug)]
pub(super) struct Pieces {
    prefix: OsString,
    suffix: Suffix,
    length: Option<usize>,
    overwrite: bool,
    temporaries: Temporaries,
    /// The device and the number of the file that is cut.
    source: OnceLock<(u64, u64)>,
    /// Whether there was an error, so that the rest is of no use.
    has_failed: AtomicBool,
}

/// A piece that is complete and has no name yet.
#[derive(Debug)]
pub(super) struct Unnamed {
    pub(super) temporary: PathBuf,
    pub(super) bytes: u64,
}

impl Pieces {
    pub(super) fn new(
        prefix: OsString,
        suffix: Suffix,
        length: Option<usize>,
        overwrite: bool,
    ) -> Self {
        let (source, has_failed) = (OnceLock::new(), AtomicBool::new(false));
        let temporaries = Temporaries::default();
        Self { prefix, suffix, length, overwrite, temporaries, source, has_failed }
    }

    /// Takes note of the source, and refuses early where the first piece cannot get its name.
    pub(super) fn begin(&self, source: &fs::Metadata) -> Result<()> {
        let _ = self.source.set((source.dev(), source.ino()));
        match self.paths().next() {
            Some(first) if !self.overwrite && fs::symlink_metadata(&first).is_ok() => {
                let error = Error::system(io::Error::from(io::ErrorKind::AlreadyExists));
                Err(error.doing("create").on(&first))
            }
            _ => Ok(()),
        }
    }

    /// Says that the rest is of no use any more.
    pub(super) fn fail(&self) {
        self.has_failed.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Refuses more pieces than there are names.
    pub(super) fn admit(&self, count: u64) -> Result<()> {
        match self.length {
            Some(length) if count > self.suffix.count(length) => {
                let message = format!("there are not enough suffixes of length {length}");
                let error = Error::new(ErrorKind::InvalidInput, message).doing("split");
                Err(error.on(Path::new(&self.prefix)).hint("allow longer suffixes"))
            }
            _ => Ok(()),
        }
    }

    /// The path of each piece.
    pub(super) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.suffix.all(self.length).map(|suffix| {
            let mut path = self.prefix.clone();
            path.push(suffix);
            PathBuf::from(path)
        })
    }

    /// A file for one of the pieces.
    pub(super) fn create(&self) -> Result<(PathBuf, File)> {
        self.temporaries.create(&self.directory(), self.any())
    }

    /// Where they are.
    pub(super) fn directory(&self) -> PathBuf {
        let mut name = self.prefix.clone();
        // The prefix may end in a slash; a piece never does.
        name.push("a");
        directory_of(Path::new(&name)).to_owned()
    }

    /// How a piece is called in errors while it has no name.
    pub(super) fn any(&self) -> &Path {
        Path::new(&self.prefix)
    }

    /// Removes those that have no names. Blocks.
    pub(super) fn remove_all(&self) {
        drop(self.temporaries.take_all());
    }

    /// Gives all pieces their names, or removes them if there was an error. One hop.
    pub(super) async fn settle(
        self: Arc<Self>,
        context: &Context,
        cut: Result<Vec<Unnamed>>,
    ) -> Result<Vec<Piece>> {
        let prefix = PathBuf::from(self.prefix.clone());
        let name = move || {
            let named = cut.and_then(|cut| self.name(cut));
            self.remove_all();
            named
        };
        context.run_on("split", &prefix, name).await
    }

    fn name(&self, cut: Vec<Unnamed>) -> Result<Vec<Piece>> {
        self.admit(cut.len() as u64)?;
        if self.overwrite {
            self.paths().take(cut.len()).try_for_each(|path| self.refuse_source(&path))?;
        }
        // All of them or none, also where the future is dropped meanwhile.
        let temporaries = self.temporaries.take_all();
        let mut pieces = Vec::with_capacity(cut.len());
        for (Unnamed { temporary, bytes }, path) in cut.into_iter().zip(self.paths()) {
            if let Err(error) = temporaries.name(&temporary, &path, self.overwrite) {
                // Those that have names by now are this call's own.
                pieces.iter().for_each(|piece: &Piece| _ = fs::remove_file(&piece.path));
                return Err(error);
            }
            pieces.push(Piece { path, bytes });
        }
        Ok(pieces)
    }

    fn refuse_source(&self, path: &Path) -> Result<()> {
        let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
        if self.source.get() == Some(&(metadata.dev(), metadata.ino())) {
            return Err(is_source(path));
        }
        Ok(())
    }
}

pub(super) fn is_source(path: &Path) -> Error {
    let message = "the file that is split has the name of a piece";
    Error::new(ErrorKind::InvalidInput, message).doing("split").on(path)
}
