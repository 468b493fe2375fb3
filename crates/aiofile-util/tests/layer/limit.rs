//! Limits: never more at once than allowed, and no place lost.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Wake, Waker};
use std::time::Duration;

use aiofile::fs::Fs;
use aiofile_util::PipelineOptions;
use aiofile_util::layer::Limit;
use caio::{
    Admission, Buffer, Context, Ending, Layer, OpInfo, OpKind, Priority, SharedFile, Stage,
    with_priority,
};
use caio_testkit::{Plan, Random, Simulated};
use futures_executor::block_on;
use proptest::prelude::*;

use crate::support::{eventually, faulty, file, poll_once, read};

/// How many of each are under way, and that these are never too many.
#[derive(Debug)]
struct Watch {
    most: BTreeMap<(OpKind, Option<Priority>), usize>,
    now: Mutex<BTreeMap<(OpKind, Option<Priority>), usize>>,
}

impl Watch {
    fn change(&self, op: &OpInfo, change: impl Fn(&mut usize)) {
        let mut now = self.now.lock().unwrap();
        for key in [(op.kind(), None), (op.kind(), Some(op.priority()))] {
            let count = now.entry(key).or_default();
            change(count);
            let most = self.most.get(&key).copied().unwrap_or(usize::MAX);
            assert!(*count <= most, "{count} of {key:?} at once");
        }
    }

    fn is_empty(&self) -> bool {
        self.now.lock().unwrap().values().all(|count| *count == 0)
    }
}

impl Layer for Watch {
    /// Within the limit.
    fn stage(&self) -> Stage {
        Stage::Fault
    }

    fn admit(&self, op: &OpInfo) -> Admission {
        self.change(op, |count| *count += 1);
        Admission::Now
    }

    fn finished(&self, op: &OpInfo, _ending: &Ending<'_>) {
        self.change(op, |count| *count -= 1);
    }
}

type Operation = Pin<Box<dyn Future<Output = caio::Result<usize>>>>;

fn operation(
    context: &Context,
    file: &SharedFile,
    is_write: bool,
    priority: Priority,
) -> Operation {
    let (context, file) = (context.clone(), file.clone());
    Box::pin(with_priority(priority, async move {
        match is_write {
            true => context.write(&file, Buffer::from(&b"data"[..]), 0..4, 0).await.0,
            false => read(&context, &file, 4).await,
        }
    }))
}

