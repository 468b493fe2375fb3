//! Standard output, written by a thread of its own.
//!
//! It has one position that other processes may share, and it may be a pipe whose reader is slow:
//! so it is written in order by plain write(2) where that may block, while the next block is read.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::failure::Failure;

/// Blocks that are filled, written or on their way.
const BLOCKS: usize = 3;

/// Bytes of a block: what the engine reads in place at once.
const BLOCK_BYTES: usize = 128 * 1024;

pub(super) struct Sink {
    full: mpsc::Sender<Vec<u8>>,
    empty: mpsc::Receiver<Vec<u8>>,
    spare: VecDeque<Vec<u8>>,
    writer: JoinHandle<io::Result<()>>,
}

impl Sink {
    /// Starts the writer.
    pub(super) fn open() -> Result<Self, Failure> {
        let stdout = io::stdout().as_fd().try_clone_to_owned();
        let stdout = File::from(stdout.map_err(|error| Failure::of_stdout(&error))?);
        let (full, filled) = mpsc::channel(BLOCKS);
        let (emptied, empty) = mpsc::channel(BLOCKS);
        let writer = spawn_blocking(move || write(stdout, filled, &emptied));
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

    /// Waits until all is written.
    ///
    /// # Errors
    /// What happened to standard output.
    pub(super) async fn finish(self) -> Result<(), Failure> {
        drop(self.full);
        drop(self.empty);
        let result = self.writer.await.map_err(|error| Failure::during("cat", error))?;
        result.map_err(|error| Failure::of_stdout(&error))
    }
}

fn write(
    mut stdout: File,
    mut filled: mpsc::Receiver<Vec<u8>>,
    emptied: &mpsc::Sender<Vec<u8>>,
) -> io::Result<()> {
    while let Some(mut block) = filled.blocking_recv() {
        write_all(&mut stdout, &block)?;
        block.clear();
        // No blocks are taken any more once all files are read.
        let _ = emptied.blocking_send(block);
    }
    Ok(())
}

/// Also to a descriptor that another process has made non-blocking.
fn write_all(stdout: &mut File, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        match stdout.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(bytes) => rest = &rest[bytes..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(stdout, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
