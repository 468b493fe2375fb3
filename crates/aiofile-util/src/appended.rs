//! A file that grows by whole pieces, by operations of the engine.

use std::fs::Metadata;
use std::mem;
use std::path::Path;

use aiofile::Context;
use caio::{Error, ErrorKind, FileClass, OwnedBuffer, Result, SharedFile, flags};
use rustix::io::Errno;

use crate::names::sync_directory;
use crate::transfer;

/// The permissions of a new file, of which the umask takes some.
const MODE: u32 = 0o666;

/// An open file that this alone writes to: all of a piece is at its end, or none.
pub(crate) struct Appended {
    context: Context,
    file: SharedFile,
    /// Of whole pieces.
    length: u64,
    /// Whether there may be more in the file than that.
    is_torn: bool,
    /// Whether its name is known to be durable.
    is_named: bool,
}

impl Appended {
    /// Opens the file, or makes it. `access` is `O_WRONLY` or `O_RDWR`. One hop.
    pub(crate) async fn open(context: &Context, path: &Path, access: i32) -> Result<Self> {
        // A FIFO would wait for its reader.
        let how = access | flags::O_CREAT | flags::O_NONBLOCK;
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
        Ok(Self::new(context, file))
    }

    /// A file to be written from its beginning.
    pub(crate) fn new(context: &Context, file: SharedFile) -> Self {
        let context = context.clone();
        Self { context, file, length: 0, is_torn: false, is_named: false }
    }

    /// Goes on at the end that the file has now. It is to be locked before.
    pub(crate) async fn go_on(&mut self) -> Result<Metadata> {
        let metadata = self.context.metadata(&self.file).await?;
        self.length = metadata.len();
        Ok(metadata)
    }

    /// Ends the piece at the end with this byte, if it has not been.
    pub(crate) async fn end_with(&mut self, end: u8) -> Result<()> {
        let Some(last) = self.length.checked_sub(1) else { return Ok(()) };
        match transfer::read(&self.context, &self.file, last, 1).await?[..] {
            [found] if found != end => self.write(&mut vec![end]).await,
            _ => Ok(()),
        }
    }

    /// Only so many bytes are whole pieces: the next one comes in place of what is behind.
    pub(crate) fn cut(&mut self, length: u64) {
        self.is_torn |= length < self.length;
        self.length = length;
    }

    /// The bytes of whole pieces.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn file(&self) -> &SharedFile {
        &self.file
    }

    /// Writes a piece at the end: all of it, or the file is cut to where it was. The bytes come
    /// back where the kernel does not keep them.
    pub(crate) async fn write(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        self.mend().await?;
        let length = bytes.len() as u64;
        let mut buffer = mem::take(bytes).into_buffer();
        // Also where this future is dropped.
        self.is_torn = true;
        let result = transfer::write(&self.context, &self.file, self.length, &mut buffer).await;
        *bytes = Vec::from_buffer(buffer);
        if result.is_ok() {
            self.length += length;
            self.is_torn = false;
        } else {
            // The error to tell is the first one; the next write tries to cut again.
            let _ = self.mend().await;
        }
        result
    }

    /// Makes all that was written durable, with the file's name.
    pub(crate) async fn sync(&mut self) -> Result<()> {
        self.context.sync(&self.file, true).await?;
        if !self.is_named {
            sync_directory(&self.context, self.file.path()).await?;
            self.is_named = true;
        }
        Ok(())
    }

    /// Closes the file, which syncs nothing.
    ///
    /// # Errors
    /// Also where a part of a piece is in the file and cannot be cut.
    pub(crate) async fn close(mut self) -> Result<()> {
        let mended = self.mend().await;
        let closed = self.context.close(self.file, true).await;
        mended.and(closed)
    }

    /// Cuts what a failed write may have left behind. It waits for writes that are under way.
    pub(crate) async fn mend(&mut self) -> Result<()> {
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
}

fn not_regular(path: &Path) -> Error {
    let message = "it is no regular file, of which a write that failed could be undone";
    Error::new(ErrorKind::InvalidInput, message).doing("open").on(path)
}
