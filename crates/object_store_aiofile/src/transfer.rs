//! Objects that get another name, or a second one that is a copy.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use aiofile::fs::CopyOptions;

use crate::directory::{remove_empty_parents, sync_parent, with_parents};
use crate::error::{Error, Result};
use crate::staged::{Staged, Target, rename};
use crate::store::Store;

/// What is no longer than this is copied by one call.
const SMALL_BYTES: u64 = 1 << 20;

impl Store {
    /// Copies an object: the file system shares the blocks, or the kernel copies them, where they
    /// can. One hop for a small one, else three and more, each of which ends soon.
    pub(crate) async fn copy(&self, from: &Path, to: &Path, target: Target) -> Result<()> {
        let is_durable = self.is_durable;
        let source = from.to_owned();
        let begin = move |to: &Path| {
            let found = examine(&source)?;
            if target == Target::New && to.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            if !found.is_file() {
                let message = "it is no regular file, and nothing else can be copied";
                let refusal = io::Error::new(io::ErrorKind::InvalidInput, message);
                return Err(caio::Error::system(refusal).doing("copy").on(&source).into());
            }
            let staged = Staged::create(to, is_durable)?;
            if found.len() > SMALL_BYTES {
                return Ok(Some(staged));
            }
            let file = staged.file()?;
            io::copy(&mut File::open(&source)?, &mut &**file)?;
            file.set_permissions(Permissions::from_mode(found.mode() & 0o777))?;
            staged.publish(target).map(|_| None)
        };
        let told = |error| made(error, from, to, target);
        let Some(staged) = self.change("copy", to, begin).await.map_err(told)? else {
            return Ok(());
        };
        let context = self.context().await?;
        let copied = CopyOptions::new().context(&context).copy(from, staged.path()).await;
        let end = move |_: &Path| match copied {
            Ok(_) => staged.publish(target).map(drop),
            Err(error) => staged.remove().and(Err(error)),
        };
        self.change("copy", to, end).await.map_err(told)
    }

    /// Renames an object: one hop.
    pub(crate) async fn rename(&self, from: &Path, to: &Path, target: Target) -> Result<()> {
        let (is_durable, cleans_up) = (self.is_durable, self.cleans_up);
        let (root, source) = (self.root.clone(), from.to_owned());
        let change = move |to: &Path| {
            examine(&source)?;
            with_parents(to, is_durable, || rename(&source, to, target))?;
            if is_durable {
                sync_parent(to)?;
                if source.parent() != to.parent() {
                    sync_parent(&source)?;
                }
            }
            if cleans_up {
                remove_empty_parents(&source, &root);
            }
            Ok(())
        };
        let renamed = self.change("rename", to, change).await;
        self.forget(from);
        renamed.map_err(|error| made(error, from, to, target))
    }
}

/// What the system knows of an object. A directory is none, and nothing below a file is.
fn examine(path: &Path) -> io::Result<Metadata> {
    let answer = match fs::metadata(path) {
        Ok(metadata) if !metadata.is_dir() => return Ok(metadata),
        Ok(_) => io::Error::new(io::ErrorKind::NotFound, "it is a directory, and no object"),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            io::Error::new(io::ErrorKind::NotFound, error)
        }
        Err(error) => error,
    };
    Err(caio::Error::system(answer).doing("metadata").on(path).into())
}

/// What came of it: that something is not there can only be said of the source.
fn made(error: io::Error, from: &Path, to: &Path, target: Target) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::looking(error, from),
        _ if target == Target::New => Error::making_new(error, to),
        _ => Error::changing(error, to),
    }
}
