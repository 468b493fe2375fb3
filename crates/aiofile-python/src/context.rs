//! Contexts: a backend with its limits.

use std::future::Future;
use std::time::Duration;

use aiofile::{BackendKind, Choice, Context};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::awaitable::Awaitable;
use crate::error::exception;
use crate::event_loop::Asyncio;

/// A backend with its limits. Files and functions take one as `context=`; without it they use the
/// default one, which all event loops of the process share.
///
/// A context may be used from any number of event loops and threads at once. What waits for room
/// under `max_requests` or `max_bytes_in_flight` waits in line.
///
/// Raises `ValueError` for a backend that does not exist or does not work here, and says why.
#[pyclass(frozen, weakref, name = "Context", module = "aiofile_rs")]
pub(crate) struct PyContext(pub(crate) Context);

#[pymethods]
impl PyContext {
    #[new]
    #[pyo3(signature = (backend=None, *, max_requests=None, max_bytes_in_flight=None,
                        max_open_files=None, threads=None, in_place=None))]
    fn new(
        py: Python<'_>,
        backend: Option<&str>,
        max_requests: Option<usize>,
        max_bytes_in_flight: Option<usize>,
        max_open_files: Option<usize>,
        threads: Option<usize>,
        in_place: Option<bool>,
    ) -> PyResult<Self> {
        let choice = backend.map(str::parse::<Choice>).transpose();
        let choice = choice.map_err(|error| exception(error.into()))?;
        let built = py.detach(move || {
            let mut builder = Context::builder().runtime(std::sync::Arc::new(Asyncio));
            if let Some(choice) = choice {
                builder = builder.choice(choice);
            }
            let builder = builder.configure(move |config| {
                let set = |limit: &mut usize, wanted: Option<usize>| {
                    wanted.into_iter().for_each(|wanted| *limit = wanted);
                };
                set(&mut config.max_requests, max_requests);
                set(&mut config.max_bytes_in_flight, max_bytes_in_flight);
                set(&mut config.max_open_files, max_open_files);
                set(&mut config.threads_max, threads);
                config.threads_min = config.threads_min.min(config.threads_max);
                config.in_place = in_place.unwrap_or(config.in_place);
            });
            builder.build()
        });
        Ok(Self(built.map_err(|error| exception(error.into()))?))
    }

    /// The backend's name, as `CAIO_IMPL` has it.
    #[getter]
    fn backend(&self) -> &'static str {
        self.0.info().backend.name()
    }

    /// Which backend it is, who asked for it, and what was refused and why, in lines.
    #[getter]
    fn info(&self) -> String {
        self.0.info().to_string()
    }

    /// What was done so far, counted: a new dictionary.
    #[getter]
    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let metrics = self.0.metrics();
        let counted = PyDict::new(py);
        for (name, count) in [
            ("submitted", metrics.submitted),
            ("completed", metrics.completed),
            ("in_flight", metrics.in_flight),
            ("in_place", metrics.in_place),
            ("routed", metrics.routed),
            ("short", metrics.short),
            ("retried", metrics.retried),
            ("cancelled", metrics.cancelled),
            ("failed", metrics.failed),
            ("bytes_read", metrics.bytes_read),
            ("bytes_written", metrics.bytes_written),
        ] {
            counted.set_item(name, count)?;
        }
        Ok(counted)
    }

    /// Accepts nothing any more, waits for what was accepted, for `patience` seconds at most, and
    /// returns how many operations were left then.
    #[pyo3(signature = (patience=5.0))]
    fn shutdown(&self, patience: f64) -> PyResult<Awaitable> {
        let patience = Duration::try_from_secs_f64(patience)?;
        let context = self.0.clone();
        Ok(Awaitable::new("shutdown", async move {
            let left = context.shutdown(patience).await;
            Python::attach(|py| Ok(left.into_pyobject(py)?.into_any().unbind()))
        }))
    }

    fn __repr__(&self) -> String {
        format!("<aiofile_rs.Context {}>", self.backend())
    }
}

/// The future, with this context as the default of all that it opens, if one is given.
pub(crate) fn in_context<T>(
    context: Option<Bound<'_, PyContext>>,
    future: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send + 'static {
    let context = context.map(|context| context.get().0.clone());
    async move {
        match context {
            Some(context) => aiofile::with_context(&context, future).await,
            None => future.await,
        }
    }
}

/// The context that files and functions use when none is named. It is made when first needed, from
/// `CAIO_IMPL` and the configuration files.
///
/// Raises `ValueError` where these ask for what does not exist or does not work here.
#[pyfunction]
pub(crate) fn default_context(py: Python<'_>) -> PyResult<PyContext> {
    let context = py.detach(aiofile::default_context);
    Ok(PyContext(context.map_err(|error| exception(error.into()))?))
}

/// The names of the backends that there may be.
#[pyfunction]
pub(crate) fn backends(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
    PyTuple::new(py, BackendKind::ALL.map(BackendKind::name))
}
