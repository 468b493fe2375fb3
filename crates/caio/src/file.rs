//! An open file, shared by counting: the last share closes it.

mod class;
mod follower;
mod sync_group;
mod write_order;

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll};

use crate::error::{Error, Result};
use crate::limit::Permit;
use crate::op::OpKind;
use crate::sync::{Handoff, lock};

pub use class::{DirectAlignment, FileClass, FileSystem};
use follower::Followers;
pub(crate) use follower::{FileId, Follower};
pub(crate) use sync_group::{SyncGroup, Turn};
pub(crate) use write_order::WriteOrder;

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
    path: PathBuf,
    traits: Traits,
    write_order: WriteOrder,
    sync_group: SyncGroup,
    followers: Followers,
    /// The errno of the first failed sync; 0 while none has failed.
    sync_failed: AtomicI32,
    /// Whether a non-blocking read or write in place was refused as unsupported by this file.
    no_read_in_place: AtomicBool,
    no_write_in_place: AtomicBool,
    no_polling: AtomicBool,
    direct_alignment: OnceLock<Option<DirectAlignment>>,
    /// The place among the open files that this one takes.
    place: OnceLock<Permit>,
    last_word: Mutex<Option<Handoff<OwnedFd>>>,
}

/// What an open file is like, as found when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traits {
    pub(crate) class: FileClass,
    pub(crate) file_system: FileSystem,
    pub(crate) direct: bool,
    pub(crate) append: bool,
    pub(crate) seekable: bool,
}

