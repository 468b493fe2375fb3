//! Whole files: opened, read and closed in one go.

mod together;

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use nix::NixPath;

use super::Context;
use super::open::c_path;
use super::transfer::misfit;
use crate::buffer::{Buffer, OwnedBuffer};
use crate::error::{Error, ErrorKind, Result};
use crate::file::SharedFile;
use crate::op::{Op, OpKind, Output};
use crate::sys::local;
use crate::sys::nowait::{self, Wait};

/// The largest file that is read on the caller's thread: it cannot stop halfway to let others run.
const IN_PLACE_BYTES_MAX: usize = 128 * 1024;

/// What is read first of a file whose length is not known.
const UNKNOWN_LENGTH_BYTES: usize = 8 * 1024;

impl Context {
    /// The contents of a whole file, as `std::fs::read` gives them.
    ///
    /// A file of up to 128 KiB that is cached, with its path, on a mount that is known to be local
    /// from an earlier look, costs six system calls on the calling thread and no hop. Any other
    /// costs one hop to the pool, in which up to a MiB is read, and one for each further read that
    /// has to wait.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a path with a NUL byte; else what the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future leaks no descriptor. What was read from a FIFO is lost.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let path = doc::fresh_path();
    /// # std::fs::write(&path, "some text")?;
    /// assert_eq!(context.read_file(&path).await?, b"some text");
    /// # std::fs::remove_file(&path)?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn read_file(&self, path: &Path) -> Result<Vec<u8>> {
        let describe = |error: Error| error.during(OpKind::ReadFile).on(path);
        self.check_fork().map_err(describe)?;
        if self.inner.in_place && !self.is_shut_down() {
            self.proceed(0).await;
            if let Some(contents) = self.read_file_cached(path) {
                return Ok(contents);
            }
        }
        let op = Op::ReadFile { path: c_path(path, OpKind::ReadFile)? };
        match self.submit_borrowed(None, op).await.result? {
            Output::Contents(contents) => Ok(contents),
            Output::File(file) => self.read_on(&file).await.map_err(describe),
            other => Err(misfit(&other)),
        }
    }

    /// The contents of a file, if they and its path are cached.
    pub(super) fn read_file_cached(&self, path: &Path) -> Option<Vec<u8>> {
        let bytes_max = self.inner.config.in_place_bytes_max.min(IN_PLACE_BYTES_MAX);
        // An open file beyond the limit waits for its place where requests wait.
        let _place = self.inner.open_files.try_open().ok()?;
        let contents = read_cached(path, bytes_max).ok()??;
        self.inner.metrics.in_place(OpKind::ReadFile, contents.len(), contents.len());
        Some(contents)
    }

    /// Reads an open file to its end.
    async fn read_on(&self, file: &SharedFile) -> Result<Vec<u8>> {
        // What the system says is only where to start: files grow, and those of `/proc` are longer.
        let expected = match file.class().reads_what_is_there() {
            true => 0,
            false => self.metadata(file).await?.len(),
        };
        let expected = usize::try_from(expected).unwrap_or(usize::MAX - 1);
        let mut contents = Vec::new();
        let mut size = (expected + 1).max(UNKNOWN_LENGTH_BYTES);
        loop {
            let filled = contents.len();
            reserve(&mut contents, size - filled)?;
            let buffer = Buffer::from(contents);
            let (result, buffer) = self.read(file, buffer, filled..size, filled as u64).await;
            let bytes = result?;
            contents = Vec::from_buffer(buffer);
            let is_short = contents.len() < size && !file.class().reads_what_is_there();
            if bytes == 0 || is_short {
                return Ok(contents);
            }
            if contents.len() == size {
                size = size.saturating_mul(2);
            }
        }
    }
}

/// Room for so many more bytes, or an error where there is none: a length is the file's word.
fn reserve(contents: &mut Vec<u8>, more: usize) -> Result<()> {
    contents.try_reserve_exact(more).map_err(|_| {
        let message = format!("no memory for {} bytes", contents.len().saturating_add(more));
        Error::new(ErrorKind::InvalidInput, message).hint("read the file in parts")
    })
}

/// The contents, if the whole of them can be had without waiting. An error here is no verdict: the
/// pool asks again, and its answer counts.
fn read_cached(path: &Path, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let opened = path.with_nix_path(local::open_to_read_once)?;
    let Some((file, length)) = opened else { return Ok(None) };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > bytes_max {
        return Ok(None);
    }
    // One byte more than expected: a file that has grown shows.
    let capacity = length + 1;
    let mut buffer = Buffer::from(Vec::with_capacity(capacity));
    let mut filled = 0;
    while filled < capacity {
        let range = filled..capacity;
        match nowait::read(file.as_fd(), &mut buffer, range, filled as u64, Wait::Never, 0)? {
            0 => break,
            bytes => filled += bytes,
        }
        // All that was there when it was opened.
        if filled == length {
            break;
        }
    }
    buffer.set_len(filled);
    Ok((filled <= length).then(|| Vec::from_buffer(buffer)))
}
