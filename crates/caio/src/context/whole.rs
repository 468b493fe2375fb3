//! Small files, whole: opened, read and closed in one go.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Context;
use super::transfer::misfit;
use crate::buffer::{Buffer, OwnedBuffer};
use crate::error::{Error, ErrorKind, Result};
use crate::op::{Op, OpKind, Output};
use crate::sys::nowait::{self, Wait};
use crate::sys::openat2;

impl Context {
    /// The contents of a whole file, as `std::fs::read` gives them.
    ///
    /// A file of up to 128 KiB that is cached, with its path, costs five system calls on the
    /// calling thread and no hop. Any other costs one hop to the pool: opening, reading and closing
    /// are one operation.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a path with a NUL byte; else what the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing and leaks no descriptor.
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
        let Ok(name) = CString::new(path.as_os_str().as_bytes()) else {
            let error = Error::new(ErrorKind::InvalidInput, "the path contains a NUL byte");
            return Err(error.during(OpKind::ReadFile).on(path));
        };
        let place = self.place().await.map_err(|error| error.during(OpKind::ReadFile).on(path))?;
        if self.inner.config.in_place {
            // The length is not known yet, and for small files opening costs more than copying.
            poll_fn(|cx| self.poll_budget(cx, OPENING_BYTES)).await;
            let bytes_max = self.inner.config.in_place_bytes_max.min(WHOLE_BYTES_MAX);
            if let Ok(Some(contents)) = read_cached(&name, bytes_max) {
                self.inner.counters().in_place(OpKind::ReadFile, contents.len(), contents.len());
                return Ok(contents);
            }
        }
        let outcome = self.brief(None, Op::ReadFile { path: name }).await;
        drop(place);
        match outcome.result? {
            Output::Contents(contents) => Ok(contents),
            other => Err(misfit(&other)),
        }
    }
}

/// The largest file that is read on the caller's thread: it cannot stop halfway to let others run.
const WHOLE_BYTES_MAX: usize = 128 * 1024;

/// What opening and closing cost, expressed in bytes copied.
const OPENING_BYTES: usize = 8 * 1024;

/// The contents, if the whole of them can be had without waiting. An error here is no verdict: the
/// pool asks again, and its answer counts.
fn read_cached(name: &CStr, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    // Without O_NONBLOCK a FIFO would block until its other end opens.
    let file = File::from(openat2::cached(name, libc::O_RDONLY | libc::O_NONBLOCK, 0)?);
    let metadata = file.metadata()?;
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if !metadata.is_file() || length > bytes_max {
        return Ok(None);
    }
    // One byte more than expected: only a read that finds nothing more is the end.
    let capacity = length + 1;
    let mut buffer = Buffer::from(Vec::with_capacity(capacity));
    let mut filled = 0;
    while filled < capacity {
        let range = filled..capacity;
        match nowait::read(file.as_fd(), &mut buffer, range, filled as u64, Wait::Never)? {
            0 => {
                buffer.set_len(filled);
                return Ok(Some(Vec::from_buffer(buffer)));
            }
            bytes => filled += bytes,
        }
    }
    Ok(None)
}
