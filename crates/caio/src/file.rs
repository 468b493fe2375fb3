//! An open file, shared by counting: the last share closes it.

mod class;
mod group_sync;
mod open_files;
mod pending_writes;
mod rw_flags;

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use nix::fcntl::AT_FDCWD;

use crate::config::BufferedWrites;
use crate::error::{Error, ErrorKind, Result};
use crate::flags::O_DIRECTORY;
use crate::in_place::HoldOff;
use crate::op::OpKind;
use crate::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use crate::sync::{Handoff, Mutex, lock};
use crate::sys::open_flags::NAMES_ONLY;
use crate::sys::statx;
use crate::worker_thread;

pub use class::{DirectAlignment, FileClass, FileSystem};
pub(crate) use class::{Inode, Traits};
pub(crate) use group_sync::{Begin, GroupSync, SyncRun};
pub(crate) use open_files::{NoPlace, OpenFiles, OpenPermit};
pub(crate) use pending_writes::{Deferred, PendingWrites};
pub use rw_flags::AtomicWriteLimits;
use rw_flags::RwFlags;
pub(crate) use rw_flags::is_refusal;

/// A counted reference to an open file and to what is known about it.
///
/// Handles hold one, and so does every request in flight: the descriptor cannot be closed, and its
/// number cannot be given to another file, while the kernel may still use it.
///
/// ```
/// use caio::SharedFile;
///
/// let file = SharedFile::new(std::fs::File::open("/dev/zero")?, "/dev/zero")?;
/// let share = file.clone();
/// drop(file);
/// // The descriptor stays open as long as there is a share.
/// assert!(share.file().metadata().is_ok());
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Clone)]
pub struct SharedFile {
    inner: Arc<Inner>,
}

struct Inner {
    /// `None` only while the last share is being dropped.
    file: Option<File>,
    /// Whether the descriptor is somebody else's, who closes it.
    is_borrowed: bool,
    path: Arc<Path>,
    traits: Traits,
    /// Shared with other descriptors of the same file, see [`SharedFile::with_writes_of`].
    state: Arc<State>,
    /// Whether a non-blocking read or write in place was refused as unsupported by this file.
    no_read_in_place: AtomicBool,
    no_write_in_place: AtomicBool,
    direct_alignment: OnceLock<Option<DirectAlignment>>,
    /// What does its buffered writes, where that is not as in its context.
    buffered_writes: OnceLock<BufferedWrites>,
    hold_off: OnceLock<Arc<HoldOff>>,
    rw_flags: RwFlags,
    /// The place among the open files that this one takes.
    place: OnceLock<OpenPermit>,
    released: Mutex<Vec<Handoff<Option<OwnedFd>>>>,
}

/// What is written, and whether it reached the device.
#[derive(Debug, Default)]
struct State {
    writes: PendingWrites,
    syncs: GroupSync,
    /// The errno of the first failed sync; 0 while none has failed.
    sync_failed: AtomicI32,
}

impl SharedFile {
    /// Shares an open file. `path` is for messages only.
    ///
    /// Examines the descriptor on the calling thread: fstat(2), fstatfs(2), fcntl(2) with
    /// `F_GETFL`, and for what is no regular file lseek(2) and poll(2). On a remote file system
    /// that may wait for the server.
    ///
    /// # Errors
    /// When the descriptor cannot be examined.
    pub fn new(file: File, path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let traits = class::examine(&file)
            .map_err(|error| Error::system(error).during(OpKind::Open).on(&path))?;
        Ok(Self::examined(file, path, traits))
    }

    /// Shares an open file of which all is known.
    pub(crate) fn examined(file: File, path: PathBuf, traits: Traits) -> Self {
        let inner = Inner {
            file: Some(file),
            is_borrowed: false,
            path: path.into(),
            traits,
            state: Arc::default(),
            no_read_in_place: AtomicBool::new(false),
            no_write_in_place: AtomicBool::new(false),
            direct_alignment: OnceLock::new(),
            buffered_writes: OnceLock::new(),
            hold_off: OnceLock::new(),
            rw_flags: RwFlags::default(),
            place: OnceLock::new(),
            released: Mutex::default(),
        };
        let shared = Self { inner: Arc::new(inner) };
        if shared.is_direct() {
            // Where the file was opened it may wait; later it must not.
            let _ = shared.direct_alignment();
        }
        shared
    }

