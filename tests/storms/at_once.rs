//! As many operations at once as memory has room for, where few may be in flight: all complete, in
//! about the order in which they came, and the memory of each is bounded.

use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use aiofile::Context;
use caio::{Admission, Buffer, Layer, OpInfo, SharedFile, Stage};
use caio_testkit::{Random, Usage};

use crate::{PATIENCE, backends, caught, gate, in_use, number, place};

/// Requests in flight, and their bytes.
const REQUESTS_MAX: usize = 8;
const BYTES_MAX: usize = 4096;

/// The bytes of a read, at most.
const READ_MAX: usize = 1024;

const FILE: usize = 1 << 20;

/// What an operation and its future may take, its buffer included.
const MEMORY_MAX: u64 = 4096;

/// What the process may take besides, also where a sanitizer keeps what was freed.
const MEMORY_BESIDES: u64 = 256 << 20;

/// At most so far from its place in the order of submission is the completion of all but one in a
/// hundred.
const DISPLACEMENT_MAX: usize = 1000;

/// One in so many is held back by a layer that is not fair.
const UNFAIR: usize = 50;

#[derive(Debug)]
struct Figures {
    displacement: usize,
    memory: u64,
}

/// `CAIO_STORM_AT_ONCE` is how many operations there are at once on each backend.
#[test]
fn many_operations_at_once() {
    let _alone = in_use::alone();
    let count = number("CAIO_STORM_AT_ONCE", 20_000) as usize;
    for kind in backends::all() {
        let begun = Instant::now();
        let builder = backends::queued().backend(kind);
        let context = builder.max_requests(REQUESTS_MAX).max_bytes_in_flight(BYTES_MAX).build();
        let figures = storm(&context.unwrap(), count, || ());
        let figures = figures.unwrap_or_else(|error| panic!("{kind}: {error}"));
        let figures: [(&str, &dyn std::fmt::Display); 3] = [
            ("operations", &count),
            ("displacement_p99", &figures.displacement),
            ("bytes_each", &figures.memory),
        ];
        gate("at_once", kind.name(), &figures, begun);
    }
}

#[test]
fn an_unfair_order_is_found() {
    let _alone = in_use::alone();
    let unfair = Arc::new(Unfair::default());
    let builder = backends::queued().layer(Arc::<Unfair>::clone(&unfair));
    let context = builder.max_requests(REQUESTS_MAX).max_bytes_in_flight(BYTES_MAX).build();
    let found = storm(&context.unwrap(), 20_000, || unfair.release());
    assert!(found.as_ref().is_err_and(|error| error.contains("displaced")), "{found:?}");
    caught("at_once", "unfair_order", &found.map(drop));
}

