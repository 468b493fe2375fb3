//! Limits: at a limit requests wait; none fails, and never is one more admitted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

use caio_testkit::Simulated;
use futures_util::future::join_all;
use nix::sys::resource::{Resource, setrlimit};

use crate::harness::{Case, cases};
use crate::support::{Env, assert_settled, disk, eventually, pattern, poll_once, room, shared};

pub(crate) const CASES: &[Case] = cases![
    once exactly_the_maximum_is_in_flight,
    each a_thousand_files_at_a_limit_of_sixteen,
    each more_bytes_than_may_be_in_flight_wait,
    each submitted_is_completed_and_in_flight_at_every_moment,
    alone a_small_limit_of_descriptors_is_kept_to,
];

/// Trap B19: off by one. Nothing completes before the step, so that the backend holds all that the
/// context lets through.
fn exactly_the_maximum_is_in_flight() {
    const READS: usize = 200;
    for max in [1, 2, 7] {
        let disk = Arc::new(Simulated::new(19));
        let builder = aiofile::context().custom(Arc::<Simulated>::clone(&disk));
        let context = builder.in_place(false).max_requests(max).build().unwrap();
        let file = disk.create("data").unwrap();
        let (written, _) = disk.drive(context.write(&file, pattern(64).into(), 0..64, 0));
        assert_eq!(written.unwrap(), 64);
        let mut reads = join_all((0..READS).map(|_| context.read(&file, room(64), 0..64, 0)));
        for done in 0..READS {
            assert!(poll_once(&mut reads).is_pending());
            assert_eq!(disk.pending(), max.min(READS - done), "{done} of {READS} are done");
            assert!(disk.step());
        }
        let Poll::Ready(results) = poll_once(&mut reads) else { panic!("all of them are done") };
        assert!(results.into_iter().all(|(result, _)| result.unwrap() == 64));
    }
}

/// Many reads at once do not end in EMFILE. A file that stays open is the caller's to
/// close: waiting for that could last for ever, so that it is an error at once.
fn a_thousand_files_at_a_limit_of_sixteen(env: &Env) {
    let place = disk();
    let path = place.file("data", b"data");
    let context = env.another(|builder| builder.max_open_files(16));
    env.run(async {
        let reads = (0..1000).map(|_| context.read_file(&path));
        join_all(reads).await.into_iter().for_each(|read| assert_eq!(read.unwrap(), b"data"));
        let mut opened = Vec::new();
        for _ in 0..16 {
            opened.push(context.open(&path, 0, 0).await.unwrap());
        }
        for _ in 0..2 {
            let error = context.open(&path, 0, 0).await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(nix::libc::EMFILE));
            let text = error.to_string();
            assert!(text.contains("all 16 files") && text.contains("max_open_files"), "{text}");
            assert!(context.read_file(&path).await.is_err());
        }
        opened.pop();
        assert_eq!(context.read_file(&path).await.unwrap(), b"data");
        context.open(&path, 0, 0).await.unwrap();
    });
}

fn more_bytes_than_may_be_in_flight_wait(env: &Env) {
    let place = disk();
    let file = shared(&place.file("data", &pattern(1 << 20)));
    let context = env.another(|builder| builder.max_bytes_in_flight(64 * 1024).in_place(false));
    let seen = AtomicUsize::new(0);
    env.run(async {
        // The last one is larger than the limit: it goes alone.
        let sizes = (0..40).map(|_| 24 * 1024).chain([256 * 1024]);
        let (context, file, seen) = (&context, &file, &seen);
        let reads = sizes.map(|size| async move {
            let (result, _) = context.read(file, room(size), 0..size, 0).await;
            assert_eq!(result.unwrap(), size);
            seen.fetch_max(context.in_flight().1, Ordering::SeqCst);
        });
        join_all(reads.collect::<Vec<_>>()).await;
    });
    assert!(seen.load(Ordering::SeqCst) <= 64 * 1024, "{seen:?} bytes were in flight");
    assert_settled(&context);
}

fn submitted_is_completed_and_in_flight_at_every_moment(env: &Env) {
    let place = disk();
    let file = shared(&place.file("data", &pattern(4096)));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut looks = 0u64;
            while !done.load(Ordering::Relaxed) || looks == 0 {
                let metrics = env.context.metrics();
                assert_eq!(metrics.submitted, metrics.completed + metrics.in_flight);
                assert!(metrics.in_flight <= 512, "{metrics:?}");
                looks += 1;
            }
        });
        env.run(async {
            for _ in 0..20 {
                let reads = (0..50).map(|_| env.context.read(&file, room(64), 0..64, 0));
                join_all(reads).await;
            }
        });
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap();
    });
    assert_settled(&env.context);
    let metrics = env.context.metrics();
    assert_eq!(metrics.submitted + metrics.in_place, 1000, "{metrics:?}");
    assert_eq!(metrics.bytes_read, 64_000);
    eventually("nothing is in flight", || env.context.in_flight() == (0, 0));
}

/// The same with the limit that the system has.
fn a_small_limit_of_descriptors_is_kept_to(env: &Env) {
    let place = disk();
    let path = place.file("data", b"data");
    setrlimit(Resource::RLIMIT_NOFILE, 100, 100).unwrap();
    let context = env.another(|builder| builder);
    assert!(context.config().max_open_files <= 75, "{}", context.config().max_open_files);
    env.run(join_all((0..500).map(|_| async {
        assert_eq!(context.read_file(&path).await.unwrap(), b"data");
    })));
}
