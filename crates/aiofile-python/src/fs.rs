//! Functions on paths, under the names that Python has for them.

use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;

use aiofile::fs;
use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyTuple, PyType};
use tokio::sync::Mutex;

use crate::arguments::{Data, PathArgument};
use crate::awaitable::Awaitable;
use crate::context::{PyContext, in_context};
use crate::error::exception;
use crate::outcome::{nothing, value};
use crate::text_file::text_options;

/// A function of one path or two, and of what else it takes.
macro_rules! function {
    ($(#[doc = $doc:literal])* $name:ident($path:ident $(, $to:ident)?), $body:expr) => {
        function!($(#[doc = $doc])* $name($path $(, $to)?; ), $body);
    };
    (
        $(#[doc = $doc:literal])*
        $name:ident($($path:ident),+; $($given:ident: $type:ty),*), $body:expr
    ) => {
        $(#[doc = $doc])*
        #[pyfunction]
        #[pyo3(signature = ($($path,)+ $($given,)* *, context=None))]
        pub(crate) fn $name(
            $($path: PathArgument,)+
            $($given: $type,)*
            context: Option<Bound<'_, PyContext>>,
        ) -> Awaitable {
            $(let PathArgument($path) = $path;)+
            Awaitable::new(stringify!($name), in_context(context, async move { $body }))
        }
    };
}

function! {
    /// The whole file, as `bytes`. One hop; none for a small one that is cached. Raises `OSError`.
    read_bytes(path), {
        let read = fs::read(&path).await.map_err(exception)?;
        Ok(Python::attach(|py| PyBytes::new(py, &read).into_any().unbind()))
    }
}

function! {
    /// Makes `data` the contents of the file, which is created where it is missing. One hop. Raises
    /// `OSError`. A crash in between leaves a part: see `write_atomic`.
    write_bytes(path; data: Data), nothing(fs::write(&path, data.0).await)
}

function! {
    /// Appends `data` to the file, which is created where it is missing. One hop. Raises `OSError`.
    append_bytes(path; data: Data), nothing(fs::append(&path, data.0).await)
}

function! {
    /// Replaces the file by one with the contents `data`, so that nobody ever sees a part of it.
    /// One hop. Raises `OSError`; the file is as it was then.
    write_atomic(path; data: Data), nothing(fs::write_atomic(&path, data.0).await)
}

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
    /// The names in a directory, in the system's order. One hop for some hundred. Raises `OSError`.
    listdir(path), {
        let mut entries = fs::read_dir(&path).await.map_err(exception)?;
        let mut names: Vec<OsString> = Vec::new();
        while let Some(entry) = entries.next_entry().await.map_err(exception)? {
            names.push(entry.file_name());
        }
        value(names)
    }
}

function! {
    /// Makes a directory. Raises `OSError`.
    mkdir(path), nothing(fs::create_dir(&path).await)
}

function! {
    /// Makes a directory and those above it that are missing; one that is there is no error.
    makedirs(path), nothing(fs::create_dir_all(&path).await)
}

function! {
    /// Removes a file. Raises `OSError`.
    remove(path), nothing(fs::remove_file(&path).await)
}

function! {
    /// Removes an empty directory. Raises `OSError`.
    rmdir(path), nothing(fs::remove_dir(&path).await)
}

function! {
    /// Removes a directory and all that is in it, through no link. Raises `OSError`.
    rmtree(path), nothing(fs::remove_dir_all(&path).await)
}

function! {
    /// Gives a file another name, in place of what had it. Raises `OSError`.
    rename(path, target), nothing(fs::rename(&path, &target).await)
}

function! {
    /// Copies a file with its permissions, and returns how many bytes it has. The kernel copies or
    /// shares them where it can. Raises `OSError`.
    copy(path, target), value(fs::copy(&path, &target).await.map_err(exception)?)
}

function! {
    /// Copies a directory and all that is in it, and returns how many bytes its files have.
    copytree(path, target), value(fs::copy_dir(&path, &target).await.map_err(exception)?)
}

function! {
    /// Gives a file a second name. Raises `OSError`.
    link(path, target), nothing(fs::hard_link(&path, &target).await)
}

function! {
    /// Makes a symbolic link at `target` that leads to `path`. Raises `OSError`.
    symlink(path, target), nothing(fs::symlink(&path, &target).await)
}

function! {
    /// Where a symbolic link leads. Raises `OSError`.
    readlink(path), value(fs::read_link(&path).await.map_err(exception)?.into_os_string())
}

function! {
    /// The path without links and dots, of something that is there. Raises `OSError`.
    realpath(path), value(fs::canonicalize(&path).await.map_err(exception)?.into_os_string())
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

/// The whole file, as `str`. Raises `OSError`, and `UnicodeError` for bytes that are no text.
#[pyfunction]
#[pyo3(signature = (path, encoding=None, errors=None, newline=None, *, context=None))]
pub(crate) fn read_text(
    path: PathArgument,
    encoding: Option<&str>,
    errors: Option<&str>,
    newline: Option<&str>,
    context: Option<Bound<'_, PyContext>>,
) -> PyResult<Awaitable> {
    let ((options, _), PathArgument(path)) = (text_options(encoding, errors, newline)?, path);
    Ok(Awaitable::new(
        "read_text",
        in_context(context, async move {
            value(fs::read_text(&path, &options).await.map_err(exception)?)
        }),
    ))
}

/// Makes `text` the contents of the file, which is created where it is missing. Raises `OSError`,
/// and `ValueError` for a character that the encoding lacks.
#[pyfunction]
#[pyo3(signature = (path, text, encoding=None, errors=None, newline=None, *, context=None))]
pub(crate) fn write_text(
    path: PathArgument,
    text: String,
    encoding: Option<&str>,
    errors: Option<&str>,
    newline: Option<&str>,
    context: Option<Bound<'_, PyContext>>,
) -> PyResult<Awaitable> {
    let ((options, _), PathArgument(path)) = (text_options(encoding, errors, newline)?, path);
    Ok(Awaitable::new(
        "write_text",
        in_context(context, async move { nothing(fs::write_text(&path, &text, &options).await) }),
    ))
}

/// The paths of a tree or of a pattern, one after the other: `async for`.
#[pyclass(frozen, module = "aiofile_rs.fs")]
pub(crate) struct Paths(Arc<Mutex<fs::WalkEntries>>);

#[pymethods]
impl Paths {
    fn __aiter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __anext__(&self) -> Awaitable {
        let entries = Arc::clone(&self.0);
        Awaitable::new("__anext__", async move {
            let next = entries.lock().await.next().await;
            match next {
                Some(Ok(entry)) => value(entry.into_path().into_os_string()),
                Some(Err(error)) => Err(exception(error.into())),
                None => Err(PyStopAsyncIteration::new_err(())),
            }
        })
    }
}

/// The paths of everything below `root` and of itself: `async for path in walk(root)`. One hop for
/// up to 1,024. A directory that cannot be read raises `OSError`; the iteration may go on.
#[pyfunction]
#[pyo3(signature = (root, *, sort=false, context=None))]
pub(crate) fn walk(root: PathArgument, sort: bool, context: Option<Bound<'_, PyContext>>) -> Paths {
    let mut walk = fs::walk(root.0);
    walk.sort(sort);
    if let Some(context) = context {
        walk.context(&context.get().0);
    }
    Paths(Arc::new(Mutex::new(walk.entries())))
}

/// The paths that match a pattern, such as `logs/**/*.gz`: `async for path in glob(pattern)`.
/// Raises `ValueError` for a bad pattern, at once.
#[pyfunction]
pub(crate) fn glob(pattern: &str) -> PyResult<Paths> {
    let entries = fs::glob(pattern).map_err(exception)?;
    Ok(Paths(Arc::new(Mutex::new(entries))))
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
