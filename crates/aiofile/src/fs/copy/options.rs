//! How a file is to be copied.

use std::io;
use std::path::Path;
use std::sync::Arc;

use caio::{Context, Result};

use super::outcome::{Copied, CopyProgress};
use super::settings::Settings;
use super::{DIRECT_BYTES, job, refused};
use crate::runtime::chosen_context;

/// Whether a copy may share the blocks of its source, where the file system can (Btrfs, XFS).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reflink {
    /// Share them where possible, copy them otherwise.
    #[default]
    Auto,
    /// Share them or fail.
    Always,
    /// Copy them.
    Never,
}

/// How the copy gets its name where a file of that name may be there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Replace {
    /// The file is overwritten, and its links, its owner and who has it open see the new contents.
    /// What is interrupted stays incomplete.
    #[default]
    InPlace,
    /// The copy grows in a temporary file of the same directory, which gets the name when it is
    /// complete. A link stays, and what it leads to is replaced. An error where the directory does
    /// not allow it.
    ByRename,
    /// By renaming; in place where that cannot work: a directory that is not writable, is sticky or
    /// takes only new names, a file that something is mounted on, a place with room for one of both
    /// only. [`Copied::in_place`] then tells why.
    ByRenameIfPossible,
}

/// Copies files in the way that was described.
///
/// Without any option it copies as [`copy`](super::copy) does, from anything that can be read.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let directory = directory.path();
/// use aiofile::fs::{CopyOptions, Replace};
///
/// let mut options = CopyOptions::new();
/// options.replace(Replace::ByRename).keep_times(true).verify(true).durable(true);
/// let copied = options.copy("/etc/hosts", directory.join("hosts")).await?;
/// assert_eq!(copied.len(), std::fs::metadata("/etc/hosts")?.len());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct CopyOptions {
    pub(super) settings: Settings,
    pub(super) context: Option<Context>,
}

impl CopyOptions {
    /// As [`copy`](super::copy) does it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the copy may share the blocks of its source; [`Reflink::Auto`] unless set.
    pub fn reflink(&mut self, reflink: Reflink) -> &mut Self {
        self.settings.reflink = reflink;
        self
    }

    /// Whether the kernel may copy by itself (copy_file_range(2)), which is the fastest way where
    /// no blocks can be shared; true unless set. If not, all bytes go through the context's
    /// backend, in blocks.
    pub fn copy_file_range(&mut self, allowed: bool) -> &mut Self {
        self.settings.copy_file_range = allowed;
        self
    }

    /// How many blocks are read and written at once where the kernel does not copy; 4 unless set.
    /// Each takes the memory of one block, of two to verify.
    pub fn in_flight(&mut self, blocks: usize) -> &mut Self {
        self.settings.in_flight = blocks;
        self
    }

    /// Bytes of a block; 1 MiB unless set.
    pub fn block_size(&mut self, bytes: usize) -> &mut Self {
        self.settings.block_size = bytes;
        self
    }

    /// Whether holes of the source stay holes; true unless set. If not, they become zeros on the
    /// device.
    pub fn sparse(&mut self, sparse: bool) -> &mut Self {
        self.settings.sparse = sparse;
        self
    }

    /// Whether the page cache is bypassed for both files (`O_DIRECT`). The block size is a multiple
    /// of 4096 then.
    pub fn direct(&mut self, direct: bool) -> &mut Self {
        self.settings.direct = direct;
        self
    }

    /// Whether both files are read again and compared before the copy counts as made. Reads what
    /// the system has by then: the page cache, or with [`direct`](Self::direct) the device.
    pub fn verify(&mut self, verify: bool) -> &mut Self {
        self.settings.verify = verify;
        self
    }

    /// Whether the copy is on the device before this ends: fsync of the file and, for a new name,
    /// of its directory. For the copy of a directory that is each directory in it.
    pub fn durable(&mut self, durable: bool) -> &mut Self {
        self.settings.durable = durable;
        self
    }

    /// How the copy gets its name; [`Replace::InPlace`] unless set.
    pub fn replace(&mut self, replace: Replace) -> &mut Self {
        self.settings.replace = replace;
        self
    }

    /// Whether the copy gets the permission bits of its source, without those that would lend
    /// another owner's rights; true unless set. If not, a new file gets what the umask allows.
    pub fn keep_mode(&mut self, keep: bool) -> &mut Self {
        self.settings.keep_mode = keep;
        self
    }

    /// Whether the copy gets the times of its source: of the last change and of the last access.
    pub fn keep_times(&mut self, keep: bool) -> &mut Self {
        self.settings.keep_times = keep;
        self
    }

    /// Whether the copy gets the owner and the group of its source, which the system allows to
    /// few.
    pub fn keep_owner(&mut self, keep: bool) -> &mut Self {
        self.settings.keep_owner = keep;
        self
    }

    /// Whether the copy gets the extended attributes of its source, and with them its access
    /// control list.
    pub fn keep_xattrs(&mut self, keep: bool) -> &mut Self {
        self.settings.keep_xattrs = keep;
        self
    }

    /// Whether a source whose length or time of change is another one at the end is an error
    /// ([`InvalidData`](io::ErrorKind::InvalidData)). A copy that is to get its name by renaming
    /// then does not get it, so that what has the name is never a mixture of two states.
    pub fn refuse_changed(&mut self, refuse: bool) -> &mut Self {
        self.settings.refuse_changed = refuse;
        self
    }

    /// What is told how far the copy is: after each block, on whichever thread copied it. It should
    /// be quick.
    pub fn progress(
        &mut self,
        callback: impl Fn(CopyProgress<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.settings.progress = Some(Arc::new(callback));
        self
    }

    /// The context that does it; the default one unless set.
    pub fn context(&mut self, context: &Context) -> &mut Self {
        self.context = Some(context.clone());
        self
    }

    /// Copies one file. Anything that can be read is copied, to its end where it has no size:
    /// pipes, devices, files of `/proc`. A target that is a device or a FIFO is written to.
    ///
    /// What the source grows by meanwhile is left out; one that shrinks is an error. Attributes
    /// that cannot be set are no error: [`Copied::unkept`] has them.
    ///
    /// # Costs
    /// As for [`copy`](super::copy), and one hop more to verify, for each block of it.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput), before anything is written, for a file that
    /// would be copied onto itself, a directory, and an option that cannot be obeyed with these
    /// files; else what the system answers. Nothing is left behind, but for a file that was being
    /// overwritten.
    ///
    /// # Cancel safety
    /// As for [`copy`](super::copy); by renaming, the file that was there stays as it was.
    pub async fn copy(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<Copied> {
        let (from, to) = (from.as_ref(), to.as_ref());
        self.check(to)?;
        let settings = Arc::new(self.settings.clone());
        Ok(job::copy(&chosen_context(self.context.as_ref()).await?, settings, from, to).await?)
    }

    pub(super) fn check(&self, to: &Path) -> Result<()> {
        let Settings { in_flight, block_size, direct, .. } = self.settings;
        if in_flight == 0 || block_size == 0 {
            return Err(refused("no block at once, or blocks of 0 bytes, would copy nothing", to));
        }
        if direct && !(block_size as u64).is_multiple_of(DIRECT_BYTES) {
            let message =
                format!("O_DIRECT moves multiples of {DIRECT_BYTES} bytes, not {block_size}");
            return Err(refused(message, to));
        }
        Ok(())
    }
}
