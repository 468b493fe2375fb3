//! Standard output, written by a thread of its own.
//!
//! It has one position that other processes may share, and it may be a pipe whose reader is slow:
//! so it is written in order by plain write(2) where that may block, while the next block is read.

use std::collections::VecDeque;
use std::io;
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::plain::write_all;
use crate::failure::Failure;

/// Blocks that are filled, written or on their way.
const BLOCKS: usize = 3;

/// Bytes of a block: what the engine reads in place at once.
pub(super) const BLOCK_BYTES: usize = 128 * 1024;

pub(super) struct Sink {
    full: mpsc::Sender<Vec<u8>>,
    empty: mpsc::Receiver<Vec<u8>>,
    spare: VecDeque<Vec<u8>>,
    writer: JoinHandle<io::Result<()>>,
}

impl Sink {
    /// Starts the writer.
    ///
    /// # Errors
    /// Where there is no thread to be had.
    pub(super) fn open() -> Result<Self, Failure> {
        let (full, filled) = mpsc::channel(BLOCKS);
        let (emptied, empty) = mpsc::channel(BLOCKS);
        let writer = thread::Builder::new().name("stdout".to_owned());
        let writer = writer.spawn(move || write(filled, &emptied));
        let writer =
            writer.map_err(|error| Failure::during("start the thread that writes", error))?;
        let spare = (0..BLOCKS).map(|_| Vec::with_capacity(BLOCK_BYTES)).collect();
        Ok(Self { full, empty, spare, writer })
    }

    /// An empty block; `None` once nothing can be written any more.
    pub(super) async fn buffer(&mut self) -> Option<Vec<u8>> {
        match self.spare.pop_front() {
            Some(block) => Some(block),
            None => self.empty.recv().await,
        }
    }

    /// Takes a block back that is not to be written.
    pub(super) fn give_back(&mut self, block: Vec<u8>) {
        self.spare.push_back(block);
    }

    /// Has a block written, after those before it; `None` once nothing can be written any more.
    pub(super) async fn send(&mut self, block: Vec<u8>) -> Option<()> {
        self.full.send(block).await.ok()
    }

    /// Waits until all is written that was sent; `None` once nothing can be written any more.
    pub(super) async fn flush(&mut self) -> Option<()> {
        while self.spare.len() < BLOCKS {
            let block = self.empty.recv().await?;
            self.spare.push_back(block);
        }
        Some(())
    }

    /// Waits until all is written, and ends the writer.
    ///
    /// # Errors
    /// What happened to standard output.
    pub(super) fn finish(self) -> Result<(), Failure> {
        drop((self.full, self.empty));
        match self.writer.join() {
            Ok(written) => written.map_err(|error| Failure::of_stdout(&error)),
            Err(_) => Err(Failure::during("cat", "the thread that writes has failed")),
        }
    }
}

fn write(mut filled: mpsc::Receiver<Vec<u8>>, emptied: &mpsc::Sender<Vec<u8>>) -> io::Result<()> {
    while let Some(mut block) = filled.blocking_recv() {
        write_all(&block)?;
        block.clear();
        // No blocks are taken any more once all files are read.
        let _ = emptied.blocking_send(block);
    }
    Ok(())
}
