//! Many at once: every answer to its own caller, from every thread, however deep the queue.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use caio::{Context, SharedFile};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

use crate::harness::{Case, cases};
use crate::support::{Env, HANGS, assert_settled, disk, eventually, pattern, places, room, shared};

pub(crate) const CASES: &[Case] = cases![
    each every_answer_reaches_its_own_caller,
    each thousands_of_requests_over_a_queue_of_two,
    each eight_threads_submit_at_once,
    each a_waker_may_submit_inside_of_wake,
    each a_request_from_another_thread_wakes_a_parked_runtime,
    each direct_reads_in_numbers,
];

fn every_answer_reaches_its_own_caller(env: &Env) {
    for place in places() {
        let path = place.path("data");
        let data = pattern(200 * 1000);
        env.run(async {
            let file = env.file(&path, "w+").await;
            let pieces = data.chunks(1000).enumerate().rev();
            let writes =
                pieces.map(|(index, piece)| file.write_all_at(piece.to_vec(), index as u64 * 1000));
            assert!(join_all(writes).await.into_iter().all(|result| result.is_ok()));
            let reads = (0..200u64).map(|index| file.read_exact_at(1000, index * 1000));
            for (index, found) in join_all(reads).await.into_iter().enumerate() {
                assert_eq!(found.unwrap(), data[index * 1000..][..1000], "on {}", place.name);
            }
        });
    }
}

async fn read_word(context: &Context, file: &SharedFile, number: u32) {
    let offset = u64::from(number) * 4;
    let (result, buffer) = context.read(file, room(4), 0..4, offset).await;
    assert_eq!(result.unwrap(), 4);
    assert_eq!(buffer.as_slice(), number.to_le_bytes());
}

fn words(count: u32) -> Vec<u8> {
    (0..count).flat_map(u32::to_le_bytes).collect()
}

/// Trap B1: completions that find no room in the queue are lost, and somebody waits for ever.
fn thousands_of_requests_over_a_queue_of_two(env: &Env) {
    let place = disk();
    let file = shared(&place.file("data", &words(5000)));
    let context = env.another(|builder| builder.max_requests(2));
    env.run(join_all((0..5000).map(|number| read_word(&context, &file, number))));
    assert_settled(&context);
}

/// Trap B6: a ring may be bound to the thread that made it.
fn eight_threads_submit_at_once(env: &Env) {
    let place = disk();
    let file = shared(&place.file("data", &words(1000)));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                smol::block_on(async {
                    for start in (0..1000).step_by(20) {
                        let reads = (start..start + 20).map(|n| read_word(&env.context, &file, n));
                        join_all(reads).await;
                    }
                });
            });
        }
    });
    assert_settled(&env.context);
}

/// A waker that submits, polls and drops operations inside of `wake`.
struct Busy {
    context: Context,
    file: SharedFile,
    woken: AtomicUsize,
    kept: Mutex<Vec<BoxFuture<'static, ()>>>,
}

impl Wake for Busy {
    fn wake(self: Arc<Self>) {
        self.woken.fetch_add(1, Ordering::SeqCst);
        let (context, file) = (self.context.clone(), self.file.clone());
        let mut next = async move { read_word(&context, &file, 7).await }.boxed();
        let _ = next.poll_unpin(&mut TaskContext::from_waker(Waker::noop()));
        let mut kept = self.kept.lock().unwrap();
        kept.push(next);
        if kept.len() > 3 {
            let old = kept.remove(0);
            drop(kept);
            drop(old);
        }
    }
}

/// Trap B4: whoever reaps holds a lock that the waker wants, or reaps one entry twice.
fn a_waker_may_submit_inside_of_wake(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let file = shared(&place.file("data", &words(1000)));
        let busy = Arc::new(Busy {
            context: env.context.clone(),
            file: file.clone(),
            woken: AtomicUsize::new(0),
            kept: Mutex::default(),
        });
        let waker = Waker::from(Arc::clone(&busy));
        for number in 0..300 {
            let mut read = read_word(&env.context, &file, number).boxed();
            let deadline = Instant::now() + HANGS;
            loop {
                let polled = Pin::new(&mut read).poll(&mut TaskContext::from_waker(&waker));
                if polled == Poll::Ready(()) {
                    break;
                }
                assert!(Instant::now() < deadline, "read {number} hangs");
                thread::yield_now();
            }
        }
        // The last answer was seen before its wake had come, perhaps, and that submits once more.
        drop(waker);
        eventually("no wake-up is left", || Arc::strong_count(&busy) == 1);
        busy.kept.lock().unwrap().clear();
        assert_settled(&env.context);
    });
}

/// Trap B12: the parked thread is not told that there is something to do.
fn a_request_from_another_thread_wakes_a_parked_runtime(env: &Env) {
    let place = disk();
    let path = place.file("data", &words(1000));
    let file = Arc::new(shared(&path));
    env.run(async {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let (context, shared) = (env.context.clone(), Arc::clone(&file));
        // Reads once here, so that whoever waits for completions belongs to this runtime.
        read_word(&env.context, &file, 1).await;
        let other = thread::spawn(move || {
            // Without a wake-up it would be the length of somebody's timeout, or for ever. A busy
            // machine spoils some tries.
            eventually("the median of fifty answers is fast", || {
                let mut times: Vec<_> = (0..50)
                    .map(|number| {
                        let begun = Instant::now();
                        smol::block_on(read_word(&context, &shared, number));
                        let time = begun.elapsed();
                        sender.blocking_send(()).unwrap();
                        thread::sleep(Duration::from_millis(1));
                        time
                    })
                    .collect();
                times.sort_unstable();
                times[25] < Duration::from_millis(20)
            });
        });
        while let Some(()) = receiver.recv().await {}
        other.join().unwrap();
    });
}

fn direct_reads_in_numbers(env: &Env) {
    let place = disk();
    let data = pattern(256 * 4096);
    let path = place.file("data", &data);
    env.run(async {
        let Some(file) = env.direct(&path).await else { return };
        for _ in 0..2 {
            let reads = (0..256u64).map(|block| file.read_exact_at(4096, block * 4096));
            for (block, found) in join_all(reads).await.into_iter().enumerate() {
                assert_eq!(found.unwrap(), data[block * 4096..][..4096]);
            }
        }
    });
    eventually("nothing is in flight", || env.context.in_flight().0 == 0);
}
