//! The native part of the Python package `aiofile_rs`: files over the engine, as awaitables of
//! asyncio. The package's Python modules give it names, and its guide is `docs/python.md`.
//!
//! Rules for everything here: no Python is called while a lock of ours or of the engine's is held,
//! and no thread but one that Python knows calls Python at all. What the engine wakes on its own
//! threads goes through the [`event_loop`].

mod aio_file;
mod arguments;
mod awaitable;
mod binary_file;
mod compat;
mod context;
mod cursor;
mod error;
mod event_loop;
mod fs;
mod hub;
mod lines;
mod memory;
mod outcome;
mod text_file;
mod waiter;

use std::sync::Arc;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// The native part of `aiofile_rs`. Its names are public there.
#[pymodule(gil_used = false)]
mod _engine {
    use super::*;

    #[pymodule_export]
    use super::aio_file::{PyAioFile, open_aio};
    #[pymodule_export]
    use super::awaitable::Awaitable;
    #[pymodule_export]
    use super::binary_file::{BinaryFile, open_binary};
    #[pymodule_export]
    use super::compat::{
        CompatContext, CompatOperation, fdsync_descriptor, fsync_descriptor, read_descriptor,
        write_descriptor,
    };
    #[pymodule_export]
    use super::context::{PyContext, backends, default_context};
    #[pymodule_export]
    use super::cursor::CursorFile;
    #[pymodule_export]
    use super::event_loop::LoopHook;
    #[pymodule_export]
    use super::fs::{
        Paths, PyFileLock, access, append_bytes, available_space, chmod, chown, copy, copytree,
        data_ranges, exists, getsize, getxattr, glob, isdir, isfile, islink, link, listdir,
        listxattr, lock, lstat, makedirs, mkdir, move_, read_bytes, read_text, readlink, realpath,
        remove, removexattr, rename, rename_exchange, rename_noreplace, rmdir, rmtree, samefile,
        setxattr, stat, symlink, try_lock, utime, walk, write_atomic, write_bytes, write_text,
    };
    #[pymodule_export]
    use super::lines::Chunks;
    #[pymodule_export]
    use super::text_file::{PyTextFile, open_text};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        if !memory::is_main_interpreter(module.py()) {
            // What is kept for the process, such as types of asyncio's, belongs to one of them.
            let message = "aiofile_rs works in the main interpreter alone: import it there";
            return Err(PyImportError::new_err(message));
        }
        aiofile::set_default_context(|builder| builder.runtime(Arc::new(event_loop::Asyncio)));
        Ok(())
    }
}
