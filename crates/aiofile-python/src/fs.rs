//! Functions on paths, under the names that Python has for them.

mod attributes;
mod copying;
mod locking;
mod paths;

use std::ffi::OsString;

use aiofile::fs::{self, AtomicWriteOptions, Durability};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arguments::{Data, PathArgument};
use crate::awaitable::Awaitable;
use crate::context::{PyContext, in_context};
use crate::error::exception;
use crate::outcome::{nothing, value};
use crate::text_file::text_options;

pub(crate) use attributes::{
    access, available_space, chmod, chown, data_ranges, exists, getsize, getxattr, isdir, isfile,
    islink, listxattr, lstat, removexattr, samefile, setxattr, stat, utime,
};
pub(crate) use copying::{copy, copytree, move_, rename_exchange, rename_noreplace};
pub(crate) use locking::{PyFileLock, lock, try_lock};
pub(crate) use paths::{Paths, glob, walk};

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
use function;

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

/// Replaces the file by one with the contents `data`, so that nobody ever sees a part of it. One
/// hop.
///
/// `durability` says what is on the device then: `data`, so that after a crash of the system it is
/// the old file or the new one; `full`, so that it is the new one; `none`. `permissions` are those
/// of a file that is not there yet, before the umask.
///
/// Raises `OSError`, and the file is as it was then; `ValueError` for an unknown durability, at
/// once.
#[pyfunction]
#[pyo3(signature = (path, data, *, durability="data", permissions=None, context=None))]
pub(crate) fn write_atomic(
    path: PathArgument,
    data: Data,
    durability: &str,
    permissions: Option<u32>,
    context: Option<Bound<'_, PyContext>>,
) -> PyResult<Awaitable> {
    let durability = match durability {
        "none" => Durability::None,
        "data" => Durability::Data,
        "full" => Durability::Full,
        other => {
            let message = format!("durability is none, data or full, and not {other:?}");
            return Err(PyValueError::new_err(message));
        }
    };
    let mut options = AtomicWriteOptions::new();
    options.durability(durability);
    permissions.iter().for_each(|permissions| _ = options.mode(*permissions));
    let (PathArgument(path), Data(data)) = (path, data);
    Ok(Awaitable::new(
        "write_atomic",
        in_context(context, async move { nothing(options.write(&path, data).await) }),
    ))
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
