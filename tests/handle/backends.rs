//! Contexts of every backend that works here.

use aiofile::{BackendKind, Context};
use tokio::runtime::Runtime;

/// A context of this backend, or nothing and a word about it where it does not work here.
pub(crate) fn context(kind: BackendKind, in_place: bool) -> Option<Context> {
    match aiofile::context().backend(kind).in_place(in_place).build() {
        Ok(context) => Some(context),
        Err(error) => {
            println!("skipped {kind}: {error}");
            None
        }
    }
}

/// Every backend that works here, with and without work on the calling thread.
pub(crate) fn contexts() -> Vec<Context> {
    let both = |kind| [context(kind, true), context(kind, false)];
    BackendKind::ALL.into_iter().flat_map(both).flatten().collect()
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs a test in every context.
pub(crate) fn each(test: impl AsyncFn(&Context)) {
    for context in contexts() {
        println!("{}, in place: {}", context.info().backend, context.config().in_place);
        runtime().block_on(test(&context));
    }
}
