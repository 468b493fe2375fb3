//! The new file on a backend with files of its own: by operations, in the same order.

use std::io;
use std::path::{Path, PathBuf};

use caio::flags::{O_CREAT, O_EXCL, O_RDWR};
use caio::{Context, Output, PathCall, Result, SharedFile};

use super::Durability;
use crate::AioFile;
use crate::fs::scratch::temporary_name;

/// A file with a temporary name, which stays where nobody says what becomes of it.
pub(super) struct Scratch {
    context: Context,
    temporary: PathBuf,
    target: PathBuf,
}

impl Scratch {
    /// Makes a file beside the one that has the name, or would have it.
    pub(super) async fn create(
        context: &Context,
        path: &Path,
        mode: u32,
    ) -> Result<(SharedFile, Self)> {
        let found = context.on_path(PathCall::Canonicalize { path: path.to_owned() }).await;
        let target = match found {
            Ok(Output::Path(target)) => target,
            Err(error) if error.io_kind() != io::ErrorKind::NotFound => return Err(error),
            _ => path.to_owned(),
        };
        let temporary = target.with_file_name(temporary_name());
        let file = context.open(&temporary, O_RDWR | O_CREAT | O_EXCL, mode).await?;
        Ok((file, Self { context: context.clone(), temporary, target }))
    }

    /// Gives it the name.
    pub(super) async fn commit(self, file: &AioFile, durability: Durability) -> io::Result<()> {
        if let Err(error) = self.name(file, durability).await {
            // Where that fails too, the error that led here is the one to tell.
            let _ = self.remove().await;
            return Err(error);
        }
        if durability == Durability::Full {
            let directory = match self.target.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let sync = PathCall::SyncDirectory { path: directory.to_owned() };
            self.context.on_path(sync).await?;
        }
        Ok(())
    }

    async fn name(&self, file: &AioFile, durability: Durability) -> io::Result<()> {
        match durability {
            Durability::None => {}
            Durability::Data => file.fdatasync().await?,
            Durability::Full => file.fsync().await?,
        }
        let (from, to) = (self.temporary.clone(), self.target.clone());
        Ok(self.context.on_path(PathCall::Rename { from, to }).await.map(drop)?)
    }

    /// Removes it.
    pub(super) async fn remove(&self) -> Result<()> {
        let path = self.temporary.clone();
        self.context.on_path(PathCall::RemoveFile { path }).await.map(drop)
    }
}
