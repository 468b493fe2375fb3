//! Reads whose memory grows with what comes, since a length says little about the file.

use bytes::Bytes;
use caio::Result;

use super::memory::{grow, reserve, share};
use super::{AioFile, direct};

impl AioFile {
    /// Reads up to `most` bytes from `offset` on. Memory for `size` bytes is taken first, and for
    /// twice as many whenever that is full. A read that comes short is the last one, unless it
    /// `goes_on`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](caio::ErrorKind::InvalidInput) where there is no memory; else
    /// what the system answers.
    pub(crate) async fn read_growing(
        &self,
        size: usize,
        most: usize,
        offset: u64,
        goes_on: bool,
    ) -> Result<Bytes> {
        let file = self.file()?;
        let block = direct::read_block(file);
        // O_DIRECT reads whole blocks, from the beginning of one on.
        let lead = (offset % block) as usize;
        let start = offset - lead as u64;
        let blocks = |bytes: usize| {
            let whole = bytes.checked_next_multiple_of(block as usize);
            whole.unwrap_or(usize::MAX)
        };
        let most = lead.saturating_add(most);
        let mut size = blocks(lead.saturating_add(size).min(most));
        let mut buffer = reserve(file, size, offset)?;
        let mut filled = 0;
        loop {
            let position = start + filled as u64;
            let (result, back) = self.read_buffer(buffer, filled..size, position).await;
            buffer = back;
            let bytes = result?;
            filled += bytes;
            let ended = bytes == 0 || (filled < size && !goes_on);
            if ended || filled >= most {
                let end = filled.min(most);
                return Ok(share(buffer).slice(lead.min(end)..end));
            }
            if filled == size {
                size = blocks(size.saturating_mul(2).min(most));
                buffer = grow(file, &buffer, size, offset)?;
            }
        }
    }
}
