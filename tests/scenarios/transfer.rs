//! The ways of bytes into a file and out of it.

use std::io::{self, SeekFrom};

use aiofile::{AioFile, BufferedWriter, Context, Reader, Writer};
use bytes::Bytes;
use caio::Buffer;
use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::interrupt::ON_PURPOSE;
use crate::scenario::{ReadWay, WriteWay};

/// Writes all of it in one of the ways that there are.
pub(crate) async fn write(
    file: &AioFile,
    bytes: Vec<u8>,
    way: WriteWay,
    offset: u64,
) -> io::Result<()> {
    let length = bytes.len();
    let written = match way {
        WriteWay::All => return file.write_all_at(bytes, offset).await,
        WriteWay::From => file.write_from(bytes, offset).await.0?,
        WriteWay::Vectored => {
            let (head, tail) = bytes.split_at(length / 3);
            file.write_vectored_at(vec![head.to_vec(), tail.to_vec()], offset).await.0?
        }
        WriteWay::Writer => {
            let writer = Writer::new(file).offset(offset);
            let pieces = bytes.chunks(9000).map(|piece| writer.write_all(piece.to_vec()));
            try_join_all(pieces).await?;
            return writer.flush().await;
        }
        WriteWay::BufferedWriter => {
            let mut writer = BufferedWriter::new(file).offset(offset).capacity(10_000);
            for piece in bytes.chunks(700) {
                writer.write_all(piece).await?;
            }
            return writer.flush().await;
        }
        WriteWay::File => {
            let mut file = file.clone().into_file();
            file.seek(SeekFrom::Start(offset)).await?;
            file.write_all(&bytes).await?;
            return file.flush().await;
        }
        WriteWay::Explosive => {
            let buffer = Buffer::from(Bytes::from_owner(Explosive(bytes)));
            let (written, buffer) = file.write_from(buffer, offset).await;
            // Whoever has it back is not to be harmed.
            std::mem::forget(buffer);
            written?
        }
    };
    match written == length {
        true => Ok(()),
        false => Err(io::Error::other(format!("{written} of {length} bytes were written"))),
    }
}

/// The owner of a buffer whose destructor panics, unless that would end the process.
struct Explosive(Vec<u8>);

impl AsRef<[u8]> for Explosive {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Explosive {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a destructor panics {ON_PURPOSE}");
    }
}

/// Reads so many bytes in one of the ways that there are.
pub(crate) async fn read(
    file: &AioFile,
    length: usize,
    way: ReadWay,
    offset: u64,
) -> io::Result<Vec<u8>> {
    Ok(match way {
        ReadWay::Exact => file.read_exact_at(length, offset).await?.to_vec(),
        ReadWay::Into => {
            let (read, buffer) = file.read_into(Vec::with_capacity(length), offset).await;
            buffer[..read?.min(length)].to_vec()
        }
        ReadWay::Vectored => {
            let head = length / 3;
            let buffers = vec![Vec::with_capacity(head), Vec::with_capacity(length - head)];
            let (read, buffers) = file.read_vectored_at(buffers, offset).await;
            let mut found = buffers.concat();
            found.truncate(read?.min(length));
            found
        }
        ReadWay::Reader => {
            let mut reader = Reader::new(file).offset(offset).chunk_size(3000);
            let mut found = vec![0; length];
            reader.read_exact(&mut found).await?;
            found
        }
        ReadWay::File => {
            let (mut file, mut found) = (file.clone().into_file(), vec![0; length]);
            file.seek(SeekFrom::Start(offset)).await?;
            file.read_exact(&mut found).await?;
            found
        }
        ReadWay::Ranges => {
            let end = offset + length as u64;
            let middle = offset + length as u64 / 2;
            file.read_ranges(&[offset..middle, middle..end]).await?.concat()
        }
    })
}

/// Writes into a pipe while the other end is read.
pub(crate) async fn through_a_pipe(context: &Context, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let (receive, send) = io::pipe()?;
    let open = |end: std::os::fd::OwnedFd| AioFile::from_std_in(context, end.into());
    let (receive, send) = (open(receive.into())?, open(send.into())?);
    let length = bytes.len();
    let (written, read) =
        futures_util::join!(send.write_all_at(bytes, 0), receive.read_exact_at(length, 0));
    written?;
    Ok(read?.to_vec())
}
