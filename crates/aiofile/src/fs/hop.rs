//! One hop that concerns a path, or an open file.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use caio::{Context, Error};

/// Runs a call on a path, on a thread that may block. Its error names the call and the path.
pub(super) async fn on_path<T: Send + 'static>(
    context: &Context,
    name: &'static str,
    path: &Path,
    call: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let owned = path.to_owned();
    let result = context.run(name, move || Ok(call(&owned)?)).await;
    Ok(result.map_err(|error| error.on(path))?)
}

/// The same for an open file. The call has a descriptor of its own, which shares the open file with
/// the caller's: so it outlives a future that is dropped.
pub(super) async fn on_file<T: Send + 'static>(
    context: &Context,
    name: &'static str,
    file: &(impl AsFd + Sync + ?Sized),
    call: impl FnOnce(BorrowedFd<'_>) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let shown = shown(file.as_fd());
    let describe = |error: Error| error.doing(name).on(&shown);
    let own = own(file).map_err(|error| describe(Error::system(error)))?;
    let result = context.run(name, move || Ok(call(own.as_fd())?)).await;
    Ok(result.map_err(describe)?)
}

/// A descriptor of one's own for an open file.
pub(super) fn own(file: &(impl AsFd + ?Sized)) -> io::Result<OwnedFd> {
    file.as_fd().try_clone_to_owned()
}

/// What an open file whose path is not known is called in an error.
pub(super) fn shown(file: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/dev/fd/{}", file.as_raw_fd()))
}
