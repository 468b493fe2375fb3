//! The four backends: each by itself, to be wrapped, and each as a context.

use std::sync::Arc;

use aiofile::{BackendKind, Context};
use caio::backend::linux_aio::LinuxAio;
use caio::backend::pool::{PthreadPool, ThreadPool};
use caio::{Backend, BufferedWrites, Config, ContextBuilder, Result};
use caio_testkit::required_backend;

use crate::uring::uring;

/// The backend with its defaults.
///
/// # Errors
/// Where it does not work.
pub(crate) fn open(kind: BackendKind) -> Result<Arc<dyn Backend>> {
    Ok(match kind {
        BackendKind::Uring => uring()?,
        BackendKind::Linux => Arc::new(LinuxAio::open(&Config::default())?),
        BackendKind::Thread => Arc::new(PthreadPool::open(&Config::default())?),
        _ => Arc::new(ThreadPool::open(&Config::default())?),
    })
}

/// A context that does nothing in place, so that everything is the backend's that it serves.
pub(crate) fn queued() -> ContextBuilder {
    let builder = aiofile::context().in_place(false);
    builder.configure(|config| config.buffered_writes = BufferedWrites::Backend)
}

/// Such a context of one backend.
pub(crate) fn context(kind: BackendKind) -> Context {
    queued().backend(kind).build().unwrap()
}

/// The backends that work here. One that `CAIO_REQUIRE` names has to.
pub(crate) fn all() -> Vec<BackendKind> {
    let works = |kind: &BackendKind| match open(*kind) {
        Ok(_) => true,
        Err(error) => {
            assert!(!required_backend(*kind), "{kind} is required, and does not work: {error}");
            println!("SKIPPED {kind}: {error}");
            false
        }
    };
    BackendKind::ALL.into_iter().filter(works).collect()
}
