//! `async_open`: a file with a cursor from a path, a std file or an [`AioFile`].

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use caio::{Error, ErrorKind, FileClass, OpKind, SharedFile};

use crate::aio_file::AioFile;
use crate::file::{File, end, position};
use crate::mode::Mode;

/// What [`async_open()`] opens: a path, or a file that is open already.
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// use aiofile::{Target, async_open};
///
/// async fn count_lines(input: impl Into<Target>) -> aiofile::Result<usize> {
///     let mut file = async_open(input, "r").await?;
///     let mut lines = 0;
///     while !file.readline().await?.is_empty() {
///         lines += 1;
///     }
///     Ok(lines)
/// }
///
/// let version = std::fs::File::open("/proc/version")?;
/// assert_eq!(count_lines("/proc/version").await?, count_lines(version).await?);
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Target {
    /// A path, opened in the default context.
    Path(PathBuf),
    /// A file that std opened, used in the default context.
    Std(fs::File),
    /// A file of this crate, in its own context.
    File(AioFile),
}

/// Opens a file with a cursor, in a mode as for Python's `open`.
///
/// The cursor begins at the start, and with `a` at the end. A file that is open already keeps the
/// access it was opened with, and nothing is created or cut off; the cursor begins where a file
/// stands that was opened elsewhere, and keeps to its position, see [`File`].
///
/// Costs what [`AioFile::open`] costs, and with `a` one fstat(2).
///
/// # Errors
/// As for [`AioFile::open`]; [`ErrorKind::InvalidInput`] where a file that is open already was not
/// opened for what the mode says: to read, to write, to append.
///
/// # Cancel safety
/// Dropping the future leaks no descriptor. A file may have been created or truncated.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
/// use aiofile::{AioFile, async_open};
///
/// let mut by_path = async_open("/proc/self/exe", "r").await?;
/// let mut from_std = async_open(std::fs::File::open("/proc/self/exe")?, "r").await?;
/// let mut from_file = async_open(AioFile::open("/proc/self/exe", "r").await?, "r").await?;
/// assert_eq!(by_path.read_bytes(4).await?, from_std.read_bytes(4).await?);
/// assert_eq!(from_file.tell(), 0);
/// # Ok(()) }
/// ```
pub async fn async_open<M>(target: impl Into<Target>, mode: M) -> io::Result<File>
where
    M: TryInto<Mode, Error: Into<Error>>,
{
    let target = target.into();
    let mode = mode.try_into().map_err(|error| {
        let error = error.into().during(OpKind::Open);
        match &target {
            Target::Path(path) => error.on(path),
            _ => error,
        }
    })?;
    let file = match target {
        Target::Path(path) => AioFile::open(path, mode).await?,
        Target::Std(file) => AioFile::from_std(file)?,
        Target::File(file) => file,
    };
    let shared = file.file()?;
    check_access(shared, mode)?;
    let end = match shared.is_append() && shared.class() == FileClass::Regular {
        true => Some(end(&file).await?),
        false => None,
    };
    let begin = end.or_else(|| position(&file)).unwrap_or(0);
    let handle = File::new(file, mode, begin);
    handle.publish_position();
    Ok(handle)
}

/// Fails where the file was not opened for what the mode says.
fn check_access(file: &SharedFile, mode: Mode) -> Result<(), Error> {
    let missing = match mode {
        _ if mode.reads() && !file.is_readable() => "read",
        _ if mode.writes() && !file.is_writable() => "write",
        _ if mode.appends() && !file.is_append() => "append",
        _ => return Ok(()),
    };
    let opened = match (file.is_readable(), file.is_writable()) {
        (true, true) => "to read and write",
        (true, false) => "to read only",
        (false, true) => "to write only",
        (false, false) => "neither to read nor to write",
    };
    let how = if file.is_append() { ", and to append" } else { "" };
    let message = format!(
        "mode {:?} has to {missing}, and the file was opened {opened}{how}",
        mode.to_string()
    );
    let error = Error::new(ErrorKind::InvalidInput, message);
    Err(error.during(OpKind::Open).on(file.path()))
}

impl From<fs::File> for Target {
    fn from(file: fs::File) -> Self {
        Self::Std(file)
    }
}

impl From<OwnedFd> for Target {
    /// A descriptor, such as a duplicate of standard output: the file keeps to its position,
    /// which it shares with what is printed, and closes what it is given.
    fn from(descriptor: OwnedFd) -> Self {
        Self::Std(descriptor.into())
    }
}

impl From<AioFile> for Target {
    fn from(file: AioFile) -> Self {
        Self::File(file)
    }
}

macro_rules! paths {
    ($($path:ty),*) => {$(
        impl From<$path> for Target {
            fn from(path: $path) -> Self {
                Self::Path(PathBuf::from(path))
            }
        }
    )*};
}

paths!(&str, String, &String, &Path, PathBuf, &OsStr, OsString);

impl From<&PathBuf> for Target {
    fn from(path: &PathBuf) -> Self {
        Self::Path(path.clone())
    }
}
