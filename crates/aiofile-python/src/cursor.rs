//! What binary and text files with a cursor have in common.

use std::ffi::OsString;
use std::future::Future;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aiofile::Mode;
use pyo3::PyClass;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};
use tokio::sync::Mutex;

use crate::awaitable::Awaitable;
use crate::memory::descriptor;

/// A file that one operation at a time has; the others wait in line. `None` once it is closed.
pub(crate) type Shared<T> = Arc<Mutex<Option<T>>>;

/// What is known of a file without asking it.
pub(crate) struct About {
    pub(crate) name: OsString,
    pub(crate) mode: String,
    pub(crate) descriptor: i32,
    pub(crate) reads: bool,
    pub(crate) writes: bool,
    pub(crate) seekable: bool,
    pub(crate) closed: AtomicBool,
}

impl About {
    pub(crate) fn new(
        name: OsString,
        mode: (String, Mode),
        descriptor: i32,
        seekable: bool,
    ) -> Arc<Self> {
        let (mode, parsed) = mode;
        let (reads, writes) = (parsed.reads(), parsed.writes());
        let closed = AtomicBool::new(false);
        Arc::new(Self { name, mode, descriptor, reads, writes, seekable, closed })
    }

    pub(crate) fn check(&self) -> PyResult<()> {
        match self.closed.load(Ordering::Acquire) {
            true => Err(closed()),
            false => Ok(()),
        }
    }

    pub(crate) fn check_reads(&self) -> PyResult<()> {
        self.check()?;
        if self.reads { Ok(()) } else { Err(unsupported("not readable")) }
    }

    pub(crate) fn check_writes(&self) -> PyResult<()> {
        self.check()?;
        if self.writes { Ok(()) } else { Err(unsupported("not writable")) }
    }
}

/// The error for a file that was closed.
pub(crate) fn closed() -> PyErr {
    PyValueError::new_err("I/O operation on closed file")
}

/// `io.UnsupportedOperation`
pub(crate) fn unsupported(what: &'static str) -> PyErr {
    static KIND: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    Python::attach(|py| match KIND.import(py, "io", "UnsupportedOperation") {
        Ok(kind) => PyErr::from_type(kind.clone(), (what,)),
        Err(error) => error,
    })
}

/// The size that `read` is given: `None` for everything.
pub(crate) fn size(given: Option<isize>) -> Option<usize> {
    given.and_then(|given| usize::try_from(given).ok())
}

/// An awaitable that has the file to itself while it is under way.
macro_rules! locked {
    ($shared:expr, $name:literal, |$file:ident| $body:expr) => {{
        let shared = std::sync::Arc::clone(&$shared);
        crate::awaitable::Awaitable::new($name, async move {
            let mut guard = shared.lock().await;
            let $file = guard.as_mut().ok_or_else(crate::cursor::closed)?;
            $body
        })
    }};
}
pub(crate) use locked;

/// A file with a cursor: what `BinaryFile` and `TextFile` have in common.
#[pyclass(frozen, subclass, weakref, module = "aiofile_rs")]
pub(crate) struct CursorFile(pub(crate) Arc<About>);

#[pymethods]
impl CursorFile {
    /// The path, as it was opened.
    #[getter]
    fn name(&self) -> OsString {
        self.0.name.clone()
    }

    /// The mode, as it was opened.
    #[getter]
    fn mode(&self) -> &str {
        &self.0.mode
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    /// The number of the descriptor. Raises `ValueError` once the file is closed.
    fn fileno(&self) -> PyResult<i32> {
        self.0.check()?;
        Ok(self.0.descriptor)
    }

    /// Whether it can be read.
    fn readable(&self) -> bool {
        self.0.reads
    }

    /// Whether it can be written.
    fn writable(&self) -> bool {
        self.0.writes
    }

    /// Whether it has positions; a pipe and a terminal have none.
    fn seekable(&self) -> bool {
        self.0.seekable
    }

    /// Whether it is a terminal. Raises `ValueError` once the file is closed.
    fn isatty(&self) -> PyResult<bool> {
        self.0.check()?;
        Ok(descriptor(self.0.descriptor).is_some_and(|descriptor| descriptor.is_terminal()))
    }

    fn __aiter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __aenter__(this: Py<Self>) -> Awaitable {
        Awaitable::new("__aenter__", async move { Ok(this.into_any()) })
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__<'py>(
        this: &Bound<'py, Self>,
        _exception: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        this.call_method0(pyo3::intern!(this.py(), "close"))
    }

    fn __repr__(this: &Bound<'_, Self>) -> PyResult<String> {
        let (about, kind) = (&this.get().0, this.get_type().name()?);
        let closed = if about.closed.load(Ordering::Acquire) { ", closed" } else { "" };
        Ok(format!("<aiofile_rs.{kind} {:?}, mode {:?}{closed}>", about.name, about.mode))
    }
}

/// `detach`: what becomes of the file, which counts as closed from then on.
pub(crate) fn detached<T: Send + 'static, F>(
    file: &Shared<T>,
    about: &Arc<About>,
    become_other: impl FnOnce(T) -> F + Send + 'static,
) -> PyResult<Awaitable>
where
    F: Future<Output = PyResult<Py<PyAny>>> + Send,
{
    about.check()?;
    let (shared, about) = (Arc::clone(file), Arc::clone(about));
    Ok(Awaitable::new("detach", async move {
        let file = shared.lock().await.take().ok_or_else(closed)?;
        about.closed.store(true, Ordering::Release);
        become_other(file).await
    }))
}

/// The object for an open file of either kind.
pub(crate) fn opened<T: PyClass<BaseType = CursorFile>>(
    about: Arc<About>,
    file: T,
) -> PyResult<Py<PyAny>> {
    Python::attach(|py| {
        let both = PyClassInitializer::from(CursorFile(about)).add_subclass(file);
        Ok(Py::new(py, both)?.into_any())
    })
}
