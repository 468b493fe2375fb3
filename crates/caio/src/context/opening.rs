//! Opening, closing and all that concerns a file as a whole.

use std::ffi::CString;
use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::transfer::misfit;
use super::{Context, operation};
use crate::error::{Error, ErrorKind, Result};
use crate::file::{FileClass, FileSystem, SharedFile, Turn};
use crate::limit::Permit;
use crate::op::{Op, OpKind, Output};
use crate::sys::{open_flags, openat2};

impl Context {
    /// Opens a file with `O_*` flags and, where it is created, a mode. `O_CLOEXEC` is added.
    ///
    /// A file whose path is in the directory cache is opened on the calling thread (openat2(2)
    /// with `RESOLVE_CACHED`); everything else costs one hop to the pool. Waits while as many
    /// files are open as [`Config::max_open_files`](crate::Config) says.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a path with a NUL byte; else what open(2) answers.
    ///
    /// # Cancel safety
    /// Dropping the future closes the descriptor that the system may still give.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let path = doc::fresh_path();
    /// use std::io;
    /// use caio::flags;
    ///
    /// let new = flags::O_RDWR | flags::O_CREAT | flags::O_EXCL;
    /// let file = context.open(&path, new, 0o600).await?;
    /// assert_eq!(file.path(), path);
    /// let error = context.open(&path, new, 0o600).await.unwrap_err();
    /// assert_eq!(error.io_kind(), io::ErrorKind::AlreadyExists);
    /// # std::fs::remove_file(&path)?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn open(&self, path: &Path, flags: i32, mode: u32) -> Result<SharedFile> {
        let Ok(name) = CString::new(path.as_os_str().as_bytes()) else {
            let error = Error::new(ErrorKind::InvalidInput, "the path contains a NUL byte");
            return Err(error.during(OpKind::Open).on(path));
        };
        let place = self.place().await.map_err(|error| error.during(OpKind::Open).on(path))?;
        let file = match self.open_cached(path, &name, flags, mode) {
            Some(result) => result?,
            None => self.open_by_pool(path, name, flags, mode).await?,
        };
        file.keep_place(place);
        Ok(file)
    }

    /// Gives up this share of the file. When it was the last handle's (`last`), waits until no
    /// operation uses the file any more and closes it with close(2), whose error is returned.
    ///
    /// # Errors
    /// What close(2) answers. The descriptor is gone all the same.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the closing to whoever uses the file last.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// use std::{fs::File, io::Read, os::fd::OwnedFd};
    /// use caio::SharedFile;
    ///
    /// let (mut reader, writer) = std::io::pipe()?;
    /// let file = SharedFile::new(File::from(OwnedFd::from(writer)), "pipe")?;
    /// context.close(file.clone(), false).await?;
    /// assert!(file.file().metadata().is_ok(), "others go on using it");
    /// context.close(file, true).await?;
    /// assert_eq!(reader.read(&mut [0])?, 0, "no writer is left");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn close(&self, file: SharedFile, last: bool) -> Result<()> {
        if !last {
            return Ok(());
        }
        self.at_home().map_err(|error| error.during(OpKind::Close).on(file.path()))?;
        let path = file.path().to_owned();
        let released = file.released().await;
        let outcome = self.brief(None, Op::Close { file: released }).await;
        match outcome.result {
            Ok(_) => Ok(()),
            Err(error) => Err(error.on(&path)),
        }
    }

    /// fsync(2), or with `data_only` fdatasync(2). Covers every write to this file that had
    /// started before, and waits for them first. Calls that come while a sync of the file is
    /// running share the next one: see [`Snapshot`](crate::Snapshot) for how many were submitted.
    ///
    /// A sync that failed stays failed: the kernel reports lost data once and forgets it, so later
    /// calls repeat the error until [`SharedFile::clear_sync_error`]. Nothing retries it.
    ///
    /// # Errors
    /// What the system answers, now or at the first failure.
    ///
    /// # Cancel safety
    /// Dropping the future says nothing about whether the data reached the device.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"")?;
    /// use caio::Buffer;
    ///
    /// context.write(&file, Buffer::from(&b"data"[..]), 0..4, 0).await.0?;
    /// let before = context.counters().submitted;
    /// context.sync(&file, true).await?;
    /// assert!(context.counters().submitted > before);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn sync(&self, file: &SharedFile, data_only: bool) -> Result<()> {
        let kind = if data_only { OpKind::Fdatasync } else { OpKind::Fsync };
        self.at_home().map_err(|error| error.during(kind).on(file.path()))?;
        let mut request = file.sync_group().request(data_only);
        let turn = (&mut request).await;
        if let Some(error) = file.sync_error() {
            return Err(lost(Error::system(error).during(kind).on(file.path())));
        }
        let Turn::Lead(lead) = turn else { return Ok(()) };
        if !file.write_order().is_settled() {
            file.write_order().settled().await;
        }
        let op = if lead.data_only { Op::Fdatasync } else { Op::Fsync };
        match self.brief(Some(file), op).await.result {
            Ok(_) => {
                lead.succeeded();
                Ok(())
            }
            Err(error) => match error.raw_os_error() {
                Some(errno) if is_loss(errno) => {
                    file.fail_sync(errno);
                    Err(lost(error))
                }
                _ => Err(error),
            },
        }
    }

    /// fstat(2). On the calling thread for local file systems, where it reads memory; else one
    /// hop.
    ///
    /// # Errors
    /// What the system answers.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"some text")?;
    /// let metadata = context.metadata(&file).await?;
    /// assert!(metadata.is_file());
    /// assert_eq!(metadata.len(), 9);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn metadata(&self, file: &SharedFile) -> Result<Metadata> {
        if self.inner.config.in_place && is_local(file) {
            self.inner.counters().in_place_other();
            let result = file.file().metadata();
            return result
                .map_err(|error| Error::system(error).during(OpKind::Metadata).on(file.path()));
        }
        match self.brief(Some(file), Op::Metadata).await.result? {
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
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"some text")?;
    /// context.set_length(&file, 4).await?;
    /// assert_eq!(context.metadata(&file).await?.len(), 4);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn set_length(&self, file: &SharedFile, length: u64) -> Result<()> {
        if i64::try_from(length).is_err() {
            let error = Error::new(
                ErrorKind::InvalidInput,
                format!("length {length} is beyond the largest file offset, 2^63 - 1"),
            );
            return Err(error.during(OpKind::SetLength).on(file.path()));
        }
        self.at_home().map_err(|error| error.during(OpKind::SetLength).on(file.path()))?;
        if !file.write_order().is_settled() {
            file.write_order().settled().await;
        }
        self.brief(Some(file), Op::SetLength { length }).await.result.map(drop)
    }

    /// Waits for a place among the open files.
    pub(super) async fn place(&self) -> Result<Permit> {
        self.at_home()?;
        self.inner.open_files.acquire(0).await.ok_or_else(operation::shut_down)
    }

    /// `None` when opening has to wait for a disk, or may block for another reason.
    fn open_cached(
        &self,
        path: &Path,
        name: &CString,
        flags: i32,
        mode: u32,
    ) -> Option<Result<SharedFile>> {
        if !self.inner.config.in_place || flags & open_flags::CHANGING != 0 {
            return None;
        }
        // Without O_NONBLOCK a FIFO would block until its other end opens.
        let descriptor = match openat2::cached(name, flags | libc::O_NONBLOCK, mode) {
            Ok(descriptor) => descriptor,
            Err(error) => {
                return is_final(&error)
                    .then(|| Err(Error::system(error).during(OpKind::Open).on(path)));
            }
        };
        let file = match SharedFile::new(File::from(descriptor), path) {
            Ok(file) => file,
            Err(error) => return Some(Err(error)),
        };
        // A FIFO or a terminal must be opened as asked, with all the waiting that belongs to it.
        if file.class() == FileClass::Stream && flags & libc::O_NONBLOCK == 0 {
            return None;
        }
        if flags & libc::O_NONBLOCK == 0 {
            let kept = OFlag::from_bits_retain(flags & open_flags::SETTABLE);
            fcntl(&file, FcntlArg::F_SETFL(kept)).ok()?;
        }
        self.inner.counters().in_place_other();
        Some(Ok(file))
    }

    async fn open_by_pool(
        &self,
        path: &Path,
        name: CString,
        flags: i32,
        mode: u32,
    ) -> Result<SharedFile> {
        let op = Op::Open { path: name, flags, mode };
        match self.brief(None, op).await.result {
            Ok(Output::File(descriptor)) => SharedFile::new(File::from(descriptor), path),
            Ok(other) => Err(misfit(&other)),
            Err(error) => Err(match error.raw_os_error() {
                Some(libc::EMFILE) => error.hint(
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
}

/// Whether the directory cache's answer holds, so that asking the disk would not change it.
fn is_final(error: &std::io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ENOENT
                | libc::EACCES
                | libc::EISDIR
                | libc::ENOTDIR
                | libc::ELOOP
                | libc::ENAMETOOLONG
                | libc::EROFS
        )
    )
}

/// Where a file's metadata lies in memory while it is open.
fn is_local(file: &SharedFile) -> bool {
    file.file_system() != FileSystem::Other || file.class() != FileClass::Regular
}

/// Whether an errno of a sync means that data may be lost, and not merely that this file cannot be
/// synced.
fn is_loss(errno: i32) -> bool {
    // What macOS answers where a file has no F_FULLFSYNC; on Linux the one is EOPNOTSUPP by
    // another name, and the other no answer to a sync.
    let is_unsupported = errno == libc::ENOTSUP || errno == libc::ENOTTY;
    let is_harmless = matches!(
        errno,
        libc::EINVAL
            | libc::EBADF
            | libc::EROFS
            | libc::ENOSYS
            | libc::EOPNOTSUPP
            | libc::ECANCELED
            | libc::EINTR
    );
    !is_unsupported && !is_harmless
}

fn lost(error: Error) -> Error {
    error.hint("written data may be lost, and syncing again would not tell: write it all again")
}
