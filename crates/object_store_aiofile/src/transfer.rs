//! Objects that get another name, or a second one that is a copy.

use std::fs;
use std::io;
use std::path::Path;

use aiofile::fs::CopyOptions;

use crate::directory::{remove_empty_parents, sync_parent, with_parents};
use crate::error::{Error, Result};
use crate::staged::{Staged, Target, rename};
use crate::store::Store;

impl Store {
    /// Copies an object: the file system shares the blocks, or the kernel copies them, where they
    /// can. Three hops.
    pub(crate) async fn copy(&self, from: &Path, to: &Path, target: Target) -> Result<()> {
        let is_durable = self.is_durable;
        let source = from.to_owned();
        let begin = move |to: &Path| {
            is_file(&source)?;
            if target == Target::New && to.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            Staged::create(to, is_durable)
        };
        let told = |error| made(error, from, to, target);
        let staged = self.change("copy", to, begin).await.map_err(told)?;
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
            with_parents(to, is_durable, || {
                is_file(&source)?;
                rename(&source, to, target)
            })?;
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

/// A directory is no object.
fn is_file(path: &Path) -> io::Result<()> {
    match fs::metadata(path)?.is_dir() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, "it is a directory, and no object")),
        false => Ok(()),
    }
}

/// What came of it: that something is not there can only be said of the source.
fn made(error: io::Error, from: &Path, to: &Path, target: Target) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::looking(error, from),
        _ if target == Target::New => Error::making_new(error, to),
        _ => Error::changing(error, to),
    }
}
