//! Opening a context until the selection is complete: the pure-Rust pool alone.

use std::sync::Arc;

use super::Choice;
use crate::backend::thread::ThreadPool;
use crate::backend::{Backend, BackendKind, PoolOptions};
use crate::config::Config;
use crate::error::Result;

/// Which backend a context has.
#[derive(Debug, Clone)]
pub struct Info {
    /// The backend in use.
    pub backend: BackendKind,
}

pub(crate) fn open(
    _choice: Option<Choice>,
    config: Option<Config>,
    change: impl FnOnce(&mut Config),
) -> Result<(Arc<dyn Backend>, Config, Info)> {
    let mut config = config.unwrap_or_default();
    change(&mut config);
    config.validate()?;
    let pool = ThreadPool::open(&PoolOptions::from(&config))?;
    Ok((Arc::new(pool), config, Info { backend: BackendKind::Rust }))
}

pub(crate) fn custom(
    backend: Arc<dyn Backend>,
    config: Option<Config>,
    change: impl FnOnce(&mut Config),
) -> Result<(Arc<dyn Backend>, Config, Info)> {
    let mut config = config.unwrap_or_default();
    change(&mut config);
    config.validate()?;
    let info = Info { backend: backend.kind() };
    Ok((backend, config, info))
}
