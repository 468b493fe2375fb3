//! A file as a whole, up to a bound: some never end.

use std::fs::Metadata;
use std::io;

use aiofile::AioFile;
use bytes::{Bytes, BytesMut};
use caio::{Error, ErrorKind};

use super::BYTES_MAX;

/// The most bytes of a file where nothing was said.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// How much is read first of a file that does not tell its length.
const FIRST_BYTES: u64 = 64 << 10;

/// An open file that is to be read from its beginning to its end.
pub(super) struct Whole {
    file: AioFile,
    /// 0 where it is not known.
    length: u64,
    bytes_max: u64,
}

impl Whole {
    pub(super) fn new(file: AioFile, metadata: &Metadata, bytes_max: Option<u64>) -> Self {
        let length = if metadata.is_file() { metadata.len() } else { 0 };
        let usual = if length > 0 { FILE_BYTES_MAX } else { BYTES_MAX };
        Self { file, length, bytes_max: bytes_max.unwrap_or(usual) }
    }

    pub(super) async fn read(&self) -> io::Result<Bytes> {
        if self.length > self.bytes_max {
            return Err(self.too_large());
        }
        // One byte more than it has, so that the end shows at once.
        let wanted = if self.length > 0 { self.length + 1 } else { FIRST_BYTES };
        let first = self.read_at(wanted, 0).await?;
        if first.is_empty() || self.length > 0 && first.len() as u64 <= self.length {
            return Ok(first);
        }
        let mut contents = BytesMut::from(first);
        loop {
            let done = contents.len() as u64;
            if done > self.bytes_max {
                return Err(self.too_large());
            }
            let more = self.read_at(done.max(FIRST_BYTES), done).await?;
            if more.is_empty() {
                return Ok(contents.freeze());
            }
            contents.extend_from_slice(&more);
        }
    }

    /// No more than is needed to see that there is too much.
    async fn read_at(&self, length: u64, offset: u64) -> io::Result<Bytes> {
        let length = length.min(self.bytes_max.saturating_add(1) - offset);
        self.file.read_at(usize::try_from(length).unwrap_or(usize::MAX), offset).await
    }

    fn too_large(&self) -> io::Error {
        let message = format!("the file has more than {} bytes", self.bytes_max);
        let error = Error::new(ErrorKind::InvalidData, message).doing("read");
        let error = error.hint("raise max_file_bytes, or take the file in chunks");
        match self.file.path() {
            Some(path) => error.on(path).into(),
            None => error.into(),
        }
    }
}
