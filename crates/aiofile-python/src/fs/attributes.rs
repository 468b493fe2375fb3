//! What is known of a file beside its contents.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, SystemTime};

use aiofile::fs::{self, Access, FileTimes};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyTuple, PyType};

use super::function;
use crate::arguments::{Data, PathArgument};
use crate::awaitable::Awaitable;
use crate::context::{PyContext, in_context};
use crate::error::exception;
use crate::outcome::{nothing, value};

function! {
    /// What is known of the file, as `os.stat_result`. No hop for a path that the kernel has in
    /// memory. Raises `OSError`.
    stat(path), stat_result(&fs::metadata(&path).await.map_err(exception)?)
}

function! {
    /// As `stat`, of a symbolic link itself.
    lstat(path), stat_result(&fs::symlink_metadata(&path).await.map_err(exception)?)
}

function! {
    /// Whether there is something at the path. Raises `OSError` where that cannot be known.
    exists(path), value(fs::try_exists(&path).await.map_err(exception)?)
}

function! {
    /// Whether a regular file is at the path, or a link leads to one. `False` where there is
    /// nothing. Raises `OSError` where that cannot be known. No hop for a path that the kernel has
    /// in memory.
    isfile(path), value(found(fs::metadata(&path).await)?.is_some_and(|it| it.is_file()))
}

function! {
    /// As `isfile`, for a directory.
    isdir(path), value(found(fs::metadata(&path).await)?.is_some_and(|it| it.is_dir()))
}

function! {
    /// As `isfile`, for a symbolic link itself.
    islink(path), {
        value(found(fs::symlink_metadata(&path).await)?.is_some_and(|it| it.is_symlink()))
    }
}

function! {
    /// How many bytes the file has. No hop for a path that the kernel has in memory. Raises
    /// `OSError`.
    getsize(path), value(fs::metadata(&path).await.map_err(exception)?.len())
}

function! {
    /// Whether both paths lead to one file. Raises `OSError`.
    samefile(path, other), value(fs::same_file(&path, &other).await.map_err(exception)?)
}

function! {
    /// Whether this user may do what `mode` says: `os.F_OK`, or `os.R_OK`, `os.W_OK` and `os.X_OK`
    /// added up. `False` where there is nothing. One hop. Raises `OSError` where that cannot be
    /// known.
    access(path; mode: u32), {
        let asked = [(4, Access::READ), (2, Access::WRITE), (1, Access::EXECUTE)]
            .into_iter()
            .filter(|(bit, _)| mode & bit != 0)
            .fold(Access::EXISTS, |all, (_, one)| all | one);
        value(found(fs::access(&path, asked).await)?.unwrap_or(false))
    }
}

function! {
    /// Sets the permissions, such as 0o640. Raises `OSError`.
    chmod(path; mode: u32), {
        nothing(fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).await)
    }
}

function! {
    /// How many bytes this user may still write on the path's file system. Raises `OSError`.
    available_space(path), value(fs::available_space(&path).await.map_err(exception)?)
}

function! {
    /// Where the file has data, and no holes: pairs of a start and an end. Raises `OSError`.
    data_ranges(path), {
        let ranges = fs::data_ranges(&path).await.map_err(exception)?;
        value(ranges.into_iter().map(|range| (range.start, range.end)).collect::<Vec<_>>())
    }
}

/// Sets the owner and the group by their numbers; -1 leaves one as it is. One hop. Raises
/// `OSError`.
#[pyfunction]
#[pyo3(signature = (path, uid, gid, *, follow_symlinks=true, context=None))]
pub(crate) fn chown(
    path: PathArgument,
    uid: i64,
    gid: i64,
    follow_symlinks: bool,
    context: Option<Bound<'_, PyContext>>,
) -> PyResult<Awaitable> {
    let number = |given: i64| match given {
        -1 => Ok(None),
        given => u32::try_from(given).map(Some).map_err(|_| {
            PyValueError::new_err(format!("the number of a user or a group is not {given}"))
        }),
    };
    let (uid, gid, PathArgument(path)) = (number(uid)?, number(gid)?, path);
    Ok(Awaitable::new(
        "chown",
        in_context(context, async move {
            nothing(match follow_symlinks {
                true => fs::chown(&path, uid, gid).await,
                false => fs::lchown(&path, uid, gid).await,
            })
        }),
    ))
}

/// Sets the times of the last access and the last change: `times` in seconds, or `ns` in
/// nanoseconds, since 1970; without both, to now. One hop.
///
/// Raises `OSError`, and `ValueError` for a time that no file has, at once.
#[pyfunction]
#[pyo3(signature = (path, times=None, *, ns=None, context=None))]
pub(crate) fn utime(
    path: PathArgument,
    times: Option<(f64, f64)>,
    ns: Option<(i128, i128)>,
    context: Option<Bound<'_, PyContext>>,
) -> PyResult<Awaitable> {
    let of_seconds = |seconds: f64| time((seconds * 1e9) as i128);
    let (accessed, modified) = match (times, ns) {
        (Some(_), Some(_)) => return Err(PyValueError::new_err("times and ns exclude each other")),
        (Some((accessed, modified)), None) => (of_seconds(accessed)?, of_seconds(modified)?),
        (None, Some((accessed, modified))) => (time(accessed)?, time(modified)?),
        (None, None) => (SystemTime::now(), SystemTime::now()),
    };
    let times = FileTimes::new().set_accessed(accessed).set_modified(modified);
    let PathArgument(path) = path;
    Ok(Awaitable::new(
        "utime",
        in_context(context, async move { nothing(fs::set_times(&path, times).await) }),
    ))
}

