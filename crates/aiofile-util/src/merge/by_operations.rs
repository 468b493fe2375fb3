//! The same on a backend with files of its own, which no job of the pool sees: by its operations.

use std::collections::VecDeque;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aiofile::Context;
use aiofile::fs::{AtomicFile, AtomicWriteOptions, Durability};
use caio::{Error, Result, SharedFile, flags};

use super::{MergeOptions, never_ends};
use crate::appended::Appended;
use crate::steps::READ_BYTES;
use crate::transfer;

/// Where the bytes go.
pub(crate) enum Target {
    New { file: Box<AtomicFile>, length: u64 },
    Appended { file: Appended, before: u64, id: (u64, u64) },
}

pub(super) async fn merge(
    options: &MergeOptions,
    context: &Context,
    sources: VecDeque<PathBuf>,
    target: &Path,
) -> Result<u64> {
    let mut target = Target::open(options, context, target).await?;
    let merged = copy_all(options, context, sources, &mut target).await;
    target.settle(options.durable, merged).await
}

async fn copy_all(
    options: &MergeOptions,
    context: &Context,
    sources: VecDeque<PathBuf>,
    target: &mut Target,
) -> Result<u64> {
    let mut merged = 0;
    for path in sources {
        let source = context.open(&path, flags::O_RDONLY, 0).await?;
        if target.is(context, &source).await? {
            return Err(never_ends(&path));
        }
        let mut offset = 0;
        loop {
            let bytes = transfer::read(context, &source, offset, READ_BYTES).await?;
            let read = bytes.len();
            target.write(bytes).await?;
            offset += read as u64;
            options.watch.advance(read as u64)?;
            if read < READ_BYTES {
                break;
            }
        }
        merged += offset;
    }
    Ok(merged)
}

impl Target {
    pub(crate) async fn open(
        options: &MergeOptions,
        context: &Context,
        path: &Path,
    ) -> Result<Self> {
        if !options.append {
            let durability = if options.durable { Durability::Full } else { Durability::None };
            let mut options = AtomicWriteOptions::new();
            let file = options.context(context).durability(durability).open(path).await?;
            return Ok(Self::New { file: Box::new(file), length: 0 });
        }
        let mut file = Appended::open(context, path, flags::O_WRONLY).await?;
        let found = file.go_on().await?;
        Ok(Self::Appended { file, before: found.len(), id: (found.dev(), found.ino()) })
    }

    /// Whether what is appended to is this file.
    async fn is(&self, context: &Context, source: &SharedFile) -> Result<bool> {
        let Self::Appended { id, .. } = self else { return Ok(false) };
        let source = context.metadata(source).await?;
        Ok(*id == (source.dev(), source.ino()))
    }

    pub(crate) async fn write(&mut self, mut bytes: Vec<u8>) -> Result<()> {
        match self {
            Self::Appended { file, .. } => file.write(&mut bytes).await,
            Self::New { file, length } => {
                let written = bytes.len() as u64;
                file.file().write_all_at(bytes, *length).await?;
                *length += written;
                Ok(())
            }
        }
    }

    /// Gives it its name if `merged` is a success, else undoes it all.
    pub(crate) async fn settle(self, durable: bool, merged: Result<u64>) -> Result<u64> {
        let settled = match self {
            Self::New { file, .. } if merged.is_ok() => file.commit().await.map_err(Error::from),
            Self::New { file, .. } => file.discard().await.map_err(Error::from),
            Self::Appended { mut file, before, .. } => {
                let synced = match merged.is_ok() && durable {
                    true => file.sync().await,
                    false => Ok(()),
                };
                if merged.is_err() || synced.is_err() {
                    file.cut(before);
                }
                // Where that fails too, the error that led here is the one to tell.
                let _ = file.mend().await;
                synced
            }
        };
        let bytes = merged?;
        settled.map(|()| bytes)
    }
}
