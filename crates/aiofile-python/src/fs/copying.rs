//! Copies, and what moves.

use aiofile::fs::{self, CopyOptions, Reflink, Replace};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::function;
use crate::arguments::PathArgument;
use crate::awaitable::Awaitable;
use crate::context::{PyContext, in_context};
use crate::error::exception;
use crate::outcome::{nothing, value};

/// Copies a file, and returns how many bytes it has.
///
/// `reflink`: `auto` shares the blocks of the source where the file system can, `always` or fails,
/// `never`. `replace`: `in_place` overwrites a file that is there; `by_rename` has the copy take
/// its name when it is complete; `by_rename_if_possible`. `sparse` keeps holes. `direct` goes past
/// the page cache. `verify` reads both again and compares them. `durable` has the copy on the
/// device before this ends. What the copy gets of its source besides: `keep_mode`, `keep_times`,
/// `keep_owner`, `keep_xattrs`; what cannot be kept is no error.
///
/// Without a choice it is one hop, and the kernel copies where it can. Raises `OSError`, and
/// `ValueError` for an unknown choice, at once. Cancelled, a part may have been copied in place.
#[pyfunction]
#[pyo3(signature = (path, target, *, reflink="auto", replace="in_place", sparse=true,
                    direct=false, verify=false, durable=false, keep_mode=true, keep_times=false,
                    keep_owner=false, keep_xattrs=false, context=None))]
#[expect(clippy::too_many_arguments)] // They are Python's keywords.
pub(crate) fn copy(
    path: PathArgument,
    target: PathArgument,
    reflink: &str,
    replace: &str,
    sparse: bool,
    direct: bool,
    verify: bool,
    durable: bool,
    keep_mode: bool,
    keep_times: bool,
    keep_owner: bool,
    keep_xattrs: bool,
    context: Option<Bound<'_, PyContext>>,
) -> PyResult<Awaitable> {
    let reflink = match reflink {
        "auto" => Reflink::Auto,
        "always" => Reflink::Always,
        "never" => Reflink::Never,
        other => return Err(unknown("reflink", "auto, always or never", other)),
    };
    let replace = match replace {
        "in_place" => Replace::InPlace,
        "by_rename" => Replace::ByRename,
        "by_rename_if_possible" => Replace::ByRenameIfPossible,
        other => {
            let known = "in_place, by_rename or by_rename_if_possible";
            return Err(unknown("replace", known, other));
        }
    };
    let mut options = CopyOptions::new();
    options.reflink(reflink).replace(replace).sparse(sparse).direct(direct).verify(verify);
    options.durable(durable).keep_mode(keep_mode).keep_times(keep_times);
    options.keep_owner(keep_owner).keep_xattrs(keep_xattrs);
    let (PathArgument(path), PathArgument(target)) = (path, target);
    Ok(Awaitable::new(
        "copy",
        in_context(context, async move {
            value(options.copy(&path, &target).await.map_err(exception)?.len())
        }),
    ))
}

fn unknown(argument: &str, known: &str, given: &str) -> PyErr {
    PyValueError::new_err(format!("{argument} is {known}, and not {given:?}"))
}

function! {
    /// Copies a directory and all that is in it, and returns how many bytes its files have.
    copytree(path, target), value(fs::copy_dir(&path, &target).await.map_err(exception)?)
}

function! {
    /// Gives a file or a directory another name, in place of what had it. On another file system it
    /// is copied and then removed. Raises `OSError`.
    move_(path, target), nothing(fs::rename_or_copy(&path, &target).await)
}

function! {
    /// Gives a file another name, which nothing may have. Raises `FileExistsError`, and `OSError`
    /// where the file system cannot tell.
    rename_noreplace(path, target), nothing(fs::rename_noreplace(&path, &target).await)
}

function! {
    /// Gives each of two the other's name, at once. Raises `OSError`.
    rename_exchange(path, target), nothing(fs::rename_exchange(&path, &target).await)
}