/// Reads so often at the same time. `nearly` is called when the last ones are left.
fn storm(context: &Context, count: usize, nearly: impl Fn()) -> Result<Figures, String> {
    let place = place();
    let path = place.path().join("data");
    let contents = Random::new(1).bytes(FILE);
    std::fs::write(&path, &contents).unwrap();
    let file = SharedFile::new(std::fs::File::open(&path).unwrap(), &path).unwrap();
    // It is in the cache.
    file.file().read_exact_at(&mut vec![0; FILE], 0).unwrap();
    let before = Usage::now().unwrap();
    let mut random = Random::new(2);
    let read = |number: usize, length: usize, offset: usize| {
        let (file, contents) = (&file, &contents);
        async move {
            let buffer = Buffer::from(Vec::with_capacity(length));
            let (result, buffer) = context.read(file, buffer, 0..length, offset as u64).await;
            let right = buffer.as_slice() == &contents[offset..offset + length];
            if right { Ok(()) } else { Err(format!("read {number} is wrong: {result:?}")) }
        }
    };
    let ended = Arc::new(Ended { numbers: Mutex::default(), reader: std::thread::current() });
    let mut reads = Vec::with_capacity(count);
    for number in 0..count {
        let read = read(number, 1 + random.below(READ_MAX), random.below(FILE - READ_MAX));
        let one = Arc::new(One { number, begun: AtomicU8::new(BEGINS), ended: Arc::clone(&ended) });
        let mut read = Some((Box::pin(read), Waker::from(Arc::clone(&one))));
        loop {
            if poll(&mut read)? {
                break ended.tell(number);
            }
            if one.waits() {
                break;
            }
        }
        reads.push(read);
    }
    let (mut order, mut placed) = (Vec::with_capacity(count), vec![false; count]);
    let mut most = 0;
    let deadline = Instant::now() + PATIENCE * 10;
    while order.len() < count {
        most = most.max(Usage::now().unwrap().grown_bytes(before));
        let in_flight = context.in_flight();
        if in_flight.0 > REQUESTS_MAX || in_flight.1 > BYTES_MAX || Instant::now() > deadline {
            return Err(format!("{in_flight:?} are in flight, and {} are done", order.len()));
        }
        let numbers = std::mem::take(&mut *ended.numbers.lock().unwrap());
        for number in numbers {
            // A task may be woken more than once, and yields once in a while.
            let read = &mut reads[number];
            if !placed[number] && (poll(read)? || poll(read)?) {
                placed[number] = true;
                order.push(number);
            }
        }
        if order.len() >= count - count / UNFAIR {
            nearly();
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    let mut displaced: Vec<_> =
        order.iter().enumerate().map(|(place, number)| place.abs_diff(*number)).collect();
    displaced.sort_unstable();
    let displacement = displaced[count * 99 / 100];
    if displacement > DISPLACEMENT_MAX {
        return Err(format!("one in a hundred is displaced by {displacement} and more"));
    }
    if most > MEMORY_MAX * count as u64 + MEMORY_BESIDES {
        return Err(format!("{most} bytes for {count} operations"));
    }
    Ok(Figures { displacement, memory: most / count as u64 })
}

/// A read on its way, with its own waker.
type Read<F> = Option<(Pin<Box<F>>, Waker)>;

/// Polls a read, which goes when it has ended. Returns whether it has.
fn poll<F>(read: &mut Read<F>) -> Result<bool, String>
where
    F: Future<Output = Result<(), String>>,
{
    let Some((future, waker)) = read else { return Ok(true) };
    match future.as_mut().poll(&mut TaskContext::from_waker(waker)) {
        Poll::Pending => Ok(false),
        Poll::Ready(result) => {
            *read = None;
            result.map(|()| true)
        }
    }
}

/// The reads in the order in which they ended, and who looks after them. That is when they are
/// woken, and not when somebody finds the time to poll them.
struct Ended {
    numbers: Mutex<Vec<usize>>,
    reader: Thread,
}

struct One {
    number: usize,
    begun: AtomicU8,
    ended: Arc<Ended>,
}

/// It is polled for the first time; it was woken meanwhile, since others were to run first or since
/// it has ended; it waits.
const BEGINS: u8 = 0;
const IS_WOKEN: u8 = 1;
const WAITS: u8 = 2;

impl One {
    /// Whether it was not woken since it was polled first, so that it waits for its end.
    fn waits(&self) -> bool {
        let order = Ordering::SeqCst;
        let waits = self.begun.compare_exchange(BEGINS, WAITS, order, order).is_ok();
        if !waits {
            self.begun.store(BEGINS, order);
        }
        waits
    }
}

impl Ended {
    fn tell(&self, number: usize) {
        self.numbers.lock().unwrap().push(number);
        self.reader.unpark();
    }
}

impl Wake for One {
    fn wake(self: Arc<Self>) {
        let order = Ordering::SeqCst;
        if self.begun.compare_exchange(BEGINS, IS_WOKEN, order, order) == Err(WAITS) {
            self.ended.tell(self.number);
        }
    }
}

/// Holds some operations back until it is told to let them go.
#[derive(Debug, Default)]
struct Unfair {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    seen: usize,
    is_released: bool,
    waiting: Vec<Waker>,
}

impl Unfair {
    fn release(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_released = true;
        state.waiting.drain(..).for_each(Waker::wake);
    }
}

impl Layer for Unfair {
    fn stage(&self) -> Stage {
        Stage::Fault
    }

    fn admit(&self, _op: &OpInfo) -> Admission {
        let mut state = self.state.lock().unwrap();
        state.seen += 1;
        if !state.seen.is_multiple_of(UNFAIR) {
            return Admission::Now;
        }
        let state = Arc::clone(&self.state);
        Admission::later(std::future::poll_fn(move |cx| {
            let mut state = state.lock().unwrap();
            if state.is_released {
                return Poll::Ready(Ok(()));
            }
            state.waiting.push(cx.waker().clone());
            Poll::Pending
        }))
    }
}
