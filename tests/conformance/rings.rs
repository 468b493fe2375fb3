//! Rings that cannot be had, that take nothing, and whose kernel threads are counted.

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use caio::{BackendKind, Buffer, BufferedWrites, Config, Context, SharedFile};
use futures_util::future::join_all;
use nix::libc;
use seccompiler::apply_filter;

use crate::harness::{Case, cases, skipped};
use crate::refusal::{forbid, program};
use crate::support::{bounded, current_thread, disk, pattern, pipe, poll_once, room, shared};

pub(crate) const CASES: &[Case] = cases![
    once_alone rings_that_are_refused_after_the_first,
    once_alone a_ring_that_takes_nothing_for_a_while,
    once_alone no_more_kernel_threads_than_are_allowed,
];

/// A context that does all it can by rings, where they work here.
fn by_rings(what: &str, configure: impl FnOnce(&mut Config) + 'static) -> Option<Context> {
    let builder = aiofile::context().backend(BackendKind::Uring).in_place(false);
    match builder.configure(configure).build() {
        Ok(context) => Some(context),
        Err(error) => {
            skipped(&format!("{what}: {error}"));
            None
        }
    }
}

/// Trap D3: there is room for one ring and for no more. Whoever has none shares it.
fn rings_that_are_refused_after_the_first() {
    let open = || by_rings("a second ring that is refused", |config| config.uring.rings = 8);
    let (Some(one), Some(other)) = (open(), open()) else { return };
    bounded(move || {
        let place = disk();
        let file = shared(&place.file("data", &pattern(64 * 1024)));
        for (context, errno) in [(&one, libc::ENOMEM), (&other, libc::EMFILE)] {
            forbid(&[libc::SYS_io_uring_setup], errno);
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| smol::block_on(join_all(reads(context, &file))));
                }
            });
            assert_eq!(context.metrics().routed, 0, "the one ring does all");
        }
    });
}

/// Reads that are right.
fn reads<'a>(
    context: &'a Context,
    file: &'a SharedFile,
) -> impl Iterator<Item = impl Future<Output = ()> + 'a> {
    (0..16u64).map(move |block| async move {
        let (read, buffer) = context.read(file, room(4096), 0..4096, block * 4096).await;
        assert_eq!(read.unwrap_or_else(|error| panic!("{error}")), 4096);
        assert_eq!(buffer.as_slice(), &pattern(64 * 1024)[block as usize * 4096..][..4096]);
    })
}

/// Trap B2: what the kernel answers while its queues are full or its memory is short is no error of
/// any operation. Here one thread is answered so for ever, and what it submits is taken when
/// another one comes to the ring.
fn a_ring_that_takes_nothing_for_a_while() {
    let Some(context) = by_rings("a ring that takes nothing for a while", |_| {}) else { return };
    bounded(move || {
        let place = disk();
        let file = shared(&place.file("data", &pattern(64 * 1024)));
        // What waits here keeps the thread that looks after the rings, which has no filter.
        let (silent, _writer) = pipe();
        let mut waits = Box::pin(context.read(&silent, room(1), 0..1, 0));
        assert!(poll_once(&mut waits).is_pending());
        smol::block_on(join_all(reads(&context, &file)));
        for errno in [libc::EBUSY, libc::EAGAIN, libc::EINTR, libc::ENOMEM] {
            let calls = BTreeMap::from([(libc::SYS_io_uring_enter, Vec::new())]);
            thread::scope(|scope| {
                scope.spawn(|| {
                    apply_filter(&program(calls, errno)).unwrap();
                    smol::block_on(join_all(reads(&context, &file)));
                });
            });
        }
        assert_eq!(context.metrics().failed, 0);
    });
}

/// Trap B16: what cannot be done without blocking costs a thread of the kernel's for each request,
/// without end. They are counted for each thread that submits.
fn no_more_kernel_threads_than_are_allowed() {
    const ALLOWED: u32 = 2;
    const FILES: usize = 64;
    let configure = |config: &mut Config| {
        config.uring.rings = 1;
        config.uring.kernel_workers_max = ALLOWED;
        config.buffered_writes = BufferedWrites::Backend;
    };
    let Some(context) = by_rings("kernel threads", configure) else { return };
    bounded(move || {
        let place = disk();
        // Each write waits for the disk, so that the kernel wants another thread for the next one.
        let files: Vec<_> = (0..FILES)
            .map(|number| {
                let path = place.file(&number.to_string(), b"");
                let mut options = std::fs::File::options();
                let file = options.write(true).custom_flags(libc::O_DSYNC).open(&path);
                SharedFile::new(file.unwrap(), path).unwrap()
            })
            .collect();
        let (done, most) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    most.fetch_max(kernel_threads(), Ordering::SeqCst);
                }
            });
            current_thread().block_on(async {
                for round in 0..2 {
                    let writes = files.iter().map(|file| {
                        context.write(file, Buffer::from(vec![round; 4096]), 0..4096, 0)
                    });
                    let written = join_all(writes).await;
                    assert!(written.into_iter().all(|(written, _)| written.is_ok()));
                }
            });
            most.fetch_max(kernel_threads(), Ordering::SeqCst);
            done.store(true, Ordering::SeqCst);
        });
        assert_eq!(context.metrics().routed, 0, "the ring does all");
        let most = most.into_inner();
        assert!(most <= ALLOWED as usize, "{most} kernel threads work for one of ours");
        if most == 0 {
            skipped("kernel threads: this file system takes buffered writes without any");
        }
    });
}

/// The most that work for one thread of this process now: their names say for which.
fn kernel_threads() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let mut counts = BTreeMap::new();
    for thread in threads {
        let name = std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        if name.starts_with("iou-wrk") {
            *counts.entry(name).or_insert(0) += 1;
        }
    }
    counts.into_values().max().unwrap_or(0)
}
