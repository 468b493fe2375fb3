//! What the kernel is asked for with each read and write of a file: flags of preadv2(2) and
//! pwritev2(2).

use std::io;

use caio::{AtomicWriteLimits, Result, SharedFile};

use super::OpenOptions;
use crate::aio_file::AioFile;

impl OpenOptions {
    /// Have what is read and written through this file leave the page cache again: a read's pages
    /// when they were copied, a write's when they are on the device, to which the kernel begins to
    /// write them at once (`RWF_DONTCACHE`). So a scan or a long copy takes no memory from others,
    /// without the rules of [`direct`](Self::direct), beside which it has no effect. What was
    /// cached before stays, and so do on ext4 blocks that are written over (Linux 6.18).
    ///
    /// It costs what the cache would save: a page of which only a part was read is read again for
    /// the next part, so that reads should be long, 128 KiB or more. Writes take a hop to the pool
    /// on all file systems that have it. `Ok` from a write says as much as ever, and nothing about
    /// the device.
    ///
    /// Linux has it since 6.14, for ext4 and XFS. Where it is refused, everything is read and
    /// written as without it; each file system is asked once.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("backup");
    /// use aiofile::OpenOptions;
    ///
    /// let mut options = OpenOptions::new();
    /// options.read(true).write(true).create(true).dont_cache(true);
    /// let file = options.open_aio(&path).await?;
    /// file.write_all_at(vec![7; 1 << 20], 0).await?;
    /// assert_eq!(file.read_exact_at(1 << 20, 0).await?, vec![7; 1 << 20]);
    /// # Ok(()) }
    /// ```
    pub fn dont_cache(&mut self, dont_cache: bool) -> &mut Self {
        self.dont_cache = dont_cache;
        self
    }

    /// Have each write to this file be there whole or not at all after a loss of power, never in
    /// part (`RWF_ATOMIC`). Needs `write` and [`direct`](Self::direct), without `append` and
    /// [`bounce`](Self::bounce). Of which lengths such writes may be
    /// [`AioFile::atomic_write_limits`] tells; any other is an
    /// error of kind [`InvalidInput`](std::io::ErrorKind::InvalidInput) before anything is written.
    /// When it is on the device a sync decides, as for any write.
    ///
    /// Opening fails where the kernel, the file system or its device has no such writes, with kind
    /// [`Unsupported`](std::io::ErrorKind::Unsupported); a file may have been created or truncated
    /// then. XFS has them since Linux 6.16, ext4 since 6.13 where the device does. No backend does
    /// them otherwise: one that has no such writes leaves them to the pool.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("pages");
    /// use aiofile::{AlignedBuffer, OpenOptions};
    ///
    /// let mut options = OpenOptions::new();
    /// options.write(true).create(true).direct(true).atomic_writes(true);
    /// match options.open_aio(&path).await {
    ///     Ok(file) => {
    ///         let limits = file.atomic_write_limits()?.expect("it was opened so");
    ///         let page = AlignedBuffer::copy_of(&vec![7; limits.unit_min], 4096);
    ///         file.write_all_at(page, 0).await?;
    ///         assert!(file.write_all_at(vec![7; 100], 0).await.is_err());
    ///     }
    ///     Err(error) => println!("{error}: a page needs a checksum and a journal here"),
    /// }
    /// # Ok(()) }
    /// ```
    pub fn atomic_writes(&mut self, atomic_writes: bool) -> &mut Self {
        self.atomic_writes = atomic_writes;
        self
    }

    /// Has an open file read and written so.
    pub(super) fn set_rw_flags(&self, file: &SharedFile) -> Result<()> {
        if self.dont_cache {
            file.set_dont_cache();
        }
        if self.atomic_writes { file.set_atomic_writes() } else { Ok(()) }
    }
}

impl AioFile {
    /// Of which lengths and where atomic writes to this file may be, however it was opened; `None`
    /// where there are none. One statx(2) on the calling thread, which asks no server.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](caio::ErrorKind::Closed).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// let file = aiofile::AioFile::open("/proc/version", "r").await?;
    /// assert_eq!(file.atomic_write_limits()?, None);
    /// # Ok(()) }
    /// ```
    pub fn atomic_write_limits(&self) -> io::Result<Option<AtomicWriteLimits>> {
        Ok(self.file()?.atomic_write_limits())
    }
}
