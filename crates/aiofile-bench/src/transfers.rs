//! The loops of a client that is a task, over an open file of any runtime.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;

use crate::cell::{Cell, RANGES, Work};
use crate::client::Client;

/// An open file, as the clients of a participant use it: at any place, with a buffer that goes in
/// and comes back.
pub trait Transfer {
    /// A buffer of one block, which O_DIRECT accepts.
    type Buffer;

    /// A full one.
    fn buffer(&self, block: usize) -> Self::Buffer;

    /// Reads a block; returns how many bytes that were.
    fn read(
        &self,
        buffer: Self::Buffer,
        offset: u64,
    ) -> impl Future<Output = (io::Result<usize>, Self::Buffer)>;

    /// Writes a block.
    fn write(
        &self,
        buffer: Self::Buffer,
        offset: u64,
    ) -> impl Future<Output = (io::Result<usize>, Self::Buffer)>;

    /// Makes durable what was written. Not asked for where a file has no such cell.
    fn sync(&self) -> impl Future<Output = io::Result<()>> {
        async { Err(io::ErrorKind::Unsupported.into()) }
    }
}

/// Reads, writes or fetches ranges until the time is over.
///
/// # Errors
/// Those of the file.
pub async fn transfers<T: Transfer>(
    mut client: Client,
    file: &T,
    cell: &Cell,
) -> io::Result<Client> {
    if cell.work == Work::Ranges {
        return ranges(client, file, cell.block).await;
    }
    let mut buffer = file.buffer(cell.block);
    if !cell.writes() {
        while let Some(offset) = client.begin() {
            let result;
            (result, buffer) = file.read(buffer, offset).await;
            client.finish(result)?;
        }
        return Ok(client);
    }
    while let Some(offset) = client.begin() {
        let result;
        (result, buffer) = file.write(buffer, offset).await;
        if cell.is_durable() {
            file.sync().await?;
        }
        client.finish(result)?;
    }
    Ok(client)
}

/// All ranges are under way at once.
async fn ranges<T: Transfer>(mut client: Client, file: &T, block: usize) -> io::Result<Client> {
    let mut buffers: Vec<_> = (0..RANGES).map(|_| file.buffer(block)).collect();
    let mut places = Vec::new();
    while client.begin_ranges(&mut places).is_some() {
        let reads = buffers.into_iter().zip(&places);
        let reads = reads.map(|(buffer, offset)| file.read(buffer, *offset));
        let mut moved = 0;
        buffers = Vec::with_capacity(RANGES);
        for (result, buffer) in join_all(reads).await {
            moved += result?;
            buffers.push(buffer);
        }
        client.finish_ranges(moved)?;
    }
    Ok(client)
}

/// Reads whole files until the time is over; `read` returns how long one is.
///
/// # Errors
/// Those of `read`.
pub async fn whole_files<'a, F: Future<Output = io::Result<usize>>>(
    mut client: Client,
    paths: &'a [PathBuf],
    read: impl Fn(&'a Path) -> F,
) -> io::Result<Client> {
    while let Some(index) = client.begin() {
        client.finish(read(&paths[index as usize]).await)?;
    }
    Ok(client)
}
