//! The present file: locked, and followed by another one when it is rotated.

use std::mem;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aiofile::Context;
use caio::{Error, Result, SharedFile, flags};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::rotated::Names;
use crate::appended::Appended;
use crate::names::remove_file;
use crate::steps::Doing;

pub(super) struct Output {
    context: Context,
    present: Appended,
    /// The permissions of the next file.
    mode: u32,
}

impl Output {
    /// Opens and locks the file, to go on at its end, which is that of a record then.
    pub(super) async fn open(
        context: &Context,
        path: &Path,
        record_end: Option<u8>,
    ) -> Result<Self> {
        let access = record_end.map_or(flags::O_WRONLY, |_| flags::O_RDWR);
        let mut present = Appended::open(context, path, access).await?;
        lock(context, present.file()).await?;
        let metadata = present.go_on().await?;
        if let Some(end) = record_end {
            present.end_with(end).await?;
        }
        let mode = metadata.permissions().mode() & 0o777;
        Ok(Self { context: context.clone(), present, mode })
    }

    /// The bytes of whole batches.
    pub(super) fn length(&self) -> u64 {
        self.present.length()
    }

    pub(super) fn file(&self) -> &SharedFile {
        self.present.file()
    }

    /// Writes a batch at the end, as a whole or not at all.
    pub(super) async fn write(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        self.present.write(bytes).await
    }

    /// Makes all that was written durable, with the file's name.
    pub(super) async fn sync(&mut self) -> Result<()> {
        self.present.sync().await
    }

    /// Gives the file a name with a number, and begins another one under its name. Where that
    /// cannot be, this file goes on. It is to be synced before.
    pub(super) async fn rotate(&mut self, names: &mut Names) -> Result<()> {
        self.present.mend().await?;
        let aside = names.put_aside(&self.context).await?;
        let next = match self.create(names.path()).await {
            Ok(next) => next,
            Err(error) => {
                names.put_back(&self.context, &aside).await?;
                return Err(error);
            }
        };
        mem::replace(&mut self.present, next).close().await
    }

    /// Closes the file, which syncs nothing.
    pub(super) async fn close(self) -> Result<()> {
        self.present.close().await
    }

    async fn create(&self, path: &Path) -> Result<Appended> {
        let how = flags::O_WRONLY | flags::O_CREAT | flags::O_EXCL;
        let file = self.context.open(path, how, self.mode).await?;
        if let Err(error) = lock(&self.context, &file).await {
            // It would be in the way of the former file, which is to have its name back.
            let _ = remove_file(&self.context, path).await;
            return Err(error);
        }
        Ok(Appended::new(&self.context, file))
    }
}

/// Keeps other writers off. One hop.
async fn lock(context: &Context, file: &SharedFile) -> Result<()> {
    let (locked, path): (_, PathBuf) = (file.clone(), file.path().to_owned());
    let lock = move || match flock(&locked, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => {
            let error = Error::system(Errno::WOULDBLOCK.into()).doing("lock").on(&path);
            Err(error.hint("another writer has it open: close that one first, or share it"))
        }
        // Some file systems have no locks.
        Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK) => Ok(()),
        Err(errno) => Err(errno).doing("lock", &path),
    };
    context.run_on("lock", file.path(), lock).await
}
