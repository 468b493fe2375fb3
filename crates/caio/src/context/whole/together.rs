//! Several whole files in one hop: what a thread of the pool finds in memory it opens, reads and
//! closes at once, and the rest is left to others.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::{IN_PLACE_BYTES_MAX, read_open};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::file::{OpenFiles, SharedFile};
use crate::op::{OpKind, Output};

impl Context {
    /// The contents of those of these files that a thread of the pool has in memory, in the order
    /// of the paths: regular files of up to 128 KiB, in one hop, with four system calls for each.
    ///
    /// It stops at the first that is another: that and what comes behind it is `None`, to be read
    /// by [`read_file`](Self::read_file), whose answer counts, or [`Output::File`] where it is no
    /// regular file, to be read by [`read_opened`](Self::read_opened). With layers around the
    /// context, which are to see each file, and on a backend with files of its own all are `None`.
    ///
    /// # Errors
    /// [`ErrorKind::Shutdown`](crate::ErrorKind::Shutdown).
    ///
    /// # Cancel safety
    /// A future that is dropped before a thread has begun opens nothing; once begun, the thread
    /// reads to the end, and closes what it opened.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// use caio::Output;
    ///
    /// let read = context.read_files(vec!["/".into(), "/proc/version".into()]).await?;
    /// assert!(matches!(read[..], [Some(Output::File(_)), None]));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn read_files(&self, paths: Vec<PathBuf>) -> Result<Vec<Option<Output>>> {
        let is_seen = !self.inner.layers.is_empty() || self.info().capability.own_files;
        if is_seen || paths.is_empty() {
            return Ok(paths.into_iter().map(|_| None).collect());
        }
        let open_files = Arc::clone(&self.inner.open_files);
        let read = self.run("read", move || Ok(read_all(&paths, &open_files))).await?;
        for output in read.iter().flatten() {
            if let Output::Contents(contents) = output {
                self.inner.metrics.read_by_closure(contents.len());
            }
        }
        Ok(read)
    }

    /// What an open file has, from its beginning to its end: one hop for each part that has to be
    /// waited for.
    ///
    /// # Errors
    /// As for [`read_file`](Self::read_file).
    ///
    /// # Cancel safety
    /// As for [`read_file`](Self::read_file).
    pub async fn read_opened(&self, file: &SharedFile) -> Result<Vec<u8>> {
        let read = self.read_on(file).await;
        read.map_err(|error: Error| error.during(OpKind::ReadFile).on(file.path()))
    }
}

/// Stops where something has to be waited for, so that what comes behind it is waited for at the
/// same time.
fn read_all(paths: &[PathBuf], open_files: &Arc<OpenFiles>) -> Vec<Option<Output>> {
    let mut outputs = Vec::with_capacity(paths.len());
    for path in paths {
        // An error here is no verdict.
        let output = read_one(path, open_files).ok().flatten();
        let goes_on = matches!(output, Some(Output::Contents(_)));
        outputs.push(output);
        if !goes_on {
            break;
        }
    }
    outputs.resize_with(paths.len(), || None);
    outputs
}

fn read_one(path: &Path, open_files: &Arc<OpenFiles>) -> io::Result<Option<Output>> {
    // An open file beyond the limit waits for its place where requests wait.
    let Ok(place) = open_files.try_open() else { return Ok(None) };
    // Neither the other end of a FIFO is waited for nor a process with a lease on the file.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        // To open it again could have an effect. Its reads are to wait, as after a plain open(2).
        let flags = OFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GETFL)?);
        fcntl(&file, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
        let file = SharedFile::new(file, path).map_err(io::Error::from)?;
        file.keep_place(place);
        return Ok(Some(Output::File(file)));
    }
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if length > IN_PLACE_BYTES_MAX {
        return Ok(None);
    }
    Ok(read_open(file.as_fd(), length)?.map(Output::Contents))
}
