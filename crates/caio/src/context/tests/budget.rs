//! How operations yield, with a runtime that has them ask twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};

use super::block_on;
use crate::buffer::Buffer;
use crate::context::Context;
use crate::runtime::Runtime;
use crate::testing::file_with;

/// Says yes every second time, and counts how often it was asked.
#[derive(Debug, Default)]
struct Reluctant(AtomicUsize);

impl Runtime for Reluctant {
    fn poll_proceed(&self, cx: &mut TaskContext<'_>, _bytes: usize) -> Poll<()> {
        if self.0.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[test]
fn each_operation_asks_the_budget_and_goes_on_when_it_may() {
    let file = file_with(b"0123456789");
    for in_place in [true, false] {
        let runtime = Arc::new(Reluctant::default());
        let builder = Context::builder().runtime(Arc::clone(&runtime) as Arc<dyn Runtime>);
        let context = builder.in_place(in_place).build().unwrap();
        let buffer = Buffer::from(Vec::with_capacity(10));
        let (read, buffer) = block_on(context.read(&file, buffer, 0..10, 0));
        assert_eq!((read.unwrap(), buffer.as_slice()), (10, &b"0123456789"[..]));
        block_on(context.sync(&file, true)).unwrap();
        block_on(context.metadata(&file)).unwrap();
        assert!(runtime.0.load(Ordering::Relaxed) >= 6);
    }
}

#[test]
fn a_large_file_is_read_whole_by_the_pool() {
    let path = std::env::temp_dir().join(format!("caio-whole-{}", std::process::id()));
    let context = Context::builder().build().unwrap();
    for (length, in_place) in [(1000, true), (200 << 10, false)] {
        std::fs::write(&path, vec![7; length]).unwrap();
        let before = context.metrics().in_place;
        assert_eq!(block_on(context.read_file(&path)).unwrap(), vec![7; length]);
        let took_place = context.metrics().in_place > before;
        assert!(in_place || !took_place, "{length} bytes would keep others waiting");
    }
    std::fs::remove_file(path).unwrap();
}