    /// Shares an open file whose path is not known: `/dev/fd/N` in messages.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn from_std(file: File) -> Result<Self> {
        let path = PathBuf::from(format!("/dev/fd/{}", file.as_raw_fd()));
        Self::new(file, path)
    }

    /// Shares a descriptor that stays somebody else's and open for as long as the program runs:
    /// neither dropping nor closing the file closes it. Examined as by [`new`](Self::new).
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// use std::os::fd::AsFd;
    /// use std::sync::OnceLock;
    /// use caio::SharedFile;
    ///
    /// static VERSION: OnceLock<std::fs::File> = OnceLock::new();
    ///
    /// let file = std::fs::File::open("/proc/version")?;
    /// let version = VERSION.get_or_init(|| file);
    /// drop(SharedFile::borrowed(version.as_fd(), "/proc/version")?);
    /// context.close(SharedFile::borrowed(version.as_fd(), "/proc/version")?, true).await?;
    /// assert!(version.metadata().is_ok(), "it is still open");
    /// # Ok(())
    /// # });
    /// ```
    #[allow(unsafe_code)]
    pub fn borrowed(file: BorrowedFd<'static>, path: impl Into<PathBuf>) -> Result<Self> {
        // SAFETY: the descriptor stays open for as long as the program runs, and this value never
        // closes it: it is let go where the examination fails, and by `Inner`'s drop.
        let file = unsafe { File::from_raw_fd(file.as_raw_fd()) };
        let path = path.into();
        let traits = match class::examine(&file) {
            Ok(traits) => traits,
            Err(error) => {
                let _ = file.into_raw_fd();
                return Err(Error::system(error).during(OpKind::Open).on(&path));
            }
        };
        let mut shared = Self::examined(file, path, traits);
        if let Some(inner) = Arc::get_mut(&mut shared.inner) {
            inner.is_borrowed = true;
        }
        Ok(shared)
    }

    /// Another descriptor of the same open file, by dup(2): both have one position, one set of
    /// flags, the same writes under way and the same failed sync. Examined as by
    /// [`new`](Self::new).
    ///
    /// # Errors
    /// Where there is no descriptor left, or it cannot be examined.
    ///
    /// ```
    /// use std::io::{Seek, SeekFrom};
    /// use caio::SharedFile;
    ///
    /// let file = SharedFile::new(std::fs::File::open("/proc/version")?, "/proc/version")?;
    /// let other = file.duplicate()?;
    /// file.file().seek(SeekFrom::Start(5))?;
    /// assert_eq!(other.file().stream_position()?, 5);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn duplicate(&self) -> Result<Self> {
        let copy = self.file().try_clone();
        let copy = copy.map_err(|error| Error::system(error).doing("duplicate").on(self.path()))?;
        Self::new(copy, self.path())?.with_writes_of(self)
    }

    /// This descriptor as another one of `other`'s file, before it is shared. Both have the same
    /// writes under way, which syncs and truncations wait for, the same syncs, and the same error
    /// of one that failed.
    pub(crate) fn with_writes_of(self, other: &Self) -> Result<Self> {
        let Some(mut inner) = Arc::into_inner(self.inner) else {
            let message = "a file that is shared already cannot become another one's";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        };
        inner.state = Arc::clone(&other.inner.state);
        inner.buffered_writes.clone_from(&other.inner.buffered_writes);
        inner.rw_flags.clone_from(&other.inner.rw_flags);
        inner.path = Arc::clone(&other.inner.path);
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The file itself.
    #[must_use]
    #[inline]
    pub fn file(&self) -> &File {
        self.inner.file.as_ref().expect("the file is there while a share of it is")
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The same, for who keeps it.
    pub(crate) fn shared_path(&self) -> Arc<Path> {
        Arc::clone(&self.inner.path)
    }

    /// What kind of file it is.
    #[must_use]
    #[inline]
    pub fn class(&self) -> FileClass {
        self.inner.traits.class
    }

    /// The file system it lies on.
    #[must_use]
    #[inline]
    pub fn file_system(&self) -> FileSystem {
        self.inner.traits.file_system
    }

    /// Whether it was opened with `O_DIRECT`.
    #[must_use]
    #[inline]
    pub fn is_direct(&self) -> bool {
        self.inner.traits.direct
    }

    /// Whether it was opened with `O_APPEND`, where Linux ignores a write's offset.
    #[must_use]
    pub fn is_append(&self) -> bool {
        self.inner.traits.append
    }

    /// Whether it was opened to be read.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.inner.traits.readable
    }

    /// Whether it was opened to be written.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.inner.traits.writable
    }

    /// Whether offsets mean anything: false for pipes, sockets, terminals and event descriptors.
    #[must_use]
    pub fn is_seekable(&self) -> bool {
        self.inner.traits.seekable
    }

    /// The alignment that O_DIRECT needs on this file, from statx(2) with `STATX_DIOALIGN`, or a
    /// safe guess where the kernel does not tell; `None` where O_DIRECT is not supported. Asked
    /// once for each file: when it was opened with `O_DIRECT`, else by the first call.
    #[must_use]
    pub fn direct_alignment(&self) -> Option<DirectAlignment> {
        *self.inner.direct_alignment.get_or_init(|| statx::direct_alignment(self.as_fd()))
    }

    /// Has this file's buffered writes done in another way than those of its context. Only the
    /// first call has an effect.
    pub fn set_buffered_writes(&self, writes: BufferedWrites) {
        let _ = self.inner.buffered_writes.set(writes);
    }

    /// The way that was set for it.
    pub(crate) fn buffered_writes(&self) -> Option<BufferedWrites> {
        self.inner.buffered_writes.get().copied()
    }

    /// The waits of its device.
    pub(crate) fn hold_off(&self) -> &HoldOff {
        self.inner.hold_off.get_or_init(|| HoldOff::of(self.inode().device))
    }

    /// The error of the first fsync or fdatasync that failed on this file, which later ones
    /// repeat: the kernel reports a lost write once and then forgets it.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = doc::served_by(|request| {
    /// #     request.complete(Err(std::io::Error::from_raw_os_error(5)));
    /// # })?;
    /// # let file = doc::file_with(b"")?;
    /// // On a disk that answers EIO, which is 5:
    /// assert!(context.sync(&file, false).await.is_err());
    /// assert_eq!(file.sync_error().and_then(|error| error.raw_os_error()), Some(5));
    /// // After everything has been written again:
    /// file.clear_sync_error();
    /// assert!(file.sync_error().is_none());
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn sync_error(&self) -> Option<io::Error> {
        match self.inner.state.sync_failed.load(Ordering::Acquire) {
            0 => None,
            errno => Some(io::Error::from_raw_os_error(errno)),
        }
    }

    /// Forgets the failed sync, for a caller that has written everything again.
    pub fn clear_sync_error(&self) {
        self.inner.state.sync_failed.store(0, Ordering::Release);
    }

    /// Gives up this share. The result is ready when the last share is gone: with the descriptor,
    /// so that its `close` can be awaited and its error seen, or with `None` where an earlier call
    /// on another share gets it.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # use doc::poll_once;
    /// use caio::SharedFile;
    ///
    /// let file = SharedFile::new(std::fs::File::open("/dev/zero")?, "/dev/zero")?;
    /// let in_use = file.clone();
    /// let mut released = file.released();
    /// assert!(poll_once(&mut released).is_none());
    /// drop(in_use);
    /// assert!(matches!(poll_once(&mut released), Some(Some(_))));
    /// # Ok::<(), caio::Error>(())
    /// ```
    /// Dropping the future leaves the closing to the last user.
    pub fn released(self) -> impl Future<Output = Option<OwnedFd>> + Send + Unpin + use<> {
        let handoff = Handoff::default();
        lock(&self.inner.released).push(handoff.clone());
        handoff
    }

    /// Notes that a sync failed, if it is the first one.
    pub(crate) fn fail_sync(&self, errno: i32) {
        let failed = &self.inner.state.sync_failed;
        let _ = failed.compare_exchange(0, errno, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Keeps the place among the open files until the file closes.
    pub(crate) fn keep_place(&self, place: OpenPermit) {
        let _ = self.inner.place.set(place.hold());
    }

    pub(crate) fn syncs(&self) -> &GroupSync {
        &self.inner.state.syncs
    }

    pub(crate) fn writes(&self) -> &PendingWrites {
        &self.inner.state.writes
    }

    pub(crate) fn inode(&self) -> Inode {
        self.inner.traits.inode
    }

    #[inline]
    pub(crate) fn refuses_in_place(&self, write: bool) -> &AtomicBool {
        if write { &self.inner.no_write_in_place } else { &self.inner.no_read_in_place }
    }
}

impl AsFd for SharedFile {
    #[inline]
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file().as_fd()
    }
}

