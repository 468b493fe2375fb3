//! Extended attributes: names with values that a file carries beside its contents.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use caio::Error;
use rustix::buffer::spare_capacity;
use rustix::fs::XattrFlags;
use rustix::io::Errno;

use super::Fs;

/// The longest value, and the longest list of names, that Linux has.
const BYTES_MAX: usize = 64 * 1024;

/// Whether a symbolic link stands for what it leads to, or for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Follow,
    NoFollow,
}

/// The value of an extended attribute; `None` where the file has none of this name. One hop.
///
/// # Errors
/// [`Unsupported`](io::ErrorKind::Unsupported) where the file system keeps none or the name has no
/// namespace; else what the system answers.
///
/// # Cancel safety
/// Dropping the future has no effect.
///
/// ```no_run
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use aiofile::fs;
///
/// fs::setxattr("photo.jpg", "user.author", "Ada").await?;
/// assert_eq!(fs::getxattr("photo.jpg", "user.author").await?.as_deref(), Some(&b"Ada"[..]));
/// assert_eq!(fs::listxattr("photo.jpg").await?, ["user.author"]);
/// # Ok(()) }
/// ```
pub async fn getxattr(
    path: impl AsRef<Path>,
    name: impl AsRef<OsStr>,
) -> io::Result<Option<Vec<u8>>> {
    Fs::current().await?.getxattr(path, name).await
}

/// [`getxattr`] of a symbolic link itself.
///
/// # Errors
/// As for [`getxattr`].
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn lgetxattr(
    path: impl AsRef<Path>,
    name: impl AsRef<OsStr>,
) -> io::Result<Option<Vec<u8>>> {
    Fs::current().await?.lgetxattr(path, name).await
}

/// Gives a file an extended attribute, or another value to one that it has. One hop.
///
/// # Errors
/// As for [`getxattr`]; ENOSPC where there is no room, ERANGE or E2BIG for a value that is too
/// long; EPERM where such a file can have none of this namespace, as a symbolic link none of
/// `user`.
///
/// # Cancel safety
/// A future that is dropped may have set it.
pub async fn setxattr(
    path: impl AsRef<Path>,
    name: impl AsRef<OsStr>,
    value: impl AsRef<[u8]>,
) -> io::Result<()> {
    Fs::current().await?.setxattr(path, name, value).await
}

/// [`setxattr`] on a symbolic link itself.
///
/// # Errors
/// As for [`setxattr`].
///
/// # Cancel safety
/// As for [`setxattr`].
pub async fn lsetxattr(
    path: impl AsRef<Path>,
    name: impl AsRef<OsStr>,
    value: impl AsRef<[u8]>,
) -> io::Result<()> {
    Fs::current().await?.lsetxattr(path, name, value).await
}

/// Takes an extended attribute from a file. One hop.
///
/// # Errors
/// ENODATA where it has none of this name; else as for [`getxattr`].
///
/// # Cancel safety
/// A future that is dropped may have removed it.
pub async fn removexattr(path: impl AsRef<Path>, name: impl AsRef<OsStr>) -> io::Result<()> {
    Fs::current().await?.removexattr(path, name).await
}

/// [`removexattr`] on a symbolic link itself.
///
/// # Errors
/// As for [`removexattr`].
///
/// # Cancel safety
/// As for [`removexattr`].
pub async fn lremovexattr(path: impl AsRef<Path>, name: impl AsRef<OsStr>) -> io::Result<()> {
    Fs::current().await?.lremovexattr(path, name).await
}

/// The names of the extended attributes of a file, as far as the program may see them. One hop.
///
/// # Errors
/// As for [`getxattr`].
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn listxattr(path: impl AsRef<Path>) -> io::Result<Vec<OsString>> {
    Fs::current().await?.listxattr(path).await
}

/// [`listxattr`] of a symbolic link itself.
///
/// # Errors
/// As for [`getxattr`].
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn llistxattr(path: impl AsRef<Path>) -> io::Result<Vec<OsString>> {
    Fs::current().await?.llistxattr(path).await
}

impl Fs {
    /// As [`fs::getxattr`](getxattr()).
    pub async fn getxattr(
        &self,
        path: impl AsRef<Path>,
        name: impl AsRef<OsStr>,
    ) -> io::Result<Option<Vec<u8>>> {
        self.get_attribute(path.as_ref(), name.as_ref(), Links::Follow).await
    }

    /// As [`fs::lgetxattr`](lgetxattr()).
    pub async fn lgetxattr(
        &self,
        path: impl AsRef<Path>,
        name: impl AsRef<OsStr>,
    ) -> io::Result<Option<Vec<u8>>> {
        self.get_attribute(path.as_ref(), name.as_ref(), Links::NoFollow).await
    }