/// A context over a disk that waits for each step.
fn simulated(limit: &Arc<Limit>, watch: Option<Arc<Watch>>) -> (Arc<Simulated>, Context) {
    let disk = Arc::new(Simulated::new(1));
    let builder = aiofile::context().custom(disk.clone()).in_place(false).layer(limit.clone());
    let builder = watch.into_iter().fold(builder, |builder, watch| builder.layer(watch));
    (disk, builder.build().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn there_are_never_too_many_and_none_is_lost(
        reads in 1_usize..4, writes in 1_usize..4, low in 1_usize..3, seed in any::<u64>(),
    ) {
        let limit = Limit::new().reads(reads).writes(writes).priority(Priority::Low, low);
        let limit = Arc::new(limit);
        let most = BTreeMap::from([
            ((OpKind::Read, None), reads),
            ((OpKind::Write, None), writes),
            ((OpKind::Read, Some(Priority::Low)), low),
            ((OpKind::Write, Some(Priority::Low)), low),
        ]);
        let watch = Arc::new(Watch { most, now: Mutex::default() });
        let (disk, context) = simulated(&limit, Some(watch.clone()));
        let file = disk.create("data").unwrap();
        let mut random = Random::new(seed);
        let mut operations: Vec<Operation> = Vec::new();
        for _ in 0..400 {
            match random.below(5) {
                0 | 1 => {
                    let priority = Priority::ALL[random.below(3)];
                    operations.push(operation(&context, &file, random.below(2) == 0, priority));
                }
                2 if !operations.is_empty() => {
                    let chosen = random.below(operations.len());
                    drop(operations.swap_remove(chosen));
                }
                3 => _ = disk.step(),
                _ => operations.retain_mut(|operation| poll_once(operation).is_pending()),
            }
        }
        // Whatever is left comes to its end, in any order of being polled.
        for _ in 0..10_000 {
            operations.retain_mut(|operation| poll_once(operation).is_pending());
            if operations.is_empty() {
                break;
            }
            disk.step();
        }
        prop_assert!(operations.is_empty(), "{} wait for ever: {limit:?}", operations.len());
        disk.run();
        prop_assert_eq!((limit.held(), limit.waiting()), (0, 0));
        prop_assert!(watch.is_empty());
    }
}

#[test]
fn ten_thousand_cancelled_futures_lose_no_place() {
    const MOST: usize = 3;
    let limit = Arc::new(Limit::new().reads(MOST).writes(MOST));
    let plan = Plan::new(3).short(0.2).interrupted(0.1).full_queue(0.1);
    let plan =
        plan.fail_once(OpKind::Read, 500, 5).delay(Duration::ZERO..Duration::from_micros(50));
    let (_, builder) = faulty(plan);
    let context = builder.layer(limit.clone()).build().unwrap();
    let file = file(&[7; 4096]);
    let mut random = Random::new(5);
    let mut operations: Vec<Operation> = Vec::new();
    for number in 0..10_000 {
        operations.push(operation(&context, &file, number % 2 == 0, Priority::Normal));
        if let Some(last) = operations.last_mut() {
            for _ in 0..random.below(3) {
                if poll_once(last).is_ready() {
                    operations.pop();
                    break;
                }
            }
        }
        while operations.len() > 50 {
            let chosen = random.below(operations.len());
            drop(operations.swap_remove(chosen));
        }
    }
    drop(operations);
    eventually("all have ended", || limit.held() == 0);
    assert_eq!(limit.waiting(), 0);
    assert_eq!(block_on(read(&context, &file, 4)).unwrap(), 4);

    // All places are there: so many begin at once, and no more.
    let (disk, context) = simulated(&limit, None);
    let file = disk.create("data").unwrap();
    let mut operations: Vec<_> =
        (0..10).map(|_| operation(&context, &file, false, Priority::Normal)).collect();
    // The second time for those that have let other tasks run before.
    for _ in 0..2 {
        assert!(operations.iter_mut().all(|operation| poll_once(operation).is_pending()));
    }
    assert_eq!((disk.pending(), limit.held(), limit.waiting()), (MOST, MOST, 10 - MOST));
}

#[test]
fn a_place_does_not_wait_for_a_future_that_is_not_polled() {
    let limit = Arc::new(Limit::new().reads(1));
    let (disk, context) = simulated(&limit, None);
    let file = disk.create("data").unwrap();
    let mut first = operation(&context, &file, false, Priority::Normal);
    let mut idle: Vec<_> =
        (0..20).map(|_| operation(&context, &file, false, Priority::High)).collect();
    assert!(poll_once(&mut first).is_pending());
    assert!(idle.iter_mut().all(|operation| poll_once(operation).is_pending()));
    // This one is only polled when it is woken.
    let ended = std::thread::spawn({
        let (context, file) = (context.clone(), file.clone());
        move || block_on(read(&context, &file, 4))
    });
    eventually("it waits", || limit.waiting() == 21);
    assert!(disk.step());
    eventually("it has its turn", || {
        disk.step();
        ended.is_finished()
    });
    assert!(ended.join().unwrap().is_ok());
    // Those that were passed are not lost.
    eventually("they come, too", || {
        disk.step();
        idle.retain_mut(|operation| poll_once(operation).is_pending());
        idle.is_empty()
    });
    assert_eq!((limit.held(), limit.waiting()), (0, 0));
}

#[test]
fn the_more_urgent_goes_first_and_then_the_earlier() {
    // Where this thread has no turn for 20 ms, one of them is passed over.
    eventually("they go in order", || order_of_four() == [2, 1, 3, 0]);
}

/// The order in which one of low priority ends, one of normal, one of high, and one of normal.
fn order_of_four() -> Vec<usize> {
    let limit = Arc::new(Limit::new().reads(1));
    let (disk, context) = simulated(&limit, None);
    let file = disk.create("data").unwrap();
    let mut first = operation(&context, &file, false, Priority::Low);
    assert!(poll_once(&mut first).is_pending());
    let priorities = [Priority::Low, Priority::Normal, Priority::High, Priority::Normal];
    let mut waiting: Vec<_> = (0..)
        .zip(priorities)
        .map(|(number, priority)| (number, operation(&context, &file, false, priority)))
        .collect();
    assert!(waiting.iter_mut().all(|(_, operation)| poll_once(operation).is_pending()));
    let mut order = Vec::new();
    eventually("all have ended", || {
        disk.step();
        waiting.retain_mut(|(number, operation)| {
            let is_over = poll_once(operation).is_ready();
            order.extend(is_over.then_some(*number));
            !is_over
        });
        waiting.is_empty()
    });
    order
}

#[test]
fn what_moves_no_bytes_is_not_limited() {
    let limit = Arc::new(Limit::new().reads(1));
    let (disk, context) = simulated(&limit, None);
    let file = disk.create("data").unwrap();
    let mut first = operation(&context, &file, false, Priority::Normal);
    assert!(poll_once(&mut first).is_pending());
    assert_eq!(disk.drive(context.metadata(&file)).unwrap().len(), 0);
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker of the program's panics, as this test wants it to");
    }
}

