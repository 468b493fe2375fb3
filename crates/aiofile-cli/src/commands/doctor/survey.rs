//! Each backend in turn: does it work here?

use aiofile::{BackendKind, Context, Error};

/// What came of opening one backend.
pub(super) struct Finding {
    pub(super) backend: BackendKind,
    /// Why it does not work; `None` where it does.
    pub(super) refusal: Option<Error>,
}

/// Opens and probes every backend, and closes it again. Some milliseconds each.
pub(super) fn run() -> Vec<Finding> {
    let open =
        |backend| Finding { backend, refusal: Context::builder().backend(backend).build().err() };
    BackendKind::ALL.into_iter().map(open).collect()
}
