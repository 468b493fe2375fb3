//! Renames that replace nothing.

use std::io;
use std::path::Path;

use caio::{Context, Error};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::runtime::default_context_for_task;

/// Renames a file or a directory, unless there is something at `to`: it is one step of the file
/// system's, so that nothing that comes there meanwhile is lost. One hop.
///
/// # Errors
/// [`AlreadyExists`](io::ErrorKind::AlreadyExists) where there is something at `to`; EINVAL on a
/// file system that has no such renaming; else what renameat2(2) answers.
///
/// # Cancel safety
/// A future that is dropped may have renamed.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let root = directory.path();
/// # let (new, old) = (root.join("new"), root.join("old"));
/// # std::fs::write(&new, "new")?; std::fs::write(&old, "old")?;
/// let error = aiofile::fs::rename_noreplace(&new, &old).await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
/// assert_eq!(std::fs::read(&old)?, b"old");
/// # Ok(()) }
/// ```
pub async fn rename_noreplace(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let context = default_context_for_task().await?;
    rename_noreplace_in(&context, from.as_ref(), to.as_ref()).await
}

/// [`rename_noreplace`] on this context.
pub(crate) async fn rename_noreplace_in(
    context: &Context,
    from: &Path,
    to: &Path,
) -> io::Result<()> {
    rename(context, "rename_noreplace", from, to, RenameFlags::NOREPLACE).await
}

/// Has two files or directories change places, in one step. One hop.
///
/// # Errors
/// Both must be there, on one file system; EINVAL where it has no such renaming; else what
/// renameat2(2) answers.
///
/// # Cancel safety
/// A future that is dropped may have renamed.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let root = directory.path();
/// # let (next, current) = (root.join("next"), root.join("current"));
/// # std::fs::write(&next, "2")?; std::fs::write(&current, "1")?;
/// aiofile::fs::rename_exchange(&next, &current).await?;
/// assert_eq!(std::fs::read(&current)?, b"2");
/// assert_eq!(std::fs::read(&next)?, b"1");
/// # Ok(()) }
/// ```
pub async fn rename_exchange(first: impl AsRef<Path>, second: impl AsRef<Path>) -> io::Result<()> {
    let context = default_context_for_task().await?;
    rename_exchange_in(&context, first.as_ref(), second.as_ref()).await
}

/// [`rename_exchange`] on this context.
pub(crate) async fn rename_exchange_in(
    context: &Context,
    first: &Path,
    second: &Path,
) -> io::Result<()> {
    rename(context, "rename_exchange", first, second, RenameFlags::EXCHANGE).await
}

async fn rename(
    context: &Context,
    name: &'static str,
    from: &Path,
    to: &Path,
    flags: RenameFlags,
) -> io::Result<()> {
    let (source, target) = (from.to_owned(), to.to_owned());
    let call = move || {
        renameat_with(CWD, &source, CWD, &target, flags).map_err(|errno| {
            let error = Error::system(errno.into());
            match errno {
                Errno::INVAL => error.hint("the file system may have no such renaming"),
                _ => error,
            }
        })
    };
    Ok(context.run(name, call).await.map_err(|error| error.on(from).to(to))?)
}
