//! How each backend is opened from a configuration, and tried.
//!
//! The way to open them is a value, so that tests can put refusals in the place of the system's.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::probe::{self, probe};
use crate::backend::pool::ThreadPool;
use crate::backend::{Backend, BackendKind};
#[cfg(all(target_os = "linux", not(caio_portable)))]
use crate::backend::{linux_aio::LinuxAio, pool::PthreadPool, uring::Uring};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};

/// Opens one backend of this crate.
type Open<'a> = dyn Fn(BackendKind, &Config) -> Result<Arc<dyn Backend>> + 'a;

/// How backends are opened, and how long each may take to show that it works.
pub(super) struct Openers<'a> {
    pub(super) open: &'a Open<'a>,
    pub(super) timeout: Duration,
}

impl Openers<'_> {
    /// Those of this crate.
    pub(super) fn real() -> Self {
        Self { open: &open, timeout: probe::TIMEOUT }
    }

    /// A backend that has just done a real read.
    ///
    /// # Errors
    /// It cannot be set up, or it does not work.
    pub(super) fn open(&self, backend: BackendKind, config: &Config) -> Result<Arc<dyn Backend>> {
        let opened = (self.open)(backend, config)?;
        probe(&*opened, self.timeout)?;
        Ok(opened)
    }
}

impl fmt::Debug for Openers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Openers").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Opens the backend, unprobed.
#[cfg(all(target_os = "linux", not(caio_portable)))]
fn open(backend: BackendKind, config: &Config) -> Result<Arc<dyn Backend>> {
    Ok(match backend {
        BackendKind::Uring => Arc::new(Uring::open(config)?),
        BackendKind::Thread => Arc::new(PthreadPool::open(config)?),
        BackendKind::Rust => Arc::new(ThreadPool::open(config)?),
        BackendKind::Linux => Arc::new(LinuxAio::open(config)?),
        BackendKind::Other(name) => return Err(not_ours(name)),
    })
}

/// As above.
#[cfg(not(all(target_os = "linux", not(caio_portable))))]
fn open(backend: BackendKind, config: &Config) -> Result<Arc<dyn Backend>> {
    match backend {
        BackendKind::Rust => Ok(Arc::new(ThreadPool::open(config)?)),
        BackendKind::Uring | BackendKind::Linux | BackendKind::Thread => {
            let message = format!("{backend}: it works on Linux only");
            Err(Error::new(ErrorKind::Backend, message).hint("choose rust or auto"))
        }
        BackendKind::Other(name) => Err(not_ours(name)),
    }
}

#[cfg(all(target_os = "linux", not(caio_portable)))]
type PoolBeside = PthreadPool;
#[cfg(not(all(target_os = "linux", not(caio_portable))))]
type PoolBeside = ThreadPool;

/// The pool of threads that a context has beside its backend.
pub(crate) fn open_pool(config: &Config) -> Result<Arc<dyn Backend>> {
    Ok(Arc::new(PoolBeside::named("caio-pool", config)?))
}

/// The answer to a name that only a backend from outside can have.
fn not_ours(name: &str) -> Error {
    let message = format!("no backend of this crate is named {name}");
    Error::new(ErrorKind::Backend, message)
        .hint("hand a backend of your own to the builder of the context")
}
