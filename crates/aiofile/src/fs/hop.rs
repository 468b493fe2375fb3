//! One hop that concerns a path, two of them, or an open file.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use caio::{Error, PathCall};

use super::Fs;

impl Fs {
    /// A call that a backend with files of its own has, too. Its error names it and its paths.
    pub(crate) async fn make(&self, call: PathCall) -> io::Result<()> {
        Ok(self.context().on_path(call).await.map(drop)?)
    }

    /// What a closure does with a path, on a thread that may block. Its error names both.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        name: &'static str,
        path: &Path,
        call: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let owned = path.to_owned();
        Ok(self.context().run_on(name, path, move || Ok(call(&owned)?)).await?)
    }

    /// The same with two paths.
    pub(crate) async fn call_on_two<T: Send + 'static>(
        &self,
        name: &'static str,
        (from, to): (&Path, &Path),
        call: impl FnOnce(&Path, &Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let owned = (from.to_owned(), to.to_owned());
        let done = self.context().run_on(name, from, move || Ok(call(&owned.0, &owned.1)?)).await;
        Ok(done.map_err(|error| error.to(to))?)
    }

    /// The same with an open file. The call has a descriptor of its own, which shares the open file
    /// with the caller's: so it outlives a future that is dropped.
    pub(crate) async fn call_on_file<T: Send + 'static>(
        &self,
        name: &'static str,
        file: &(impl AsFd + Sync + ?Sized),
        call: impl FnOnce(BorrowedFd<'_>) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let shown = shown(file.as_fd());
        let describe = |error: Error| error.doing(name).on(&shown);
        let own = own(file).map_err(|error| describe(Error::system(error)))?;
        let done = self.context().run_on(name, &shown, move || Ok(call(own.as_fd())?)).await;
        Ok(done.map_err(describe)?)
    }
}

/// A descriptor of one's own for an open file.
pub(super) fn own(file: &(impl AsFd + ?Sized)) -> io::Result<OwnedFd> {
    file.as_fd().try_clone_to_owned()
}

/// What an open file whose path is not known is called in an error.
pub(super) fn shown(file: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/dev/fd/{}", file.as_raw_fd()))
}
