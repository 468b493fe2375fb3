//! Reads and writes that are complete, and never on the calling thread, which may be that of any
//! task.

use std::mem;

use aiofile::Context;
use caio::{
    Buffer, Error, ErrorKind, Op, Output, OwnedBuffer, Result, SharedFile, TRANSFER_BYTES_MAX,
};

/// Reads at most so many bytes; fewer come only at the end of the file.
pub(crate) async fn read(
    context: &Context,
    file: &SharedFile,
    offset: u64,
    length: usize,
) -> Result<Vec<u8>> {
    let mut buffer = Buffer::from(Vec::with_capacity(length));
    let mut done = 0;
    while done < length {
        let range = done..length.min(done + TRANSFER_BYTES_MAX);
        let op = Op::read(mem::take(&mut buffer), range, offset + done as u64)?;
        let outcome = context.submit(Some(file), op).await;
        if let Some(Op::Read { buffer: same, .. }) = outcome.op {
            buffer = same;
        }
        match outcome.result? {
            Output::Bytes(0) => break,
            Output::Bytes(bytes) => done += bytes,
            _ => {}
        }
    }
    buffer.set_len(done);
    Ok(Vec::from_buffer(buffer))
}

/// Writes all of the buffer, or fails with some of it written.
pub(crate) async fn write(
    context: &Context,
    file: &SharedFile,
    offset: u64,
    buffer: &mut Buffer,
) -> Result<()> {
    let (mut done, length) = (0, buffer.len());
    while done < length {
        let range = done..length.min(done + TRANSFER_BYTES_MAX);
        let op = Op::write(mem::take(buffer), range, offset + done as u64)?;
        let outcome = context.submit(Some(file), op).await;
        if let Some(Op::Write { buffer: same, .. }) = outcome.op {
            *buffer = same;
        }
        match outcome.result? {
            Output::Bytes(0) => {
                let error = Error::new(ErrorKind::WriteZero, "the system took no byte");
                return Err(error.doing("write").on(file.path()));
            }
            Output::Bytes(bytes) => done += bytes,
            _ => {}
        }
    }
    Ok(())
}
