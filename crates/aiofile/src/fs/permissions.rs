//! Who may do what with a file, and whose it is.

use std::fs::Permissions;
use std::io;
use std::ops::BitOr;
use std::path::Path;

use super::Fs;

/// Sets the mode of what is at a path; of a symbolic link, of what it leads to. chmod(2).
///
/// # Costs
/// One hop.
///
/// # Errors
/// What the system answers.
///
/// # Cancel safety
/// Dropping the future before a thread has begun leaves all as it was; later, the mode is set.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("script");
/// # std::fs::write(&path, "#!/bin/sh")?;
/// use aiofile::fs;
/// use std::fs::Permissions;
/// use std::os::unix::fs::PermissionsExt;
///
/// fs::set_permissions(&path, Permissions::from_mode(0o755)).await?;
/// assert_eq!(fs::metadata(&path).await?.permissions().mode() & 0o777, 0o755);
/// # Ok(()) }
/// ```
#[doc(alias("chmod"))]
pub async fn set_permissions(path: impl AsRef<Path>, perm: Permissions) -> io::Result<()> {
    Fs::current().await?.set_permissions(path, perm).await
}

/// Sets the owner, the group or both; of a symbolic link, those of what it leads to. chown(2).
///
/// # Costs
/// One hop.
///
/// # Errors
/// What the system answers: EPERM where only a privileged process may do that.
///
/// # Cancel safety
/// Dropping the future before a thread has begun leaves all as it was; later, they are set.
pub async fn chown(path: impl AsRef<Path>, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    Fs::current().await?.chown(path, uid, gid).await
}

/// As [`chown`], of a symbolic link itself. lchown(2).
///
/// # Costs
/// One hop.
///
/// # Errors
/// As for [`chown`].
///
/// # Cancel safety
/// As for [`chown`].
pub async fn lchown(path: impl AsRef<Path>, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    Fs::current().await?.lchown(path, uid, gid).await
}

/// Whether the process may do all of this with what is at a path, by its real user and group as
/// access(2) has it. What may be done a moment later only doing it shows.
///
/// # Costs
/// One hop.
///
/// # Errors
/// Where that cannot be found out: there is nothing at the path, or a directory above may not be
/// searched.
///
/// # Cancel safety
/// Dropping the future has no effect.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use aiofile::fs::{self, Access};
///
/// assert!(fs::access("/proc/self/exe", Access::READ | Access::EXECUTE).await?);
/// assert!(!fs::access("/proc/version", Access::EXECUTE).await?);
/// # Ok(()) }
/// ```
pub async fn access(path: impl AsRef<Path>, mode: Access) -> io::Result<bool> {
    Fs::current().await?.access(path, mode).await
}

/// What [`access`] asks for, combined with `|`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Access(rustix::fs::Access);

impl Access {
    /// That there is something.
    #[doc(alias("F_OK"))]
    pub const EXISTS: Self = Self(rustix::fs::Access::EXISTS);
    /// To read a file, or to list a directory.
    #[doc(alias("R_OK"))]
    pub const READ: Self = Self(rustix::fs::Access::READ_OK);
    /// To write a file, or to make and remove names in a directory.
    #[doc(alias("W_OK"))]
    pub const WRITE: Self = Self(rustix::fs::Access::WRITE_OK);
    /// To run a file, or to use what is in a directory.
    #[doc(alias("X_OK"))]
    pub const EXECUTE: Self = Self(rustix::fs::Access::EXEC_OK);
}

impl BitOr for Access {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Fs {
    /// As [`fs::set_permissions`](set_permissions()).
    pub async fn set_permissions(
        &self,
        path: impl AsRef<Path>,
        perm: Permissions,
    ) -> io::Result<()> {
        let set = move |path: &Path| std::fs::set_permissions(path, perm);
        self.call("set_permissions", path.as_ref(), set).await
    }

    /// As [`fs::chown`](chown()).
    pub async fn chown(
        &self,
        path: impl AsRef<Path>,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> io::Result<()> {
        let set = move |path: &Path| std::os::unix::fs::chown(path, uid, gid);
        self.call("chown", path.as_ref(), set).await
    }

    /// As [`fs::lchown`](lchown()).
    pub async fn lchown(
        &self,
        path: impl AsRef<Path>,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> io::Result<()> {
        let set = move |path: &Path| std::os::unix::fs::lchown(path, uid, gid);
        self.call("lchown", path.as_ref(), set).await
    }

    /// As [`fs::access`](access()).
    pub async fn access(&self, path: impl AsRef<Path>, mode: Access) -> io::Result<bool> {
        let ask = move |path: &Path| {
            // EACCES is also the answer where a directory above may not be searched.
            if let Err(error) = rustix::fs::access(path, Access::EXISTS.0) {
                return Err(error.into());
            }
            let permitted = rustix::fs::access(path, mode.0).map_err(io::Error::from);
            match permitted.map_err(|error| (error.kind(), error)) {
                Ok(()) => Ok(true),
                Err((io::ErrorKind::PermissionDenied, _))
                | Err((io::ErrorKind::ReadOnlyFilesystem, _))
                | Err((io::ErrorKind::ExecutableFileBusy, _)) => Ok(false),
                Err((_, error)) => Err(error),
            }
        };
        self.call("access", path.as_ref(), ask).await
    }
}
