//! O_DIRECT: reads of any extent, and writes that are aligned or refused or bounced.

use std::ops::Range;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use bytes::Bytes;
use caio::{
    Buffer, DEFAULT_ALIGNMENT, DirectAlignment, Error, ErrorKind, OpKind, Result, SharedFile, flags,
};

use super::AioFile;
use super::memory::reserve;

/// What to assume of a file that does not tell.
const SAFE: DirectAlignment = DirectAlignment {
    memory: DEFAULT_ALIGNMENT,
    read: DEFAULT_ALIGNMENT as u64,
    write: DEFAULT_ALIGNMENT as u64,
};

/// What O_DIRECT asks of transfers of this file, where it was opened with it.
pub(crate) fn alignment(file: &SharedFile) -> Option<DirectAlignment> {
    file.is_direct().then(|| file.direct_alignment().unwrap_or(SAFE))
}

/// A read of this file begins and ends at multiples of so many bytes.
pub(crate) fn read_block(file: &SharedFile) -> u64 {
    alignment(file).map_or(1, |alignment| alignment.read)
}

impl AioFile {
    /// Reads the blocks around the extent and returns the extent, without a copy.
    pub(super) async fn read_direct(
        &self,
        file: &SharedFile,
        length: usize,
        offset: u64,
    ) -> Result<Bytes> {
        let alignment = file.direct_alignment().unwrap_or(SAFE);
        let wide = widen(length, offset, alignment.read)
            .map_err(|error| error.on(file.path()).at(offset))?;
        let buffer = reserve(file, wide.length, offset)?;
        let (result, buffer) = self.context.read(file, buffer, 0..wide.length, wide.offset).await;
        let available = result?;
        let start = wide.lead.min(available);
        let end = (wide.lead + length).min(available);
        Ok(buffer.into_bytes().slice(start..end))
    }

    /// Reads straight into the buffer where it is aligned, and through blocks of our own where not.
    pub(super) async fn read_direct_into(
        &self,
        file: &SharedFile,
        mut buffer: Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> (Result<usize>, Buffer) {
        let alignment = file.direct_alignment().unwrap_or(SAFE);
        let aligned = (buffer.as_ptr() as usize + range.start).is_multiple_of(alignment.memory)
            && (range.len() as u64).is_multiple_of(alignment.read)
            && offset.is_multiple_of(alignment.read);
        if aligned {
            return self.context.read(file, buffer, range, offset).await;
        }
        match self.read_direct(file, range.len(), offset).await {
            Ok(bytes) => {
                let end = range.start + bytes.len();
                buffer.writable(range.start..end).copy_from_slice(&bytes);
                buffer.set_len(end);
                (Ok(bytes.len()), buffer)
            }
            Err(error) => (Err(error), buffer),
        }
    }

    pub(super) async fn write_direct(
        &self,
        file: &SharedFile,
        buffer: Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> (Result<usize>, Buffer) {
        let alignment = file.direct_alignment().unwrap_or(SAFE);
        let address = buffer.as_ptr() as usize + range.start;
        let aligned = address.is_multiple_of(alignment.memory)
            && (range.len() as u64).is_multiple_of(alignment.write)
            && offset.is_multiple_of(alignment.write);
        if aligned {
            return self.context.write(file, buffer, range, offset).await;
        }
        if self.bounce.is_none() {
            let error = misaligned(address, range.len(), offset, alignment);
            return (Err(error.on(file.path())), buffer);
        }
        match self.bounce_file(file).await {
            Ok(through) => self.context.write(&through, buffer, range, offset).await,
            Err(error) => (Err(error), buffer),
        }
    }

    /// The same file without O_DIRECT. The kernel keeps both views coherent: a direct read first
    /// writes the cached blocks out, a direct write drops them.
    async fn bounce_file(&self, file: &SharedFile) -> Result<SharedFile> {
        let place = self.bounce.as_ref().expect("only a file that bounces gets here");
        if let Some(through) = place.get() {
            return Ok(through.clone());
        }
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let opened = self.context.open(&path, flags::O_WRONLY, 0).await?;
        Ok(place.get_or_init(|| opened).clone())
    }
}

/// An extent, widened to whole blocks.
struct Wide {
    offset: u64,
    length: usize,
    /// Bytes before the extent itself.
    lead: usize,
}

fn widen(length: usize, offset: u64, block: u64) -> Result<Wide> {
    let start = offset - offset % block;
    let end = offset
        .checked_add(length as u64)
        .and_then(|end| end.checked_next_multiple_of(block))
        .filter(|end| i64::try_from(*end).is_ok());
    let extent = end.and_then(|end| usize::try_from(end - start).ok());
    match extent {
        Some(wide) => Ok(Wide { offset: start, length: wide, lead: (offset - start) as usize }),
        None => {
            let message = format!("{length} bytes at offset {offset} cannot be read at once");
            Err(Error::new(ErrorKind::InvalidInput, message).during(OpKind::Read))
        }
    }
}

fn misaligned(address: usize, length: usize, offset: u64, alignment: DirectAlignment) -> Error {
    let DirectAlignment { memory, write, .. } = alignment;
    let message = format!(
        "O_DIRECT on this file takes offsets and lengths in multiples of {write} bytes from memory \
         at multiples of {memory}, not {length} bytes at offset {offset} from address {address:#x}"
    );
    Error::new(ErrorKind::InvalidInput, message)
        .during(OpKind::Write)
        .at(offset)
        .hint("use an AlignedBuffer, or open the file with bounce(true)")
}
