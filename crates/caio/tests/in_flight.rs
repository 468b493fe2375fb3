//! What a read takes of memory while it waits: counted by the allocator itself.
//!
//! One test function, since the count is the process's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Wake, Waker};

use caio::{Buffer, Context, SharedFile};

struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged; counting allocates nothing.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above; the memory came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const READS: usize = 20_000;

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_read_that_waits_takes_little_memory() {
    let waker = Waker::from(Arc::new(Nobody));
    let mut cx = TaskContext::from_waker(&waker);
    let context = Context::builder().build().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let file = SharedFile::from_std(std::fs::File::from(OwnedFd::from(reader))).unwrap();
    let before = BYTES.load(Ordering::Relaxed);
    let mut reads: Vec<Pin<Box<dyn Future<Output = _>>>> = Vec::with_capacity(READS);
    for _ in 0..READS {
        let buffer = Buffer::from(Vec::with_capacity(1));
        reads.push(Box::pin(context.read(&file, buffer, 0..1, 0)));
    }
    let future = (BYTES.load(Ordering::Relaxed) - before) / READS;
    for read in &mut reads {
        assert!(read.as_mut().poll(&mut cx).is_pending());
    }
    let each = (BYTES.load(Ordering::Relaxed) - before) / READS;
    println!("{each} bytes for each of {READS} reads, {future} of them the future");
    // The request, the channel of its answer, and room in the lists that grow by doubling, which a
    // request may be in two of for a moment.
    assert!(each <= 1_500, "{each} bytes for each read, {future} of them the future");
    assert!(future <= 300, "{future} bytes for each future");
    drop(writer);
}