    /// As [`fs::setxattr`](setxattr()).
    pub async fn setxattr(
        &self,
        path: impl AsRef<Path>,
        name: impl AsRef<OsStr>,
        value: impl AsRef<[u8]>,
    ) -> io::Result<()> {
        self.set_attribute(path.as_ref(), name.as_ref(), value.as_ref(), Links::Follow).await
    }

    /// As [`fs::lsetxattr`](lsetxattr()).
    pub async fn lsetxattr(
        &self,
        path: impl AsRef<Path>,
        name: impl AsRef<OsStr>,
        value: impl AsRef<[u8]>,
    ) -> io::Result<()> {
        self.set_attribute(path.as_ref(), name.as_ref(), value.as_ref(), Links::NoFollow).await
    }

    /// As [`fs::removexattr`](removexattr()).
    pub async fn removexattr(
        &self,
        path: impl AsRef<Path>,
        name: impl AsRef<OsStr>,
    ) -> io::Result<()> {
        self.remove_attribute(path.as_ref(), name.as_ref(), Links::Follow).await
    }

    /// As [`fs::lremovexattr`](lremovexattr()).
    pub async fn lremovexattr(
        &self,
        path: impl AsRef<Path>,
        name: impl AsRef<OsStr>,
    ) -> io::Result<()> {
        self.remove_attribute(path.as_ref(), name.as_ref(), Links::NoFollow).await
    }

    /// As [`fs::listxattr`](listxattr()).
    pub async fn listxattr(&self, path: impl AsRef<Path>) -> io::Result<Vec<OsString>> {
        self.list_attributes(path.as_ref(), Links::Follow).await
    }

    /// As [`fs::llistxattr`](llistxattr()).
    pub async fn llistxattr(&self, path: impl AsRef<Path>) -> io::Result<Vec<OsString>> {
        self.list_attributes(path.as_ref(), Links::NoFollow).await
    }

    async fn get_attribute(
        &self,
        path: &Path,
        name: &OsStr,
        links: Links,
    ) -> io::Result<Option<Vec<u8>>> {
        let name = name.to_owned();
        let get = move |path: &Path| {
            let mut value = Vec::with_capacity(BYTES_MAX);
            let room = spare_capacity(&mut value);
            let got = match links {
                Links::Follow => rustix::fs::getxattr(path, &*name, room),
                Links::NoFollow => rustix::fs::lgetxattr(path, &*name, room),
            };
            match got {
                Ok(_) => {
                    value.shrink_to_fit();
                    Ok(Some(value))
                }
                Err(Errno::NODATA) => Ok(None),
                Err(errno) => Err(errno.into()),
            }
        };
        self.call("getxattr", path, get).await.map_err(explain)
    }

    async fn set_attribute(
        &self,
        path: &Path,
        name: &OsStr,
        value: &[u8],
        links: Links,
    ) -> io::Result<()> {
        let (name, value) = (name.to_owned(), value.to_owned());
        let set = move |path: &Path| {
            let (name, flags) = (&*name, XattrFlags::empty());
            Ok(match links {
                Links::Follow => rustix::fs::setxattr(path, name, &value, flags),
                Links::NoFollow => rustix::fs::lsetxattr(path, name, &value, flags),
            }?)
        };
        self.call("setxattr", path, set).await.map_err(explain)
    }

    async fn remove_attribute(&self, path: &Path, name: &OsStr, links: Links) -> io::Result<()> {
        let name = name.to_owned();
        let remove = move |path: &Path| {
            Ok(match links {
                Links::Follow => rustix::fs::removexattr(path, &*name),
                Links::NoFollow => rustix::fs::lremovexattr(path, &*name),
            }?)
        };
        self.call("removexattr", path, remove).await.map_err(explain)
    }

    async fn list_attributes(&self, path: &Path, links: Links) -> io::Result<Vec<OsString>> {
        let list = move |path: &Path| {
            let mut names = Vec::with_capacity(BYTES_MAX);
            let room = spare_capacity(&mut names);
            match links {
                Links::Follow => rustix::fs::listxattr(path, room),
                Links::NoFollow => rustix::fs::llistxattr(path, room),
            }?;
            // Each ends with a NUL byte.
            let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
            Ok(names.map(|name| OsString::from_vec(name.to_vec())).collect())
        };
        self.call("listxattr", path, list).await.map_err(explain)
    }
}

/// Adds what helps to an answer that tells two things.
fn explain(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Unsupported => {
            let hint = "a name begins with its namespace, as in `user.note`, and not every file \
                        system keeps attributes";
            Error::system(error).hint(hint).into()
        }
        _ => error,
    }
}