fn time(nanoseconds: i128) -> PyResult<SystemTime> {
    let distance = u64::try_from(nanoseconds.unsigned_abs()).ok().map(Duration::from_nanos);
    let time = distance.and_then(|distance| match nanoseconds < 0 {
        true => SystemTime::UNIX_EPOCH.checked_sub(distance),
        false => SystemTime::UNIX_EPOCH.checked_add(distance),
    });
    time.ok_or_else(|| PyValueError::new_err(format!("no file has the time {nanoseconds} ns")))
}

/// The value of an extended attribute, such as `user.author`, or `None` where the file has none of
/// that name. One hop. Raises `OSError`, such as `EOPNOTSUPP` where the file system has none at
/// all.
#[pyfunction]
#[pyo3(signature = (path, attribute, *, follow_symlinks=true, context=None))]
pub(crate) fn getxattr(
    path: PathArgument,
    attribute: PathArgument,
    follow_symlinks: bool,
    context: Option<Bound<'_, PyContext>>,
) -> Awaitable {
    let (PathArgument(path), PathArgument(name)) = (path, attribute);
    Awaitable::new(
        "getxattr",
        in_context(context, async move {
            let value = match follow_symlinks {
                true => fs::getxattr(&path, &name).await,
                false => fs::lgetxattr(&path, &name).await,
            };
            let value = value.map_err(exception)?;
            Ok(Python::attach(|py| match value {
                Some(value) => PyBytes::new(py, &value).into_any().unbind(),
                None => py.None(),
            }))
        }),
    )
}

/// Gives the file an extended attribute, or another value to one that it has. One hop. Raises
/// `OSError`.
#[pyfunction]
#[pyo3(signature = (path, attribute, value, *, follow_symlinks=true, context=None))]
pub(crate) fn setxattr(
    path: PathArgument,
    attribute: PathArgument,
    value: Data,
    follow_symlinks: bool,
    context: Option<Bound<'_, PyContext>>,
) -> Awaitable {
    let (PathArgument(path), PathArgument(name), Data(value)) = (path, attribute, value);
    Awaitable::new(
        "setxattr",
        in_context(context, async move {
            nothing(match follow_symlinks {
                true => fs::setxattr(&path, &name, value).await,
                false => fs::lsetxattr(&path, &name, value).await,
            })
        }),
    )
}

/// Takes an extended attribute from the file. One hop. Raises `OSError`, with `ENODATA` where it
/// has none of that name.
#[pyfunction]
#[pyo3(signature = (path, attribute, *, follow_symlinks=true, context=None))]
pub(crate) fn removexattr(
    path: PathArgument,
    attribute: PathArgument,
    follow_symlinks: bool,
    context: Option<Bound<'_, PyContext>>,
) -> Awaitable {
    let (PathArgument(path), PathArgument(name)) = (path, attribute);
    Awaitable::new(
        "removexattr",
        in_context(context, async move {
            nothing(match follow_symlinks {
                true => fs::removexattr(&path, &name).await,
                false => fs::lremovexattr(&path, &name).await,
            })
        }),
    )
}

/// The names of the extended attributes of the file. One hop. Raises `OSError`.
#[pyfunction]
#[pyo3(signature = (path, *, follow_symlinks=true, context=None))]
pub(crate) fn listxattr(
    path: PathArgument,
    follow_symlinks: bool,
    context: Option<Bound<'_, PyContext>>,
) -> Awaitable {
    let PathArgument(path) = path;
    Awaitable::new(
        "listxattr",
        in_context(context, async move {
            let names = match follow_symlinks {
                true => fs::listxattr(&path).await,
                false => fs::llistxattr(&path).await,
            };
            value(names.map_err(exception)?)
        }),
    )
}

/// What was found at a path, if there is anything.
fn found<T>(found: io::Result<T>) -> PyResult<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        found => Ok(Some(found.map_err(exception)?)),
    }
}

fn stat_result(metadata: &Metadata) -> PyResult<Py<PyAny>> {
    static KIND: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let nanoseconds = |seconds: i64, rest: i64| seconds * 1_000_000_000 + rest;
    let times = [
        (metadata.atime(), metadata.atime_nsec()),
        (metadata.mtime(), metadata.mtime_nsec()),
        (metadata.ctime(), metadata.ctime_nsec()),
    ];
    Python::attach(|py| {
        let mut fields: Vec<Bound<'_, PyAny>> = Vec::with_capacity(19);
        let mut push = |field: u64| {
            fields.push(field.into_pyobject(py)?.into_any());
            PyResult::Ok(())
        };
        push(metadata.mode().into())?;
        push(metadata.ino())?;
        push(metadata.dev())?;
        push(metadata.nlink())?;
        push(metadata.uid().into())?;
        push(metadata.gid().into())?;
        push(metadata.size())?;
        for (seconds, _) in times {
            fields.push(seconds.into_pyobject(py)?.into_any());
        }
        for (seconds, rest) in times {
            let time = seconds as f64 + rest as f64 / 1e9;
            fields.push(time.into_pyobject(py)?.into_any());
        }
        for (seconds, rest) in times {
            fields.push(nanoseconds(seconds, rest).into_pyobject(py)?.into_any());
        }
        for field in [metadata.blksize(), metadata.blocks(), metadata.rdev()] {
            fields.push(field.into_pyobject(py)?.into_any());
        }
        let kind = KIND.import(py, "os", "stat_result")?;
        Ok(kind.call1((PyTuple::new(py, fields)?,))?.unbind())
    })
}
