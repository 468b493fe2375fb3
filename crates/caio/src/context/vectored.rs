//! Reads and writes of several buffers at once.

use super::Context;
use super::transfer::bytes;
use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind, Result};
use crate::file::SharedFile;
use crate::op::{self, Op, OpKind, VECTOR_BUFFERS_MAX};

/// A vectored transfer's count of bytes, and its buffers. They are missing where the operation was
/// abandoned at a shutdown, or did not end by the deadline of a layer.
pub type VectoredTransfer = (Result<usize>, Vec<Buffer>);

impl Context {
    /// Fills the capacities of the buffers, one after the other, from `offset`. Fewer bytes come
    /// only at the end of the file. More than [`VECTOR_BUFFERS_MAX`] buffers take several
    /// operations, one after the other.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    ///
    /// # Cancel safety
    /// As for [`read`](Self::read).
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"HEADbody")?;
    /// use caio::{AlignedBuffer, Buffer};
    ///
    /// let buffers = [4, 64].map(|bytes| Buffer::from(AlignedBuffer::new(bytes, 512)));
    /// let (read, buffers) = context.read_vectored(&file, buffers.into(), 0).await;
    /// assert_eq!(read?, 8);
    /// assert_eq!(buffers[0].as_slice(), b"HEAD");
    /// assert_eq!(buffers[1].as_slice(), b"body");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn read_vectored(
        &self,
        file: &SharedFile,
        buffers: Vec<Buffer>,
        offset: u64,
    ) -> VectoredTransfer {
        if buffers.iter().any(|buffer| !buffer.is_writable()) {
            let error = Error::new(ErrorKind::InvalidInput, "a buffer to read into is read-only");
            return (Err(error.during(OpKind::ReadVectored).on(file.path())), buffers);
        }
        self.transfer_vectored(file, buffers, offset, OpKind::ReadVectored).await
    }

    /// Writes the contents of the buffers, one after the other, to `offset`; all of them unless an
    /// error comes in between.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    ///
    /// # Cancel safety
    /// As for [`write`](Self::write).
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"")?;
    /// use std::os::unix::fs::FileExt;
    /// use caio::Buffer;
    ///
    /// let buffers = vec![Buffer::from(&b"HEAD"[..]), Buffer::from(b"body".to_vec())];
    /// let (written, _) = context.write_vectored(&file, buffers, 0).await;
    /// assert_eq!(written?, 8);
    /// let mut contents = [0; 8];
    /// file.file().read_exact_at(&mut contents, 0)?;
    /// assert_eq!(&contents, b"HEADbody");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn write_vectored(
        &self,
        file: &SharedFile,
        buffers: Vec<Buffer>,
        offset: u64,
    ) -> VectoredTransfer {
        self.transfer_vectored(file, buffers, offset, OpKind::WriteVectored).await
    }

    async fn transfer_vectored(
        &self,
        file: &SharedFile,
        mut buffers: Vec<Buffer>,
        offset: u64,
        kind: OpKind,
    ) -> VectoredTransfer {
        let total = buffers.iter().map(|buffer| size(buffer, kind)).fold(0, usize::saturating_add);
        if let Err(error) = op::check_extent(total, offset) {
            return (Err(error.during(kind).on(file.path())), buffers);
        }
        let mut finished = Vec::with_capacity(buffers.len());
        let mut done = 0;
        while !buffers.is_empty() {
            let group: Vec<_> = buffers.drain(..buffers.len().min(VECTOR_BUFFERS_MAX)).collect();
            let wanted: usize = group.iter().map(|buffer| size(buffer, kind)).sum();
            let (result, group) =
                self.transfer_group(file, group, offset + done as u64, kind).await;
            finished.extend(group);
            let error = match result {
                Ok(bytes) => {
                    done += bytes;
                    if bytes == wanted {
                        continue;
                    }
                    None
                }
                Err(error) => Some(error),
            };
            // Buffers that were never reached hold nothing that was read.
            if kind == OpKind::ReadVectored {
                buffers.iter_mut().for_each(|buffer| buffer.set_len(0));
            }
            finished.append(&mut buffers);
            if let (Some(error), 0) = (error, done) {
                return (Err(error), finished);
            }
        }
        (Ok(done), finished)
    }

    async fn transfer_group(
        &self,
        file: &SharedFile,
        mut buffers: Vec<Buffer>,
        offset: u64,
        kind: OpKind,
    ) -> VectoredTransfer {
        let wanted: usize = buffers.iter().map(|buffer| size(buffer, kind)).sum();
        let mut done = 0;
        let mut result = Ok(());
        while done < wanted {
            let (skip, offset) = (done, offset + done as u64);
            let op = match kind {
                OpKind::ReadVectored => Op::ReadVectored { buffers, skip, offset },
                _ => Op::WriteVectored { buffers, skip, offset },
            };
            let outcome = self.submit_borrowed(Some(file), op).await;
            buffers = match outcome.op {
                Some(Op::ReadVectored { buffers, .. } | Op::WriteVectored { buffers, .. }) => {
                    buffers
                }
                _ => Vec::new(),
            };
            match bytes(outcome.result) {
                Ok(0) => break,
                Ok(bytes) => done += bytes,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
            if file.class().reads_what_is_there() && kind == OpKind::ReadVectored {
                break;
            }
        }
        if kind == OpKind::ReadVectored {
            set_lengths(&mut buffers, done);
        }
        match result {
            Err(error) if done == 0 => (Err(error), buffers),
            _ => (Ok(done), buffers),
        }
    }
}

fn size(buffer: &Buffer, kind: OpKind) -> usize {
    match kind {
        OpKind::ReadVectored => buffer.capacity(),
        _ => buffer.len(),
    }
}

fn set_lengths(buffers: &mut [Buffer], mut bytes: usize) {
    for buffer in buffers {
        let length = bytes.min(buffer.capacity());
        buffer.set_len(length);
        bytes -= length;
    }
}
