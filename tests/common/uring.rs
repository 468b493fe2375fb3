//! io_uring as a backend to be wrapped by another one.

use std::sync::Arc;

use caio::{Backend, Result};

/// The backend with its defaults.
///
/// # Errors
/// Where it does not work.
#[cfg(all(target_os = "linux", not(caio_portable)))]
pub(crate) fn uring() -> Result<Arc<dyn Backend>> {
    Ok(Arc::new(caio::backend::uring::Uring::open(&caio::Config::default())?))
}

/// As above.
#[cfg(not(all(target_os = "linux", not(caio_portable))))]
pub(crate) fn uring() -> Result<Arc<dyn Backend>> {
    Err(caio::Error::new(caio::ErrorKind::Backend, "it works on Linux only"))
}
