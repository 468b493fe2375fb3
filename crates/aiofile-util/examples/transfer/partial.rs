//! A file of which blocks arrive in any order: it gets its name when all are there.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aiofile::fs::{self, FileLock};
use aiofile::{AioFile, OpenOptions};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::BLOCK_BYTES;
use crate::journal::Journal;

/// The file in the making.
pub(crate) struct Partial {
    file: AioFile,
    /// Another program that took up the same transfer would write over it.
    _lock: FileLock,
    journal: Journal,
    length: u64,
    path: PathBuf,
    target: PathBuf,
    missing: Mutex<BTreeSet<u64>>,
}

impl Partial {
    /// Goes on with the file for `target`, or begins it. What has another version is begun anew.
    pub(crate) async fn open(target: &Path, length: u64, version: &str) -> io::Result<Self> {
        if fs::try_exists(target).await? {
            let message = format!("{}: exists already; remove it first", target.display());
            return Err(io::Error::new(ErrorKind::AlreadyExists, message));
        }
        let mut path = target.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).open_aio(&path).await?;
        let Some(lock) = fs::try_lock(&file).await? else {
            let message = format!("{}: another program writes it", path.display());
            return Err(io::Error::new(ErrorKind::WouldBlock, message));
        };
        let version = format!("{length} bytes, {version}");
        let journal = Journal::open(Journal::path_for(&path), &version).await?;
        // A full disk is told before the first byte comes, where the file system can.
        file.set_len(length).await?;
        match fs::allocate(&file, 0..length).await {
            Err(error) if length > 0 && error.kind() != ErrorKind::Unsupported => {
                return Err(error);
            }
            _ => {}
        }
        let all = 0..length.div_ceil(BLOCK_BYTES);
        let missing = all.filter(|block| !journal.done().contains(block)).collect();
        let target = target.to_owned();
        Ok(Self { file, _lock: lock, journal, length, path, target, missing: Mutex::new(missing) })
    }

    /// How many blocks there are in all.
    pub(crate) fn blocks(&self) -> u64 {
        self.length.div_ceil(BLOCK_BYTES)
    }

    pub(crate) fn missing(&self) -> BTreeSet<u64> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes a block as it arrives. It counts when it is complete and on the disk.
    pub(crate) async fn write(&self, block: u64, mut body: Incoming) -> io::Result<()> {
        let Range { start: mut position, end } = range(block, self.length);
        while let Some(frame) = body.frame().await {
            let Ok(bytes) = frame.map_err(io::Error::other)?.into_data() else { continue };
            let next = position + bytes.len() as u64;
            if next > end {
                return Err(io::Error::new(
                    ErrorKind::InvalidData,
                    "more bytes came than a block has",
                ));
            }
            self.file.write_all_at(bytes, position).await?;
            position = next;
        }
        if position < end {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the block ended early"));
        }
        self.file.fdatasync().await?;
        self.journal.note(block).await?;
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).remove(&block);
        Ok(())
    }

    /// Gives the file its name; all blocks have to be there.
    pub(crate) async fn finish(&self) -> io::Result<()> {
        self.file.fsync().await?;
        fs::rename_noreplace(&self.path, &self.target).await?;
        self.journal.remove().await
    }
}

/// The bytes of a block.
pub(crate) fn range(block: u64, length: u64) -> Range<u64> {
    block * BLOCK_BYTES..length.min((block + 1) * BLOCK_BYTES)
}
