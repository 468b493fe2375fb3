//! How each backend is opened from a configuration, and tried.
//!
//! A value, so that tests can put refusals in the place of the system's.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::probe::{self, probe};
use crate::backend::linux_aio::{self, LinuxAio};
use crate::backend::pthread::PthreadPool;
use crate::backend::thread::ThreadPool;
use crate::backend::uring::{self, Uring};
use crate::backend::{Backend, BackendKind, PoolOptions};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};

/// Opens one backend of this crate.
type Open<'a> = dyn Fn(BackendKind, &Config) -> Result<Arc<dyn Backend>> + 'a;

/// How backends are opened, and how long each may take to show that it works.
pub(super) struct Openers<'a> {
    pub(super) open: &'a Open<'a>,
    pub(super) patience: Duration,
}

impl Openers<'_> {
    /// Those of this crate.
    pub(super) fn real() -> Self {
        Self { open: &open, patience: probe::PATIENCE }
    }

    /// A backend that has just done a real read.
    ///
    /// # Errors
    /// It cannot be set up, or it does not work.
    pub(super) fn open(&self, backend: BackendKind, config: &Config) -> Result<Arc<dyn Backend>> {
        let opened = (self.open)(backend, config)?;
        probe(&*opened, self.patience)?;
        Ok(opened)
    }
}

impl fmt::Debug for Openers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Openers").field("patience", &self.patience).finish_non_exhaustive()
    }
}

fn open(backend: BackendKind, config: &Config) -> Result<Arc<dyn Backend>> {
    Ok(match backend {
        BackendKind::Uring => Arc::new(Uring::open(&uring::Options::from(config))?),
        BackendKind::Thread => Arc::new(PthreadPool::open(&PoolOptions::from(config))?),
        BackendKind::Rust => Arc::new(ThreadPool::open(&PoolOptions::from(config))?),
        BackendKind::Linux => {
            let requests_max = config.max_requests;
            Arc::new(LinuxAio::open(&linux_aio::Options { requests_max })?)
        }
        BackendKind::Other(name) => {
            let message = format!("no backend of this crate is named {name}");
            return Err(Error::new(ErrorKind::Backend, message)
                .hint("hand a backend of your own to the builder of the context"));
        }
    })
}

impl From<&Config> for uring::Options {
    fn from(config: &Config) -> Self {
        Self {
            requests_max: config.max_requests,
            rings: config.uring.rings,
            sqpoll_idle_ms: config.uring.sqpoll_idle_ms,
            kernel_workers_max: config.uring.kernel_workers_max,
            entries: config.uring.entries,
            registered_files: config.uring.registered_files,
            iopoll: config.uring.iopoll,
        }
    }
}
