//! Futures that are dropped: no memory is written after it was freed, nothing leaks or hangs.

use std::fs::File;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aiofile::AioFile;
use caio::backend::pool::ThreadPool;
use caio::{Buffer, BufferPool, Config, Output, OwnedBuffer, SharedFile, flags};
use caio_testkit::{Random, Usage};
use futures_util::FutureExt;
use futures_util::future::maybe_done;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use crate::harness::{Case, cases};
use crate::observed::Observed;
use crate::support::{
    Env, HANGS, assert_settled, disk, eventually, pattern, poll_once, room, shared,
};

pub(crate) const CASES: &[Case] = cases![
    each memory_freed_by_a_cancel_is_not_written_to,
    each cancel_races_completion,
    each completed_and_dropped_before_it_was_polled_again,
    each finished_futures_that_nobody_polls_hold_no_place,
    each a_write_under_way_keeps_its_own_file,
    each a_forgotten_future_delays_no_close_for_ever,
    each a_read_of_a_silent_pipe_can_be_dropped,
    alone dropped_opens_leak_no_descriptor,
    once_alone a_descriptor_that_comes_too_late_is_closed,
];

/// Trap A1. The page cache is dropped before each read, so that the kernel still has the buffer
/// when its future is gone.
fn memory_freed_by_a_cancel_is_not_written_to(env: &Env) {
    let place = disk();
    let data = vec![0x55; 1 << 20];
    let path = place.file("data", &data);
    let file = shared(&path);
    file.file().sync_all().unwrap();
    env.run(async {
        for round in 0..20u64 {
            posix_fadvise(file.file(), 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
            for piece in 0..8 {
                let offset = (round * 8 + piece) % 16 * 65_536;
                let mut read = env.context.read(&file, room(65_536), 0..65_536, offset).boxed();
                let _ = poll_once(&mut read);
            }
            // The allocator gives out first what was freed last.
            let mine: Vec<Vec<u8>> = (0..16).map(|_| vec![0xaa; 65_536]).collect();
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert!(mine.iter().flatten().all(|byte| *byte == 0xaa), "round {round}");
        }
    });
    assert_settled(&env.context);
}

/// Trap A5: an operation that is cancelled and completes at the same time is answered once, and
/// its buffer comes back to the pool.
fn cancel_races_completion(env: &Env) {
    const ROUNDS: usize = 10_000;
    /// More than are taken at once, so that each one that is lost is missing in the end.
    const BUFFERS: usize = 64;
    let place = disk();
    let file = shared(&place.file("data", &pattern(64 * 1024)));
    let pool = BufferPool::new(4096, 512, BUFFERS);
    drop((0..BUFFERS).map(|_| pool.take()).collect::<Vec<_>>());
    let mut random = Random::new(9);
    let mut finished = 0;
    env.run(async {
        for round in 0..ROUNDS {
            let buffer: Buffer = pool.take().into_buffer();
            let offset = (round % 16 * 4096) as u64;
            let mut read = env.context.read(&file, buffer, 0..4096, offset).boxed();
            for _ in 0..random.below(4) {
                if let Some((result, buffer)) = (&mut read).now_or_never() {
                    assert_eq!((result.unwrap(), buffer.len()), (4096, 4096));
                    finished += 1;
                    // A finished future is not polled again.
                    read = std::future::pending().boxed();
                    break;
                }
                (0..random.below(300)).for_each(|_| std::hint::spin_loop());
            }
            if random.chance(0.05) {
                tokio::task::yield_now().await;
            }
        }
    });
    assert_settled(&env.context);
    let metrics = env.context.metrics();
    assert!(metrics.cancelled as usize + finished <= ROUNDS, "{metrics:?}, {finished} finished");
    assert_eq!(metrics.failed, 0, "{metrics:?}");
    eventually("all buffers are back", || pool.idle() == BUFFERS);
}

/// Trap A6: the answer of a future that was dropped before it looked blocks the shutdown.
fn completed_and_dropped_before_it_was_polled_again(env: &Env) {
    let place = disk();
    let file = shared(&place.file("data", &pattern(4096)));
    let context = env.another(|builder| builder.in_place(false));
    let mut read = context.read(&file, room(4096), 0..4096, 0).boxed();
    env.run(async {
        // A task that had its share yields before it submits.
        while context.metrics().submitted == 0 {
            let _ = poll_once(&mut read);
        }
        while context.metrics().completed == 0 {
            tokio::task::yield_now().await;
        }
        drop(read);
        let begun = Instant::now();
        assert_eq!(context.shutdown(2 * HANGS).await, 0);
        assert!(begun.elapsed() < HANGS);
    });
}

/// Trap A7: as many futures as there are places, all of them done and none of them polled.
fn finished_futures_that_nobody_polls_hold_no_place(env: &Env) {
    let place = disk();
    let file = shared(&place.file("data", &pattern(4096)));
    let context = env.another(|builder| builder.max_requests(8).in_place(false));
    env.run(async {
        let mut parked: Vec<_> = (0..context.config().max_requests)
            .map(|_| {
                let mut read = Box::pin(maybe_done(context.read(&file, room(512), 0..512, 0)));
                let _ = poll_once(&mut read);
                read
            })
            .collect();
        let (result, _) = context.read(&file, room(512), 0..512, 512).await;
        assert_eq!(result.unwrap(), 512);
        for read in &mut parked {
            read.as_mut().await;
            assert_eq!(read.as_mut().take_output().unwrap().0.unwrap(), 512);
        }
    });
}

/// Trap A15: the descriptor of an operation that is under way is closed, and its number is another
/// file's.
fn a_write_under_way_keeps_its_own_file(env: &Env) {
    let place = disk();
    env.run(async {
        for round in 0..60 {
            let own = place.path(&format!("own-{round}"));
            let other = place.path(&format!("other-{round}"));
            let file = env.file(&own, "w").await;
            let handle = file.clone();
            let mut write = async move { handle.write_all_at(vec![1; 3000], 0).await }.boxed();
            let polled = poll_once(&mut write);
            drop(file);
            // In every other round the future goes as well: nobody but the operation has the file.
            let write = (round % 2 == 0).then_some(write);
            let is_certain = write.is_some();
            let strangers: Vec<_> = (0..4).map(|_| File::create(&other).unwrap()).collect();
            if let Some(write) = write
                && polled.is_pending()
            {
                write.await.unwrap();
            }
            tokio::task::block_in_place(|| assert_settled(&env.context));
            drop(strangers);
            let written = std::fs::read(&own).unwrap();
            assert!(written == [1; 3000] || written.is_empty() && !is_certain, "{written:?}");
            assert_eq!(std::fs::read(&other).unwrap(), []);
        }
    });
}

/// Trap A16: a future that was forgotten is never polled and never dropped.
fn a_forgotten_future_delays_no_close_for_ever(env: &Env) {
    let place = disk();
    let path = place.file("data", &pattern(4096));
    let context = env.another(|builder| builder.in_place(false));
    env.run(async {
        let file = shared(&path);
        let engine = context.clone();
        let used = file.clone();
        let operation = engine.submit(Some(&used), caio::Op::read(room(4096), 0..4096, 0).unwrap());
        let mut operation = Box::pin(operation);
        let _ = poll_once(&mut operation);
        drop(used);
        // The operation keeps a share of the file for retries. Forgotten, it keeps it for ever;
        // the handle's own close must come back all the same.
        std::mem::forget(operation);
        let close = context.close(file, false);
        tokio::time::timeout(HANGS, close).await.expect("close hangs").unwrap();
    });
    assert_settled(&context);
}

/// Nothing can be read from this pipe, ever: only a cancel, or the shutdown, ends the read.
fn a_read_of_a_silent_pipe_can_be_dropped(env: &Env) {
    let context = env.another(|builder| builder);
    let (reader, writer) = std::io::pipe().unwrap();
    env.run(async {
        let file = AioFile::from_std_in(&context, File::from(std::os::fd::OwnedFd::from(reader)));
        let file = file.unwrap();
        for _ in 0..5 {
            let read = tokio::time::timeout(Duration::from_millis(5), file.read_at(100, 0));
            assert!(read.await.is_err(), "nothing was written");
        }
        let begun = Instant::now();
        context.shutdown(2 * HANGS).await;
        assert!(begun.elapsed() < HANGS, "the shutdown waits for a pipe");
    });
    drop(writer);
}

/// Trap A4: the descriptor that arrives after its future was dropped.
fn dropped_opens_leak_no_descriptor(env: &Env) {
    let place = disk();
    let path = place.file("data", b"data");
    let context = env.another(|builder| builder.in_place(false));
    env.run(async {
        let open = || context.open(&path, flags::O_RDONLY, 0).boxed();
        let file: SharedFile = open().await.unwrap();
        drop(file);
        let baseline = Usage::now().unwrap();
        for round in 0..3000 {
            let mut dropped = open();
            let _ = poll_once(&mut dropped);
            if round % 3 == 0 {
                tokio::task::yield_now().await;
            }
            drop(dropped);
        }
        tokio::task::block_in_place(|| {
            assert_settled(&context);
            // The pool may have grown meanwhile.
            let mut allowed = baseline;
            allowed.threads += 64;
            allowed.assert_restored(HANGS);
        });
    });
}

/// Trap A4, where it is certain that the file is open before its future goes: the answers are held
/// back until then.
fn a_descriptor_that_comes_too_late_is_closed() {
    let place = disk();
    let path = place.file("data", b"data");
    let (hold, held) = channel();
    let hold = Mutex::new(hold);
    let pool = Arc::new(ThreadPool::open(&Config::default()).unwrap());
    let observed = Observed::new(pool, move |request| {
        let hold = hold.lock().unwrap().clone();
        request.on_complete(move |request, result| _ = hold.send((request, result)));
    });
    let context = aiofile::context().custom(Arc::new(observed)).in_place(false).build().unwrap();
    let baseline = Usage::now().unwrap();
    for _ in 0..100 {
        let mut dropped = context.open(&path, flags::O_RDONLY, 0).boxed();
        assert!(poll_once(&mut dropped).is_pending());
        let (request, result) = held.recv_timeout(HANGS).unwrap();
        assert!(matches!(result, Ok(Output::File(_))), "{result:?}");
        drop(dropped);
        request.complete(result);
    }
    assert_settled(&context);
    let mut allowed = baseline;
    allowed.threads += 64;
    allowed.assert_restored(HANGS);
}
