//! Faults come where they were planned, and nowhere else.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use caio::{Buffer, Context, OpKind, SharedFile};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use smol::block_on;

use super::{Faulty, Plan};
use crate::Skeleton;

const EIO: i32 = nix::libc::EIO;

fn open(plan: Plan) -> (Arc<Faulty>, Context, SharedFile) {
    let faulty = Arc::new(Faulty::new(Arc::new(Skeleton::open(64)), plan));
    let context =
        Context::builder().custom(Arc::<Faulty>::clone(&faulty)).in_place(false).build().unwrap();
    let file = SharedFile::new(tempfile::tempfile().unwrap(), "scratch").unwrap();
    (faulty, context, file)
}

fn write(context: &Context, file: &SharedFile, bytes: &[u8], offset: u64) -> caio::Result<usize> {
    let buffer = Buffer::from(bytes.to_vec());
    block_on(context.write(file, buffer, 0..bytes.len(), offset)).0
}

fn read(context: &Context, file: &SharedFile, length: usize, offset: u64) -> Vec<u8> {
    let buffer = Buffer::from(Vec::with_capacity(length));
    let (result, buffer) = block_on(context.read(file, buffer, 0..length, offset));
    result.unwrap();
    buffer.as_slice().to_vec()
}

#[test]
fn short_and_interrupted_transfers_are_invisible_above_the_context() {
    let plan = Plan::new(3).short(0.5).interrupted(0.2).cancelled_unasked(0.1).full_queue(0.2);
    let (faulty, context, file) = open(plan);
    let data: Vec<u8> = (0..50_000u32).flat_map(u32::to_le_bytes).collect();
    for (index, piece) in data.chunks(1000).enumerate() {
        assert_eq!(write(&context, &file, piece, index as u64 * 1000).unwrap(), piece.len());
    }
    assert_eq!(read(&context, &file, data.len(), 0), data);
    let injected = faulty.injected();
    assert!(injected.short > 10 && injected.errors > 10 && injected.refused > 10, "{injected:?}");
    let metrics = context.metrics();
    assert_eq!((metrics.submitted, metrics.in_flight), (metrics.completed, 0));
    assert_eq!(metrics.bytes_written, data.len() as u64);
}

#[test]
fn transfers_of_one_byte_each_complete() {
    let (faulty, context, file) = open(Plan::new(3).one_byte(1.0));
    assert_eq!(write(&context, &file, b"one by one", 0).unwrap(), 10);
    assert_eq!(read(&context, &file, 100, 0), b"one by one");
    // The last byte of each was no short transfer; the read also met the end of the file.
    assert!(faulty.injected().short >= 9 + 10);
}

#[test]
fn a_full_disk_takes_what_fits_and_room_can_come_back() {
    let (faulty, context, file) = open(Plan::new(3).space(6));
    assert_eq!(write(&context, &file, b"12345678", 0).unwrap(), 6);
    let error = write(&context, &file, b"78", 6).unwrap_err();
    assert_eq!(error.io_kind(), ErrorKind::StorageFull);
    faulty.set_space(100);
    assert_eq!(write(&context, &file, b"78", 6).unwrap(), 2);
    assert_eq!(read(&context, &file, 100, 0), b"12345678");
}

#[test]
fn a_rule_fails_its_operation_once_or_from_then_on() {
    let plan = Plan::new(3).fail_once(OpKind::Read, 1, EIO).fail_from(OpKind::Write, 1, EIO);
    let (_, context, file) = open(plan);
    assert_eq!(write(&context, &file, b"data", 0).unwrap(), 4);
    assert_eq!(write(&context, &file, b"data", 0).unwrap_err().raw_os_error(), Some(EIO));
    assert_eq!(write(&context, &file, b"data", 0).unwrap_err().raw_os_error(), Some(EIO));
    let mut failed = 0;
    for _ in 0..4 {
        let buffer = Buffer::from(Vec::with_capacity(4));
        failed += usize::from(block_on(context.read(&file, buffer, 0..4, 0)).0.is_err());
    }
    assert_eq!(failed, 1);
}

#[test]
fn a_failed_sync_stays_failed() {
    let (_, context, file) = open(Plan::new(3).fail_once(OpKind::Fsync, 0, EIO));
    for _ in 0..2 {
        let error = block_on(context.sync(&file, false)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(EIO));
    }
    file.clear_sync_error();
    block_on(context.sync(&file, false)).unwrap();
}

#[test]
fn answers_come_late_and_out_of_order_and_a_shutdown_waits_for_them() {
    let delay = Duration::from_millis(20)..Duration::from_millis(40);
    let (faulty, context, file) = open(Plan::new(3).delay(delay));
    let begun = Instant::now();
    write(&context, &file, b"late", 0).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(20));
    let writes: Vec<_> = (0..8u8)
        .map(|number| {
            let buffer = Buffer::from(vec![number; 1]);
            context.write(&file, buffer, 0..1, u64::from(number)).boxed()
        })
        .collect();
    let mut writes = join_all(writes);
    assert!((&mut writes).now_or_never().is_none());
    assert_eq!(block_on(context.shutdown(Duration::from_secs(60))), 0);
    assert!(block_on(writes).into_iter().all(|(result, _)| result.is_ok()));
    assert_eq!(faulty.injected().delayed, 9);
}

#[test]
fn reordering_delivers_every_answer_to_its_own_caller() {
    let (faulty, context, file) = open(Plan::new(3).reorder(8));
    let data: Vec<u8> = (0..=255).collect();
    write(&context, &file, &data, 0).unwrap();
    let reads = (0..256usize).map(|index| {
        let buffer = Buffer::from(Vec::with_capacity(1));
        context.read(&file, buffer, 0..1, index as u64)
    });
    for (index, (result, buffer)) in block_on(join_all(reads)).into_iter().enumerate() {
        assert_eq!(result.unwrap(), 1);
        assert_eq!(usize::from(buffer.as_slice()[0]), index);
    }
    assert_eq!(faulty.injected().delayed, 257);
}
