//! The backend that there is on every Unix: `rust`.

use std::sync::Arc;

use super::not_ours;
use crate::backend::pool::{PoolOptions, ThreadPool};
use crate::backend::{Backend, BackendKind};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};

/// Opens the backend, unprobed.
pub(super) fn open(backend: BackendKind, config: &Config) -> Result<Arc<dyn Backend>> {
    match backend {
        BackendKind::Rust => open_pool(&PoolOptions::from(config)),
        BackendKind::Uring | BackendKind::Linux | BackendKind::Thread => {
            let message = format!("{backend}: it works on Linux only");
            Err(Error::new(ErrorKind::Backend, message).hint("choose rust or auto"))
        }
        BackendKind::Other(name) => Err(not_ours(name)),
    }
}

/// The pool of threads that a context has beside its backend.
pub(crate) fn open_pool(options: &PoolOptions) -> Result<Arc<dyn Backend>> {
    Ok(Arc::new(ThreadPool::open(options)?))
}

#[cfg(test)]
mod tests {
    use super::super::super::{Choice, open};
    use super::*;

    #[test]
    fn auto_is_rust_and_the_others_say_that_they_are_for_linux() {
        let open = |choice| open(Some(choice), Some(Config::default()), |_| {});
        let (_, _, info) = open(Choice::Auto).unwrap();
        assert_eq!(info.backend, BackendKind::Rust);
        let refused: Vec<_> = info.refused.iter().map(ToString::to_string).collect();
        assert_eq!(refused[0], "uring: it works on Linux only (choose rust or auto)");
        for kind in [BackendKind::Uring, BackendKind::Linux, BackendKind::Thread] {
            let error = open(Choice::only(kind)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Backend);
            assert!(error.to_string().contains("on Linux only"), "{error}");
        }
    }
}
