//! How the default contexts are made, where a program says so.

use std::sync::{Arc, PoisonError, RwLock};

use caio::ContextBuilder;

/// Has the default contexts that are made from now on be built so: see
/// [`default_context`](crate::default_context). It is for the start of a program; a later call
/// takes the place of an earlier one, and contexts that there are stay as they are.
///
/// ```standalone_crate
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// aiofile::set_default_context(|builder| builder.max_requests(8));
/// aiofile::fs::read("/proc/version").await?;
/// assert_eq!(aiofile::default_context()?.config().max_requests, 8);
/// # Ok(()) }
/// ```
pub fn set_default_context(
    describe: impl Fn(ContextBuilder) -> ContextBuilder + Send + Sync + 'static,
) {
    let before =
        DESCRIBE.write().unwrap_or_else(PoisonError::into_inner).replace(Arc::new(describe));
    // Outside of the lock: it may own anything.
    drop(before);
}

type Describe = Arc<dyn Fn(ContextBuilder) -> ContextBuilder + Send + Sync>;

static DESCRIBE: RwLock<Option<Describe>> = RwLock::new(None);

/// A default context in the making.
pub(super) fn described() -> ContextBuilder {
    let describe = DESCRIBE.read().unwrap_or_else(PoisonError::into_inner).clone();
    match describe {
        Some(describe) => describe(super::context()),
        None => super::context(),
    }
}
