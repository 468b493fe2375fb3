//! Opening, closing, and what concerns a file as a whole.

use std::ffi::CString;
use std::fs::Metadata;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::NixPath;
use nix::fcntl::{FcntlArg, fcntl};

use super::Context;
use super::transfer::misfit;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{SharedFile, Traits};
use crate::op::{Op, OpKind, Output};
use crate::pending_count::shut_down;
use crate::sys::{local, open_flags};

impl Context {
    /// Opens a file with `O_*` flags and, where it is created, a mode. `O_CLOEXEC` is added.
    ///
    /// A regular file that is opened for reading alone and whose path is cached, on a mount that is
    /// known to be local from an earlier look, costs six system calls on the calling thread and no
    /// hop. Any other costs one hop to the pool, in which the file is also examined.
    ///
    /// A FIFO that is opened for reading is open at once, and its first read waits for a writer;
    /// one that is opened for writing is open when it has a reader, for which no thread waits.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a path with a NUL byte; EMFILE where as many files are open
    /// as [`Config::max_open_files`](crate::Config) says and only closing one would make room;
    /// else what open(2) answers.
    ///
    /// # Cancel safety
    /// Dropping the future closes the descriptor that the system may still give.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let path = doc::fresh_path();
    /// use caio::flags;
    ///
    /// let file = context.open(&path, flags::O_RDWR | flags::O_CREAT, 0o600).await?;
    /// assert!(file.file().metadata()?.is_file());
    /// context.close(file, true).await?;
    /// # std::fs::remove_file(&path)?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn open(&self, path: &Path, flags: i32, mode: u32) -> Result<SharedFile> {
        if let Some(file) = self.open_in_place(path, flags).await? {
            return Ok(file);
        }
        let op = Op::Open { path: c_path(path, OpKind::Open)?, flags, mode };
        match self.submit_borrowed(None, op).await.result {
            Ok(Output::File(file)) => Ok(file),
            Ok(other) => Err(misfit(&other)),
            Err(error) => Err(match error.raw_os_error() {
                Some(libc::EMFILE) if error.cure().is_none() => error.hint(
                    "too many descriptors are open: raise `ulimit -n` or lower max_open_files",
                ),
                Some(libc::EINVAL)
                    if open_flags::DIRECT.is_some_and(|direct| flags & direct != 0) =>
                {
                    error.hint("this file system may not support O_DIRECT")
                }
                _ => error,
            }),
        }
    }

    /// Opens a regular file for reading on the calling thread, where that needs no waiting.
    async fn open_in_place(&self, path: &Path, flags: i32) -> Result<Option<SharedFile>> {
        if !is_plain(flags) || !self.inner.in_place || self.is_shut_down() {
            return Ok(None);
        }
        self.check_fork().map_err(|error| error.during(OpKind::Open).on(path))?;
        self.proceed(0).await;
        Ok(self.open_cached(path, flags))
    }

    /// A regular file that is opened for reading, if its path is cached.
    pub(super) fn open_cached(&self, path: &Path, flags: i32) -> Option<SharedFile> {
        if !is_plain(flags) {
            return None;
        }
        // An open file beyond the limit waits for its place where requests wait.
        let place = self.inner.open_files.try_open().ok()?;
        // A path with a NUL byte is refused elsewhere.
        let opened = path.with_nix_path(|name| local::open(name, flags)).ok()?;
        let (file, inode, file_system) = opened?;
        self.inner.metrics.in_place_other();
        let traits = Traits::of_regular(inode, file_system);
        let file = SharedFile::examined(file, path.to_owned(), traits);
        file.keep_place(place);
        Some(file)
    }

    /// Opens the file once more without `O_DIRECT`, with all its other flags. Both descriptors are
    /// one file to the engine: they share the writes under way, which syncs and truncations wait
    /// for, the syncs, and the error of one that failed. The kernel keeps both views coherent: a
    /// direct read first writes the cached blocks out, a direct write drops them. One hop.
    ///
    /// # Errors
    /// As for [`open`](Self::open): the system looks at the file's permissions again.
    ///
    /// # Cancel safety
    /// As for [`open`](Self::open).
    pub async fn reopen_buffered(&self, file: &SharedFile) -> Result<SharedFile> {
        let describe = |error: Error| error.during(OpKind::Open).on(file.path());
        let flags = fcntl(file, FcntlArg::F_GETFL)
            .map_err(|errno| describe(Error::system(errno.into())))?;
        let flags = flags & !open_flags::DIRECT.unwrap_or(0);
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let opened = self.open(&path, flags, 0).await.map_err(describe)?;
        opened.with_writes_of(file)
    }

    /// Gives up this share of the file. When it was the last handle's (`last`), waits until no
    /// operation uses the file any more and closes it with close(2), whose error is returned. One
    /// hop.
    ///
    /// # Errors
    /// What close(2) answers. The descriptor is gone all the same.
    /// [`ErrorKind::Shutdown`] where a shutdown has given up what uses the file, which closes it.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the closing to whoever uses the file last.
    pub async fn close(&self, file: SharedFile, last: bool) -> Result<()> {
        if !last {
            return Ok(());
        }
        self.check_fork().map_err(|error| error.during(OpKind::Close).on(file.path()))?;
        let path = file.path().to_owned();
        let released = self.release(file).await.map_err(|error| error.during(OpKind::Close))?;
        let Some(descriptor) = released else { return Ok(()) };
        let outcome = self.submit_borrowed(None, Op::Close { file: descriptor }).await;
        outcome.result.map(drop).map_err(|error| error.on(&path))
    }

    /// Gives up this share of the file, and waits until no operation uses the file any more, as
    /// [`SharedFile::released`] does.
    ///
    /// # Errors
    /// [`ErrorKind::Shutdown`] where a shutdown has given up what uses the file, which closes it.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the closing to whoever uses the file last.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"")?;
    /// let descriptor = context.release(file).await?;
    /// assert!(descriptor.is_some(), "nobody else had it");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn release(&self, file: SharedFile) -> Result<Option<OwnedFd>> {
        let path = file.path().to_owned();
        let released = self.inner.given_up.or(file.released()).await;
        released.ok_or_else(|| shut_down().on(&path))
    }

    /// fstat(2). On the calling thread where the file system is known to have the answer in memory;
    /// else one hop.
    ///
    /// # Errors
    /// What the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn metadata(&self, file: &SharedFile) -> Result<Metadata> {
        let describe = |error: Error| error.during(OpKind::Metadata).on(file.path());
        if self.inner.in_place && file.file_system().is_local() && !self.is_shut_down() {
            self.check_fork().map_err(describe)?;
            self.proceed(0).await;
            self.inner.metrics.in_place_other();
            return file.file().metadata().map_err(|error| describe(Error::system(error)));
        }
        match self.submit_borrowed(Some(file), Op::Metadata).await.result? {
            Output::Metadata(metadata) => Ok(*metadata),
            other => Err(misfit(&other)),
        }
    }

    /// ftruncate(2): cuts or extends the file to `length` bytes. One hop. Waits for the writes
    /// that had started before, so that none of them lands behind the new end.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a length beyond 2^63 - 1; else what the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future before a thread has begun leaves all as it was; later, it is done.
    pub async fn set_length(&self, file: &SharedFile, length: u64) -> Result<()> {
        if i64::try_from(length).is_err() {
            let error = Error::new(
                ErrorKind::InvalidInput,
                format!("length {length} is beyond the largest file offset, 2^63 - 1"),
            );
            return Err(error.during(OpKind::SetLength).on(file.path()));
        }
        self.submit_borrowed(Some(file), Op::SetLength { length }).await.result.map(drop)
    }
}

/// Whether a file is only read from then on, and nothing is done to it.
fn is_plain(flags: i32) -> bool {
    flags & !(libc::O_CLOEXEC | libc::O_NOFOLLOW) == libc::O_RDONLY
}

/// The path as the system wants it.
pub(super) fn c_path(path: &Path, kind: OpKind) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| {
        let error = Error::new(ErrorKind::InvalidInput, "the path contains a NUL byte");
        error.during(kind).on(path)
    })
}
