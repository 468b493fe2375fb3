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
    if op.is_write() && file.writes_atomically() && !capability.atomic_writes {
        return Route::Pool;
    }
    let buffered_write =
        op.is_write() && !file.is_direct() && matches!(file.class(), FileClass::Regular);
    // What is not to stay cached the kernel begins to write out at once, as the ring is entered.
    let slow = capability.writes_buffered_slowly
        && (file.file_system() == FileSystem::Ext4 || file.rw_flags(true) != 0);
    match writes {
        BufferedWrites::Auto if buffered_write && slow => Route::Pool,
        BufferedWrites::Pool | BufferedWrites::InPlace if buffered_write => Route::Pool,
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::PathBuf;

    use super::*;
    use crate::buffer::Buffer;
    use crate::capability::{ClassSet, OpSet};
    use crate::file::{Inode, Traits};

    fn file(class: FileClass, file_system: FileSystem, direct: bool) -> SharedFile {
        let inode = Inode { device: 0, number: 0 };
        let traits = Traits { class, direct, ..Traits::of_regular(inode, file_system) };
        SharedFile::examined(File::open("/dev/null").unwrap(), PathBuf::from("file"), traits)
    }

    /// What a ring can do.
    fn ring() -> Capability {
        let classes = ClassSet::default().with(FileClass::Regular).with(FileClass::Block);
        Capability {
            operations: OpSet::default().with(OpKind::Read).with(OpKind::Write),
            classes,
            requests_max: 8,
            writes_buffered_slowly: true,
            direct_only: false,
            local_only: true,
            completes_by_itself: false,
            own_files: false,
            atomic_writes: true,
            features: Vec::new(),
        }
    }

    fn reads_and_writes(capability: &Capability, file: &SharedFile) -> [Route; 2] {
        let buffer = || Buffer::from(vec![0]);
        let ops = [Op::read(buffer(), 0..1, 0).unwrap(), Op::write(buffer(), 0..1, 0).unwrap()];
        ops.map(|op| route(capability, BufferedWrites::Auto, Some(file), &op))
    }

    /// Trap D21: what waits for a server takes a worker of the kernel's, of which there are few.
    #[test]
    fn a_file_that_others_serve_goes_to_no_ring() {
        for direct in [false, true] {
            let remote = file(FileClass::Regular, FileSystem::Remote, direct);
            assert_eq!(reads_and_writes(&ring(), &remote), [Route::Pool; 2]);
            let anywhere = Capability { local_only: false, ..ring() };
            assert_eq!(reads_and_writes(&anywhere, &remote), [Route::Backend; 2]);
            for file_system in [FileSystem::Xfs, FileSystem::Btrfs, FileSystem::Other] {
                let local = file(FileClass::Regular, file_system, direct);
                assert_eq!(reads_and_writes(&ring(), &local), [Route::Backend; 2]);
            }
        }
    }

    /// Trap C23: files of other kinds hang there, or are served by the wrong process.
    #[test]
    fn a_ring_gets_files_of_its_kinds_and_what_it_does_well() {
        for class in FileClass::ALL {
            let routes = reads_and_writes(&ring(), &file(class, FileSystem::Other, false));
            let expected = match class {
                FileClass::Regular | FileClass::Block => Route::Backend,
                _ => Route::Pool,
            };
            assert_eq!(routes, [expected; 2], "{class}");
        }
        let slow =
            |direct| reads_and_writes(&ring(), &file(FileClass::Regular, FileSystem::Ext4, direct));
        assert_eq!(slow(false), [Route::Backend, Route::Pool]);
        assert_eq!(slow(true), [Route::Backend; 2]);
        let direct_only = Capability { direct_only: true, ..ring() };
        for (direct, expected) in [(false, Route::Pool), (true, Route::Backend)] {
            let file = file(FileClass::Regular, FileSystem::Xfs, direct);
            assert_eq!(reads_and_writes(&direct_only, &file), [expected; 2]);
        }
        let xfs = file(FileClass::Regular, FileSystem::Xfs, false);
        assert_eq!(route(&ring(), BufferedWrites::Auto, Some(&xfs), &Op::Fsync), Route::Pool);
    }

    #[test]
    fn what_may_have_happened_is_not_tried_again() {
        for (kind, errno, expected) in [
            (OpKind::Read, libc::EINTR, Some(Route::Backend)),
            (OpKind::Read, libc::EAGAIN, Some(Route::Pool)),
            (OpKind::Write, libc::EPERM, Some(Route::Pool)),
            (OpKind::Write, libc::EIO, None),
            (OpKind::Write, libc::ENOSPC, None),
            (OpKind::Open, libc::EINVAL, None),
            (OpKind::Open, libc::EPERM, None),
            (OpKind::Close, libc::EOPNOTSUPP, None),
            (OpKind::Path, libc::ENOSYS, None),
            (OpKind::Fsync, libc::EINTR, None),
            (OpKind::Fdatasync, libc::EAGAIN, None),
        ] {
            assert_eq!(after(Route::Backend, kind, errno), expected, "{kind} {errno}");
        }
        // Its answer is the last word.
        for errno in [libc::EAGAIN, libc::EPERM, libc::EINVAL, libc::EOPNOTSUPP] {
            assert_eq!(after(Route::Pool, OpKind::Read, errno), None);
        }
    }
}
