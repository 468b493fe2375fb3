//! Operations in steady state allocate nothing: counted by the allocator itself.
//!
//! One test function, since the count is the process's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::{self, Thread};

use caio::{BackendKind, Buffer, Context, SharedFile};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged; counting allocates nothing.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; the memory came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(waker: &Waker, future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut TaskContext::from_waker(waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn reads_and_writes_in_steady_state_allocate_nothing() {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let path = std::env::temp_dir().join(format!("caio-allocations-{}", std::process::id()));
    let options = std::fs::File::options().read(true).write(true).create(true).clone();
    let file = options.open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file.set_len(1 << 20).unwrap();

    let mut measured = 0;
    for kind in BackendKind::ALL {
        for in_place in [true, false] {
            let context = match Context::builder().backend(kind).in_place(in_place).build() {
                Ok(context) => context,
                Err(error) => {
                    println!("skipped {kind}: {error}");
                    continue;
                }
            };
            let file = SharedFile::new(file.try_clone().unwrap(), &path).unwrap();
            let mut buffer = Buffer::from(vec![7; 4096]);
            let rounds = |rounds: u64, mut buffer: Buffer| {
                for round in 0..rounds {
                    let offset = round % 256 * 4096;
                    let (result, back) =
                        block_on(&waker, context.write(&file, buffer, 0..4096, offset));
                    assert_eq!(result.unwrap(), 4096);
                    let (result, back) =
                        block_on(&waker, context.read(&file, back, 0..4096, offset));
                    assert_eq!(result.unwrap(), 4096);
                    buffer = back;
                }
                buffer
            };
            buffer = rounds(200, buffer);
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            rounds(1000, buffer);
            let during = ALLOCATIONS.load(Ordering::Relaxed) - before;
            // Threads may still start, at some ten allocations each, and the thread that reaps
            // looks around from time to time; one allocation for each operation would be two
            // thousand.
            assert!(
                during <= 500,
                "{kind}, in place {in_place}: {during} allocations in 2000 operations"
            );
            println!("{kind}, in place {in_place}: {during} allocations in 2000 operations");
            measured += 1;
        }
    }
    assert!(measured > 0, "no backend works here");
}
