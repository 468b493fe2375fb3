//! The backends that there are on Linux: all of them.

use std::sync::Arc;

use super::not_ours;
use crate::backend::linux_aio::{self, LinuxAio};
use crate::backend::pool::{PoolOptions, PthreadPool, ThreadPool};
use crate::backend::uring::{self, Uring};
use crate::backend::{Backend, BackendKind};
use crate::config::Config;
use crate::error::Result;

/// Opens the backend, unprobed.
pub(super) fn open(backend: BackendKind, config: &Config) -> Result<Arc<dyn Backend>> {
    Ok(match backend {
        BackendKind::Uring => Arc::new(Uring::open(&uring::Options::from(config))?),
        BackendKind::Thread => Arc::new(PthreadPool::open(&PoolOptions::from(config))?),
        BackendKind::Rust => Arc::new(ThreadPool::open(&PoolOptions::from(config))?),
        BackendKind::Linux => {
            let requests_max = config.max_requests;
            Arc::new(LinuxAio::open(&linux_aio::Options { requests_max })?)
        }
        BackendKind::Other(name) => return Err(not_ours(name)),
    })
}

/// The pool of threads that a context has beside its backend.
pub(crate) fn open_pool(options: &PoolOptions) -> Result<Arc<dyn Backend>> {
    Ok(Arc::new(PthreadPool::open(options)?))
}

impl From<&Config> for uring::Options {
    fn from(config: &Config) -> Self {
        Self {
            requests_max: config.max_requests,
            rings: config.uring.rings,
            sqpoll_idle_ms: config.uring.sqpoll_idle_ms,
            kernel_workers_max: config.uring.kernel_workers_max,
            entries: config.uring.entries,
        }
    }
}
