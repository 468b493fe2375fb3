//! What is at a path, without opening it, and calls on paths.

use std::fs::Metadata;
use std::path::Path;

use nix::NixPath;

use super::Context;
use super::transfer::misfit;
use crate::error::{Error, Result};
use crate::op::{Op, Output, PathCall};
use crate::sys::local;

impl Context {
    /// Makes a call on paths: by the backend where it has files of its own, else on a pool. One
    /// hop.
    ///
    /// # Errors
    /// [`ErrorKind::Shutdown`](crate::ErrorKind::Shutdown) after the shutdown; else what the system
    /// answers, with the name of the call and its paths.
    ///
    /// # Cancel safety
    /// A future that is dropped leaves a call that has begun to its end.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let from = doc::fresh_path(); let to = from.with_extension("old");
    /// # std::fs::write(&from, "text")?;
    /// use caio::PathCall;
    ///
    /// let rename = PathCall::RenameNew { from, to: to.clone() };
    /// context.on_path(rename.clone()).await?;
    /// let error = context.on_path(rename).await.unwrap_err().to_string();
    /// assert!(error.starts_with("rename ") && error.contains(".old: No such file"), "{error}");
    /// context.on_path(PathCall::RemoveFile { path: to }).await?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn on_path(&self, call: PathCall) -> Result<Output> {
        let described = call.clone();
        let made = self.submit_borrowed(None, Op::Path { call }).await.result;
        made.map_err(|error| {
            let error = error.doing(described.name()).on(described.path());
            match described.target() {
                Some(target) => error.to(target),
                None => error,
            }
        })
    }

    /// stat(2) or, unless a symbolic link at the end of the path is to be followed, lstat(2).
    ///
    /// Where the path is cached, on a mount that is known to be local from an earlier look, it
    /// costs four system calls on the calling thread and no hop; where the directory cache knows
    /// that there is no such file, one. Else it costs one hop.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a path with a NUL byte; else
    /// what the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// use std::path::Path;
    ///
    /// assert!(context.path_metadata(Path::new("/proc/self/exe"), true).await?.is_file());
    /// assert!(context.path_metadata(Path::new("/proc/self/exe"), false).await?.is_symlink());
    /// # Ok(())
    /// # });
    /// ```
    pub async fn path_metadata(&self, path: &Path, follow: bool) -> Result<Metadata> {
        if let Some(found) = self.path_metadata_in_place(path, follow).await {
            return found;
        }
        let path = path.to_owned();
        match self.on_path(PathCall::Metadata { path, follow }).await? {
            Output::Metadata(found) => Ok(*found),
            other => Err(misfit(&other)),
        }
    }

    /// The same, only where it needs no hop; `None` elsewhere, and where there are layers, which
    /// see the closure that comes in its place.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn path_metadata_in_place(
        &self,
        path: &Path,
        follow: bool,
    ) -> Option<Result<Metadata>> {
        if !self.inner.in_place || self.is_shut_down() {
            return None;
        }
        let describe = |error: Error| error.doing(name(follow)).on(path);
        if let Err(error) = self.check_fork() {
            return Some(Err(describe(error)));
        }
        self.proceed(0).await;
        // A path with a NUL byte is refused elsewhere.
        let found = path.with_nix_path(|name| local::metadata(name, follow)).ok()??;
        self.inner.metrics.in_place_other();
        Some(found.map_err(|error| describe(Error::system(error))))
    }
}

/// Looks whether the mount of a path is local, so that from then on what is cached of it is had in
/// place. It may wait for the file system: this is for closures of [`Context::run`], whose call on
/// the path has just waited for it.
pub fn look_at_mount(path: &Path) {
    local::look_at(path);
}

fn name(follow: bool) -> &'static str {
    if follow { "metadata" } else { "symlink_metadata" }
}