impl AsRawFd for SharedFile {
    fn as_raw_fd(&self) -> RawFd {
        self.file().as_raw_fd()
    }
}

impl fmt::Debug for SharedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedFile")
            .field("path", &self.inner.path)
            .field("fd", &self.as_raw_fd())
            .field("traits", &self.inner.traits)
            .finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.is_borrowed {
            let _ = self.file.take().map(IntoRawFd::into_raw_fd);
        }
        let waiting = std::mem::take(&mut *lock(&self.released));
        if waiting.is_empty() {
            // close(2) there may wait for the server, and this may be an executor's thread.
            if self.traits.file_system == FileSystem::Remote {
                worker_thread::close(self.file.take());
            }
            return;
        }
        let mut descriptor = self.file.take().map(OwnedFd::from);
        for handoff in waiting {
            handoff.give(descriptor.take());
        }
    }
}

/// A descriptor for what has to name one and has none: nothing can be read, written or synced
/// through it (EBADF). It is one for the whole process, names the root directory, is opened when it
/// is first asked for and stays open.
///
/// ```
/// use std::io::Read;
///
/// let closed = caio::closed_descriptor().try_clone_to_owned()?;
/// assert!(std::fs::File::from(closed).read(&mut [0]).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn closed_descriptor() -> BorrowedFd<'static> {
    static ROOT: OnceLock<File> = OnceLock::new();
    if let Some(root) = ROOT.get() {
        return root.as_fd();
    }
    match File::options().read(true).custom_flags(NAMES_ONLY | O_DIRECTORY).open("/") {
        Ok(root) => ROOT.get_or_init(|| root).as_fd(),
        // Where no descriptor is left: the number that stands for the working directory in calls
        // that take a path, and for nothing in all others.
        Err(_) => AT_FDCWD,
    }
}