#[test]
fn a_waker_that_panics_takes_no_turn_from_another() {
    let limit = Arc::new(Limit::new().reads(1));
    let (disk, context) = simulated(&limit, None);
    let file = disk.create("data").unwrap();
    let mut held = operation(&context, &file, false, Priority::Normal);
    // This one does not come for its turn, so that the next two are called together.
    let mut idle = operation(&context, &file, false, Priority::High);
    assert!(poll_once(&mut held).is_pending() && poll_once(&mut idle).is_pending());
    let waker = Waker::from(Arc::new(Panics));
    let mut bad = operation(&context, &file, false, Priority::High);
    assert!(bad.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_pending());
    let ended = std::thread::spawn({
        let (context, file) = (context.clone(), file.clone());
        move || block_on(read(&context, &file, 4))
    });
    eventually("it waits", || limit.waiting() == 3);
    eventually("it has its turn", || {
        disk.step();
        ended.is_finished()
    });
    assert!(ended.join().unwrap().is_ok());
    for mut other in [bad, idle] {
        eventually("so have the others", || {
            disk.step();
            poll_once(&mut other).is_ready()
        });
    }
    assert_eq!((limit.held(), limit.waiting()), (0, 0));
}

/// From the moment that it holds a place it goes to its end, whether or not it is polled again:
/// also where its task has had its share and lets others run.
#[test]
fn what_holds_a_place_needs_no_further_poll() {
    let limit = Arc::new(Limit::new().reads(1));
    for in_place in [false, true] {
        let builder = aiofile::context().layer(limit.clone()).in_place(in_place);
        let (context, file) = (builder.build().unwrap(), file(b"data"));
        let mut unpolled = Vec::new();
        for _ in 0..2000 {
            let mut read = Box::pin(read(&context, &file, 4));
            _ = poll_once(&mut read);
            eventually("the place is given back", || limit.held() == 0);
            unpolled.push(read);
        }
    }
}

/// What a closure or a transform does waits for its turn, and never for whatever called it.
#[test]
fn operations_within_others_do_not_wait_for_each_other() {
    let limit = Arc::new(Limit::new().reads(1).writes(1).priority(Priority::Normal, 1));
    let context = aiofile::context().layer(limit.clone()).in_place(false).build().unwrap();
    let place = tempfile::tempdir().unwrap();
    let root = place.path().to_owned();
    let path = move |number: u32| root.join(number.to_string());
    (0..6).for_each(|number| std::fs::write(path(number), vec![b'x'; 3 << 20]).unwrap());
    let fs = Fs::new(&context);
    block_on(async {
        // A closure that waits for a read of the same context.
        let (inner, file) = (fs.clone(), path(0));
        let read = context.run("nested", move || Ok(block_on(inner.read(file))?.len()));
        assert_eq!(read.await.unwrap(), 3 << 20);
        // A transform with a pipeline of its own, each with fewer jobs than there are files.
        let options = PipelineOptions::new().context(&context).jobs(2.try_into().unwrap());
        let (own, inner) = (options.clone(), fs.clone());
        let paths: Vec<_> = (0..6).map(path).collect();
        let mut outer = options.process(paths, move |path| {
            let twice = [path.to_path_buf(), path.to_path_buf()];
            let (mut files, fs) = (own.read(twice), inner.clone());
            async move {
                let mut bytes = 0;
                while let Some(file) = files.next().await {
                    let contents = file.result?;
                    bytes += contents.len();
                    fs.write(path.with_extension("copy"), &contents).await?;
                }
                Ok(bytes)
            }
        });
        // And a read between two answers of a stream that has begun others.
        while let Some(file) = outer.next().await {
            assert_eq!(file.result.unwrap(), 6 << 20);
            assert_eq!(fs.read(&*file.path).await.unwrap().len(), 3 << 20);
        }
    });
    assert_eq!((limit.held(), limit.waiting()), (0, 0));
}
