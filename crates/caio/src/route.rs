//! Which way an operation goes: to the context's backend, or to the context's pool of threads.
//!
//! (The third way, in place on the caller's thread, is tried before: see `in_place`.)

use crate::capability::Capability;
use crate::config::BufferedWrites;
use crate::file::{FileClass, FileSystem, SharedFile};
use crate::op::{Op, OpKind};

/// Where an operation is done, once it was not done in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Backend,
    Pool,
}

/// Decides from plain facts, so that it can be tested.
pub(crate) fn route(
    capability: &Capability,
    writes: BufferedWrites,
    file: Option<&SharedFile>,
    op: &Op,
) -> Route {
    if !capability.operations.contains(op.kind()) {
        return Route::Pool;
    }
    let Some(file) = file else { return Route::Backend };
    if !capability.classes.contains(file.class()) || capability.direct_only && !file.is_direct() {
        return Route::Pool;
    }
    // The kernel has few workers for what may wait for a server, and they are shared by all rings.
    if capability.local_only && file.file_system() == FileSystem::Remote {
        return Route::Pool;
    }
    let buffered_write =
        op.is_write() && !file.is_direct() && matches!(file.class(), FileClass::Regular);
    let slow = capability.writes_buffered_slowly && file.file_system() == FileSystem::Ext4;
    match writes {
        BufferedWrites::Auto if buffered_write && slow => Route::Pool,
        BufferedWrites::Pool if buffered_write => Route::Pool,
        _ => Route::Backend,
    }
}

/// The route for another try after this errno, if there is to be one.
pub(crate) fn after(route: Route, kind: OpKind, errno: i32) -> Option<Route> {
    let is_sync = matches!(kind, OpKind::Fsync | OpKind::Fdatasync);
    match errno {
        // Its future is still there: the kernel cancels what an exiting thread had submitted.
        libc::ECANCELED => Some(route),
        // A sync that failed is never tried again, however harmless its errno looks.
        libc::EINTR if !is_sync => Some(route),
        // A thread can wait for what the backend found not to be ready.
        libc::EAGAIN if !is_sync && route == Route::Backend => Some(Route::Pool),
        // What was refused may have happened, as an open that creates: it is not made again.
        _ if matches!(kind, OpKind::Open | OpKind::ReadFile | OpKind::Close | OpKind::Path) => None,
        libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL | libc::EPERM if route == Route::Backend => {
            Some(Route::Pool)
        }
        _ => None,
    }
}
