//! The present file: whole batches at its end, by operations of the engine.

use std::fs::File;
use std::mem;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aiofile::Context;
use caio::{
    Buffer, Error, ErrorKind, FileClass, Op, Output as Done, OwnedBuffer, Result, SharedFile,
    TRANSFER_BYTES_MAX, flags,
};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::rotated::Names;
use crate::steps::Doing;

/// The permissions of a new file, of which the umask takes some.
const MODE: u32 = 0o666;

pub(super) struct Output {
    context: Context,
    file: SharedFile,
    /// Of whole batches.
    length: u64,
    /// Whether there may be more in the file than that, after a write that failed.
    is_torn: bool,
    /// Whether its name is known to be durable.
    is_named: bool,
    /// The permissions of the next file.
    mode: u32,
}

impl Output {
    /// Opens and locks the file, to go on at its end.
    pub(super) async fn open(context: &Context, path: &Path) -> Result<Self> {
        // A FIFO would wait for its reader.
        let how = flags::O_WRONLY | flags::O_CREAT | flags::O_NONBLOCK;
        let opened = context.open(path, how, MODE).await;
        let has_no_reader =
            |error: &Error| error.raw_os_error() == Some(Errno::NXIO.raw_os_error());
        if opened.as_ref().err().is_some_and(has_no_reader) {
            return Err(not_regular(path));
        }
        let file = opened?;
        if file.class() != FileClass::Regular {
            return Err(not_regular(path));
        }
        lock(context, &file).await?;
        let metadata = context.metadata(&file).await?;
        let mode = metadata.permissions().mode() & 0o777;
        let (length, context) = (metadata.len(), context.clone());
        Ok(Self { context, file, length, is_torn: false, is_named: false, mode })
    }

    /// The bytes of whole batches.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn file(&self) -> &SharedFile {
        &self.file
    }

    /// Writes a batch at the end: all of it, or the file is cut to where it was. The bytes come
    /// back where the kernel does not keep them.
    pub(super) async fn write(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        self.mend().await?;
        let length = bytes.len() as u64;
        let mut buffer = mem::take(bytes).into_buffer();
        let result = self.write_all(&mut buffer).await;
        *bytes = Vec::from_buffer(buffer);
        match result {
            Ok(()) => {
                self.length += length;
                Ok(())
            }
            Err(error) => {
                self.is_torn = true;
                // The error to tell is the first one; the next write tries to cut again.
                let _ = self.mend().await;
                Err(error)
            }
        }
    }

    /// Makes all that was written durable, with the file's name.
    pub(super) async fn sync(&mut self) -> Result<()> {
        self.context.sync(&self.file, true).await?;
        if !mem::replace(&mut self.is_named, true) {
            sync_directory(&self.context, self.file.path()).await?;
        }
        Ok(())
    }

    /// Gives the file a name with a number, and begins another one under its name. Where that
    /// cannot be, this file goes on. It is to be synced before.
    pub(super) async fn rotate(&mut self, names: &mut Names) -> Result<()> {
        self.mend().await?;
        let aside = names.put_aside(&self.context).await?;
        let next = match self.create(names.path()).await {
            Ok(next) => next,
            Err(error) => {
                names.put_back(&self.context, &aside).await?;
                return Err(error);
            }
        };
        let former = mem::replace(&mut self.file, next);
        (self.length, self.is_named) = (0, false);
        self.context.close(former, true).await
    }

    /// Closes the file, which syncs nothing.
    ///
    /// # Errors
    /// Also where a part of a batch is in the file and cannot be cut.
    pub(super) async fn close(mut self) -> Result<()> {
        let mended = self.mend().await;
        let closed = self.context.close(self.file, true).await;
        mended.and(closed)
    }

    async fn create(&self, path: &Path) -> Result<SharedFile> {
        let how = flags::O_WRONLY | flags::O_CREAT | flags::O_EXCL;
        let file = self.context.open(path, how, self.mode).await?;
        lock(&self.context, &file).await?;
        Ok(file)
    }

    /// Cuts what a failed write may have left behind.
    async fn mend(&mut self) -> Result<()> {
        if self.is_torn {
            let cut = self.context.set_length(&self.file, self.length).await;
            cut.map_err(|error| {
                let length = self.length;
                error.hint(format!("a part of a record may be in the file, from byte {length} on"))
            })?;
            self.is_torn = false;
        }
        Ok(())
    }

    /// Never on the calling thread, which may be that of any task.
    async fn write_all(&self, buffer: &mut Buffer) -> Result<()> {
        let (mut done, length) = (0, buffer.len());
        while done < length {
            let range = done..length.min(done + TRANSFER_BYTES_MAX);
            let op = Op::write(mem::take(buffer), range, self.length + done as u64)?;
            let outcome = self.context.submit(Some(&self.file), op).await;
            if let Some(Op::Write { buffer: same, .. }) = outcome.op {
                *buffer = same;
            }
            match outcome.result? {
                Done::Bytes(0) => {
                    let error = Error::new(ErrorKind::WriteZero, "the system took no byte");
                    return Err(error.doing("write").on(self.file.path()));
                }
                Done::Bytes(bytes) => done += bytes,
                _ => {}
            }
        }
        Ok(())
    }
}

fn not_regular(path: &Path) -> Error {
    let message = "it is no regular file, of which a write that failed could be undone";
    Error::new(ErrorKind::InvalidInput, message).doing("open").on(path)
}

/// Makes the names in the directory of this path durable. One hop.
pub(super) async fn sync_directory(context: &Context, path: &Path) -> Result<()> {
    let directory = directory_of(path).to_owned();
    let sync =
        move || File::open(&directory).and_then(|open| open.sync_all()).doing("fsync", &directory);
    context.run_on("fsync", directory_of(path), sync).await
}

/// The directory that a file is in.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
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
