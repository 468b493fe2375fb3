//! How each backend is opened from a configuration, and tried.
//!
//! `linux` opens those that there are on Linux, `portable` those that there are on any Unix. The
//! way to open them is a value, so that tests can put refusals in the place of the system's.

#[cfg(all(target_os = "linux", not(caio_portable)))]
mod linux;
#[cfg(not(all(target_os = "linux", not(caio_portable))))]
mod portable;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::probe::{self, probe};
use crate::backend::{Backend, BackendKind};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};

#[cfg(all(target_os = "linux", not(caio_portable)))]
use linux::open;
#[cfg(all(target_os = "linux", not(caio_portable)))]
pub(crate) use linux::open_pool;
#[cfg(not(all(target_os = "linux", not(caio_portable))))]
use portable::open;
#[cfg(not(all(target_os = "linux", not(caio_portable))))]
pub(crate) use portable::open_pool;

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

/// The answer to a name that only a backend from outside can have.
fn not_ours(name: &str) -> Error {
    let message = format!("no backend of this crate is named {name}");
    Error::new(ErrorKind::Backend, message)
        .hint("hand a backend of your own to the builder of the context")
}
