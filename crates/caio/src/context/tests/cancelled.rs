//! Operations that were given up.

use std::future::poll_fn;
use std::io::Write;

use super::*;
use crate::completion::Receiver;
use crate::context::submit::Batch;
use crate::testing::is_alone;

#[test]
fn what_was_cancelled_has_not_failed() {
    each(|context| {
        let (reader, writer) = pipe();
        let mut operation = read(&context, &reader, 16);
        begin(&mut operation);
        drop(operation);
        assert!(eventually(|| context.metrics().in_flight == 0), "{context:?}");
        let metrics = context.metrics();
        assert_eq!((metrics.cancelled, metrics.failed), (1, 0), "{context:?}");
        drop(writer);
    });
}

#[test]
fn a_real_error_after_the_cancellation_still_counts() {
    let context = Context::builder().backend(BackendKind::Rust).build().unwrap();
    let write_only = File::options().write(true).open("/dev/null").unwrap();
    let file = SharedFile::from_std(write_only).unwrap();
    let result = block_on(read(&context, &file, 16)).result;
    assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EBADF));
    assert_eq!(context.metrics().failed, 1);
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// A read on its way, without the future that would hold the context and cancel it.
fn send(context: &Context, file: &SharedFile) -> Receiver {
    let op = Op::read(Buffer::from(Vec::with_capacity(1)), 0..1, 0).unwrap();
    let mut batch = Batch::default();
    let receiver = context.inner.accept(Some(file), op, None, &mut batch).unwrap();
    context.inner.commit(batch);
    receiver
}

#[test]
fn a_context_dropped_with_reads_in_flight_frees_everything_when_they_end() {
    let name = "a_context_dropped_with_reads_in_flight_frees_everything_when_they_end";
    if !is_alone(&format!("context::tests::cancelled::{name}")) {
        return;
    }
    let before = descriptors();
    each(|context| {
        let kind = context.info().backend;
        let (reader, writer) = pipe();
        let receivers: Vec<_> = (0..64).map(|_| send(&context, &reader)).collect();
        assert_eq!(context.metrics().in_flight, 64);
        drop((reader, context));
        File::from(writer).write_all(&[7; 64]).unwrap();
        for receiver in receivers {
            assert!(block_on(poll_fn(|cx| receiver.poll(cx))).result.is_ok());
        }
        assert!(eventually(|| descriptors() == before), "{kind}: {} of {before}", descriptors());
        #[cfg(all(target_os = "linux", not(caio_portable)))]
        assert_eq!(crate::backend::uring::leaked(), 0);
    });
}
