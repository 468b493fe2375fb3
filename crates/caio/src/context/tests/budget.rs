//! How much is done in place at a time, with a runtime that grants little.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use super::block_on;
use crate::buffer::Buffer;
use crate::context::Context;
use crate::file::SharedFile;
use crate::runtime::{Runtime, Source, Watch, Workers};
use crate::testing::file_with;

/// Grants so many bytes at most, whatever is asked for.
#[derive(Debug)]
struct Miser(usize);

impl Runtime for Miser {
    fn watch(&self, source: Source) -> Result<Watch, Source> {
        Err(source)
    }

    fn poll_budget(&self, _cx: &mut TaskContext<'_>, bytes: usize) -> Poll<usize> {
        Poll::Ready(bytes.min(self.0))
    }

    fn gathers_wakes(&self) -> bool {
        false
    }

    fn workers(&self) -> Workers {
        Workers::Apart
    }
}

fn context(grants: usize) -> Context {
    Context::builder().runtime(Arc::new(Miser(grants))).build().unwrap()
}

#[test]
fn a_read_takes_as_many_steps_as_the_runtime_grants_pieces() {
    let file = file_with(b"0123456789");
    for (grants, steps) in [(4, 3), (0, 10)] {
        let context = context(grants);
        let buffer = Buffer::from(Vec::with_capacity(10));
        let (read, buffer) = block_on(context.read(&file, buffer, 0..10, 0));
        assert_eq!((read.unwrap(), buffer.as_slice()), (10, &b"0123456789"[..]));
        let in_place = context.counters().in_place;
        assert!(in_place == steps || in_place == 0, "{in_place} steps, {steps} expected");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn and_so_does_a_write() {
    let name = c"caio-budget";
    let memory = nix::sys::memfd::memfd_create(name, nix::sys::memfd::MFdFlags::empty()).unwrap();
    let file = SharedFile::from_std(memory.into()).unwrap();
    let context = context(4);
    let buffer = Buffer::from(b"0123456789".to_vec());
    let (written, _) = block_on(context.write(&file, buffer, 0..10, 0));
    assert_eq!(written.unwrap(), 10);
    let mut contents = [0; 10];
    std::os::unix::fs::FileExt::read_exact_at(file.file(), &mut contents, 0).unwrap();
    assert_eq!(&contents, b"0123456789");
    let in_place = context.counters().in_place;
    assert!(in_place == 3 || in_place == 0, "{in_place} steps");
}

#[test]
fn a_large_file_is_read_whole_by_the_pool() {
    let path = std::env::temp_dir().join(format!("caio-whole-{}", std::process::id()));
    let context = Context::builder().build().unwrap();
    for (length, in_place) in [(1000, true), (200 << 10, false)] {
        std::fs::write(&path, vec![7; length]).unwrap();
        let before = context.counters().in_place;
        assert_eq!(block_on(context.read_file(&path)).unwrap(), vec![7; length]);
        let took_place = context.counters().in_place > before;
        assert!(in_place || !took_place, "{length} bytes would keep others waiting");
    }
    std::fs::remove_file(path).unwrap();
}