impl SharedFile {
    /// Shares an open file. `path` is for messages only.
    ///
    /// Costs three system calls: fstat(2), fstatfs(2) and fcntl(2) with `F_GETFL`.
    ///
    /// # Errors
    /// When the descriptor cannot be examined.
    ///
    /// ```
    /// use std::path::Path;
    /// use caio::SharedFile;
    ///
    /// let file = SharedFile::new(std::fs::File::open("/dev/zero")?, "zeros")?;
    /// assert_eq!(file.path(), Path::new("zeros"));
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn new(file: File, path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let traits = class::examine(&file)
            .map_err(|error| Error::system(error).during(OpKind::Open).on(&path))?;
        let inner = Inner {
            file: Some(file),
            path,
            traits,
            write_order: WriteOrder::default(),
            sync_group: SyncGroup::default(),
            followers: Followers::default(),
            sync_failed: AtomicI32::new(0),
            no_read_in_place: AtomicBool::new(false),
            no_write_in_place: AtomicBool::new(false),
            no_polling: AtomicBool::new(false),
            direct_alignment: OnceLock::new(),
            place: OnceLock::new(),
            last_word: Mutex::new(None),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Shares an open file whose path nobody knows.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    ///
    /// ```
    /// use std::os::fd::AsRawFd;
    /// use caio::SharedFile;
    ///
    /// let file = SharedFile::from_std(std::fs::File::open("/dev/zero")?)?;
    /// assert_eq!(file.path().to_str(), Some(&*format!("/dev/fd/{}", file.as_raw_fd())));
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn from_std(file: File) -> Result<Self> {
        let path = PathBuf::from(format!("/dev/fd/{}", file.as_raw_fd()));
        Self::new(file, path)
    }

    /// The file itself.
    ///
    /// ```
    /// let file = caio::SharedFile::new(std::fs::File::open("/")?, "/")?;
    /// assert!(file.file().metadata()?.is_dir());
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn file(&self) -> &File {
        self.inner.file.as_ref().expect("the file is there while a share of it is")
    }

    /// The path it was opened by.
    ///
    /// ```
    /// let file = caio::SharedFile::new(std::fs::File::open("/dev/zero")?, "/dev/zero")?;
    /// assert_eq!(file.path().display().to_string(), "/dev/zero");
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// What kind of file it is.
    ///
    /// ```
    /// use caio::{FileClass, SharedFile};
    ///
    /// let open = |path: &str| SharedFile::new(std::fs::File::open(path)?, path);
    /// assert_eq!(open("/")?.class(), FileClass::Directory);
    /// assert_eq!(open("/dev/zero")?.class(), FileClass::Character);
    /// assert_eq!(open("/proc/self/stat")?.class(), FileClass::Pseudo);
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn class(&self) -> FileClass {
        self.inner.traits.class
    }

    /// The file system it lies on.
    ///
    /// ```
    /// use caio::{FileSystem, SharedFile};
    ///
    /// let file = SharedFile::new(std::fs::File::open("/proc/self/stat")?, "stat")?;
    /// // procfs has no name of its own here: nothing depends on it.
    /// assert_eq!(file.file_system(), FileSystem::Other);
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn file_system(&self) -> FileSystem {
        self.inner.traits.file_system
    }

    /// Whether it was opened with `O_DIRECT`.
    ///
    /// ```
    /// use std::{fs::File, os::unix::fs::OpenOptionsExt};
    /// use caio::{SharedFile, flags};
    ///
    /// assert!(!SharedFile::from_std(File::open("/proc/self/exe")?)?.is_direct());
    /// let mut options = File::options();
    /// match options.read(true).custom_flags(flags::O_DIRECT).open("/proc/self/exe") {
    ///     Ok(file) => assert!(SharedFile::from_std(file)?.is_direct()),
    ///     Err(error) => assert_eq!(error.raw_os_error(), Some(22), "no O_DIRECT here: EINVAL"),
    /// }
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn is_direct(&self) -> bool {
        self.inner.traits.direct
    }

    /// Whether it was opened with `O_APPEND`, where Linux ignores a write's offset.
    ///
    /// ```
    /// use std::fs::File;
    /// use caio::SharedFile;
    ///
    /// let log = File::options().append(true).open("/dev/null")?;
    /// assert!(SharedFile::from_std(log)?.is_append());
    /// let other = File::options().write(true).open("/dev/null")?;
    /// assert!(!SharedFile::from_std(other)?.is_append());
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn is_append(&self) -> bool {
        self.inner.traits.append
    }

    /// Whether offsets mean anything: false for pipes, sockets and terminals.
    ///
    /// ```
    /// use std::{fs::File, os::fd::OwnedFd};
    /// use caio::SharedFile;
    ///
    /// let (reader, _writer) = std::io::pipe()?;
    /// let pipe = SharedFile::new(File::from(OwnedFd::from(reader)), "pipe")?;
    /// assert!(!pipe.is_seekable());
    /// assert!(SharedFile::from_std(File::open("/proc/self/exe")?)?.is_seekable());
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn is_seekable(&self) -> bool {
        self.inner.traits.seekable
    }

    /// The alignment that O_DIRECT needs on this file, from statx(2) with `STATX_DIOALIGN`, or a
    /// safe guess where the kernel does not tell; `None` where O_DIRECT is not supported. Asked
    /// once for each file.
    ///
    /// ```
    /// # use std::os::unix::fs::OpenOptionsExt;
    /// use std::os::unix::fs::FileExt;
    /// use caio::{AlignedBuffer, SharedFile};
    ///
    /// # let mut options = std::fs::File::options();
    /// # options.read(true).custom_flags(caio::flags::O_DIRECT);
    /// # // EINVAL is the answer of a file system that has no O_DIRECT.
    /// # let opened_with_o_direct = match options.open("/proc/self/exe") {
    /// #     Err(error) if error.raw_os_error() == Some(22) => return Ok(()),
    /// #     opened => opened?,
    /// # };
    /// let file = SharedFile::new(opened_with_o_direct, "program")?;
    /// if let Some(alignment) = file.direct_alignment() {
    ///     let mut block = AlignedBuffer::new(alignment.read as usize, alignment.memory);
    ///     block.resize(block.capacity());
    ///     file.file().read_exact_at(&mut block, 0)?;
    ///     assert!(block.starts_with(b"\x7fELF"));
    /// }
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn direct_alignment(&self) -> Option<DirectAlignment> {
        *self.inner.direct_alignment.get_or_init(|| class::direct_alignment(self.file()))
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
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn sync_error(&self) -> Option<io::Error> {
        match self.inner.sync_failed.load(Ordering::Acquire) {
            0 => None,
            errno => Some(io::Error::from_raw_os_error(errno)),
        }
    }

    /// Forgets the failed sync, for a caller that has written everything again.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = doc::served_by(|request| {
    /// #     request.complete(Err(std::io::Error::from_raw_os_error(5)));
    /// # })?;
    /// # let file = doc::file_with(b"")?;
    /// assert!(context.sync(&file, false).await.is_err());
    /// // Write everything again, then:
    /// file.clear_sync_error();
    /// assert!(file.sync_error().is_none());
    /// # Ok(())
    /// # });
    /// ```
    pub fn clear_sync_error(&self) {
        self.inner.sync_failed.store(0, Ordering::Release);
    }

    /// Gives up this share. The result is ready with the descriptor when the last share is gone,
    /// so that its `close` can be awaited and its error seen.
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
    /// assert!(poll_once(&mut released).is_some());
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn released(self) -> Released {
        let word = Handoff::default();
        *lock(&self.inner.last_word) = Some(word.clone());
        Released { word }
    }

    pub(crate) fn fail_sync(&self, errno: i32) {
        let _ =
            self.inner.sync_failed.compare_exchange(0, errno, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Keeps the place among the open files until the file closes.
    pub(crate) fn keep_place(&self, place: Permit) {
        let _ = self.inner.place.set(place);
    }

    pub(crate) fn sync_group(&self) -> &SyncGroup {
        &self.inner.sync_group
    }

    pub(crate) fn id(&self) -> FileId {
        self.inner.followers.id()
    }

    /// Has `follower` told when the last share goes, before the descriptor is closed.
    pub(crate) fn add_follower(&self, follower: Weak<dyn Follower>) {
        self.inner.followers.add(follower);
    }

    pub(crate) fn write_order(&self) -> &WriteOrder {
        &self.inner.write_order
    }

    /// Whether the device or the file system has no polling for completions.
    pub(crate) fn refuses_polling(&self) -> &AtomicBool {
        &self.inner.no_polling
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
        self.followers.let_go();
        let word = lock(&self.last_word).take();
        if let (Some(word), Some(file)) = (word, self.file.take()) {
            word.give(file.into());
        }
    }
}

/// The descriptor of a file, once nobody uses it any more. Dropping this leaves the closing to the
/// last user.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// use std::fs::File;
/// use caio::{Released, SharedFile};
///
/// let file = SharedFile::new(File::open("/")?, "/")?;
/// let released: Released = file.released();
/// assert!(File::from(released.await).metadata()?.is_dir());
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
pub struct Released {
    word: Handoff<OwnedFd>,
}

impl Future for Released {
    type Output = OwnedFd;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<OwnedFd> {
        Pin::new(&mut self.word).poll(cx)
    }
}
