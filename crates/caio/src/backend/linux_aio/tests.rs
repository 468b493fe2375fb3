//! The backend against the real kernel, and against one that misbehaves.

use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread::ThreadId;
use std::time::Duration;
use std::{io, thread};

use super::*;
use crate::buffer::{AlignedBuffer, Buffer};
use crate::file::SharedFile;
use crate::op::{Op, OpKind, Output};
use crate::slot::{Completion, Outcome};
use crate::sys::aio::{ControlBlock, Event};
use crate::testing::{file_with, request, run, wait};

/// A backend for `requests_max`; `None`, with the reason printed, where there is no kernel AIO.
fn backend(requests_max: usize) -> Option<LinuxAio> {
    match LinuxAio::open(&Options { requests_max }) {
        Ok(backend) => Some(backend),
        Err(refusal) => {
            println!("skipped: {refusal}");
            None
        }
    }
}

/// A file with these contents, opened with O_DIRECT; `None` where the file system has none.
fn direct_file_with(contents: &[u8]) -> Option<SharedFile> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("caio-direct-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, contents).unwrap();
    let file = File::options().read(true).write(true).custom_flags(libc::O_DIRECT).open(&path);
    if let Ok(file) = &file {
        file.sync_all().unwrap();
    }
    std::fs::remove_file(&path).unwrap();
    match file {
        Ok(file) => Some(SharedFile::new(file, path).unwrap()),
        Err(error) => {
            println!("skipped: no O_DIRECT in the directory for temporary files: {error}");
            None
        }
    }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index / 7 % 251) as u8).collect()
}

fn read(length: usize, offset: u64) -> Op {
    Op::read(Vec::with_capacity(length).into(), 0..length, offset).unwrap()
}

fn read_aligned(length: usize, offset: u64) -> Op {
    Op::read(AlignedBuffer::new(length, 4096).into(), 0..length, offset).unwrap()
}

fn bytes_of(outcome: &Outcome) -> usize {
    match outcome.result {
        Ok(Output::Bytes(bytes)) => bytes,
        ref other => panic!("no bytes: {other:?}"),
    }
}

/// The contents that a read gave.
fn contents(outcome: Outcome) -> Vec<u8> {
    let bytes = bytes_of(&outcome);
    let Some(Op::Read { mut buffer, range, .. }) = outcome.op else { panic!("not a read") };
    buffer.set_len(range.start + bytes);
    buffer.as_slice()[range.start..].to_vec()
}

fn errno(outcome: &Outcome) -> Option<i32> {
    outcome.result.as_ref().err().and_then(Error::raw_os_error)
}

/// Submits the operations as one batch, again and again until all are taken, and reaps.
fn run_all(
    backend: &LinuxAio,
    operations: impl IntoIterator<Item = (Op, SharedFile)>,
) -> Vec<Outcome> {
    let (mut batch, completions): (Vec<_>, Vec<_>) = operations
        .into_iter()
        .map(|(op, file)| request(op, Some(&file)))
        .map(|(request, completion)| (Some(request), completion))
        .unzip();
    while batch.iter().any(Option::is_some) {
        backend.submit(&mut batch).unwrap();
        if backend.reap(0) == 0 {
            thread::sleep(Duration::from_micros(50));
        }
    }
    let reap = || {
        backend.reap(0);
    };
    completions.into_iter().map(|completion| wait(completion, reap)).collect()
}

fn submit_one(backend: &LinuxAio, op: Op, file: &SharedFile) -> Completion {
    let (request, completion) = request(op, Some(file));
    let mut batch = [Some(request)];
    backend.submit(&mut batch).unwrap();
    assert!(batch[0].is_none());
    completion
}

#[test]
fn buffered_transfers_come_back_whole() {
    let Some(backend) = backend(8) else { return };
    let file = file_with(b"");
    let data = pattern(100_000);
    let written =
        run(&backend, Op::write(data.clone().into(), 0..data.len(), 17).unwrap(), Some(&file));
    assert_eq!(bytes_of(&written), data.len());
    assert_eq!(contents(run(&backend, read(data.len(), 17), Some(&file))), data);
    let beyond = run(&backend, read(10, 200_000), Some(&file));
    assert_eq!(bytes_of(&beyond), 0);
}

#[test]
fn direct_transfers_come_back_whole() {
    let (Some(backend), Some(file)) = (backend(8), direct_file_with(&[0; 65536])) else { return };
    let data = pattern(16384);
    let aligned = Buffer::from(AlignedBuffer::copy_of(&data, 4096));
    let written = run(&backend, Op::write(aligned, 0..data.len(), 8192).unwrap(), Some(&file));
    assert_eq!(bytes_of(&written), data.len());
    assert_eq!(contents(run(&backend, read_aligned(16384, 8192), Some(&file))), data);
    assert_eq!(contents(run(&backend, read_aligned(8192, 61440), Some(&file))), [0; 4096]);
}

#[test]
fn vectored_transfers_go_on_behind_what_is_done() {
    let Some(backend) = backend(8) else { return };
    let file = file_with(b"");
    let buffers = vec![b"skipped, ab"[..].into(), Buffer::default(), b"cdef"[..].into()];
    let write = Op::WriteVectored { buffers, skip: 9, offset: 2 };
    assert_eq!(bytes_of(&run(&backend, write, Some(&file))), 6);

    let first = b"12345".to_vec();
    let skip = first.capacity();
    let second = Vec::with_capacity(64);
    let read = Op::ReadVectored { buffers: vec![first.into(), second.into()], skip, offset: 0 };
    let outcome = run(&backend, read, Some(&file));
    assert_eq!(bytes_of(&outcome), 8);
    let Some(Op::ReadVectored { mut buffers, .. }) = outcome.op else { panic!("not a readv") };
    buffers[1].set_len(64);
    assert_eq!(buffers[0].as_slice(), b"12345");
    assert_eq!(buffers[1].as_slice(), b"\0\0abcdef");
}

#[test]
fn syncs_answer() {
    let Some(backend) = backend(8) else { return };
    let file = file_with(b"data");
    for (kind, op) in [(OpKind::Fsync, Op::Fsync), (OpKind::Fdatasync, Op::Fdatasync)] {
        if backend.capability().operations.contains(kind) {
            assert!(matches!(run(&backend, op, Some(&file)).result, Ok(Output::Done)));
        } else {
            println!("skipped: no {kind} by kernel AIO here");
        }
    }
}

#[test]
fn a_thousand_requests_go_through_one_place_or_two() {
    let data = pattern(4096);
    let buffered = file_with(&data);
    let files = [Some(buffered), direct_file_with(&data)];
    for (file, requests_max) in files.iter().flatten().flat_map(|file| [(file, 1), (file, 2)]) {
        let Some(backend) = backend(requests_max) else { return };
        let outcomes = run_all(&backend, (0..1000).map(|_| (read_aligned(4096, 0), file.clone())));
        assert_eq!(outcomes.len(), 1000);
        assert!(outcomes.into_iter().all(|outcome| contents(outcome) == data));
    }
}

#[test]
fn a_full_store_leaves_the_rest_of_the_batch_in_its_place() {
    let Some(backend) = backend(2) else { return };
    let file = file_with(b"0123456789");
    let (mut batch, completions): (Vec<_>, Vec<_>) = (0..5)
        .map(|offset| request(read(1, offset), Some(&file)))
        .map(|(request, completion)| (Some(request), completion))
        .unzip();
    assert_eq!(backend.submit(&mut batch).unwrap(), Lanes::one(0));
    let left: Vec<_> = batch.iter().map(Option::is_some).collect();
    assert_eq!(left, [false, false, true, true, true]);
    drop(batch);
    for (offset, completion) in completions.into_iter().enumerate() {
        let outcome = wait(completion, || {
            backend.reap(0);
        });
        match offset {
            0 | 1 => assert_eq!(contents(outcome), [b'0' + offset as u8]),
            _ => assert_eq!(outcome.result.unwrap_err().kind(), ErrorKind::Abandoned),
        }
    }
}

#[test]
fn eight_threads_share_a_backend() {
    let Some(backend) = backend(16) else { return };
    let data = pattern(1 << 20);
    let buffered = file_with(&data);
    let direct = direct_file_with(&data).unwrap_or_else(|| buffered.clone());
    thread::scope(|scope| {
        for seed in 0..8_u64 {
            let (backend, data, files) = (&backend, &data, [&buffered, &direct]);
            scope.spawn(move || {
                let offsets = (0..200).map(|index| (seed * 31 + index * 7) % 256 * 4096);
                let reads = offsets.clone().zip([0, 1].into_iter().cycle());
                let reads =
                    reads.map(|(offset, which)| (read_aligned(4096, offset), files[which].clone()));
                for (outcome, offset) in run_all(backend, reads).into_iter().zip(offsets) {
                    assert!(contents(outcome) == data[offset as usize..][..4096]);
                }
            });
        }
    });
    assert_eq!(backend.shutdown(Instant::now()), 0);
}

#[test]
fn a_bad_request_leaves_its_neighbours_alone() {
    let Some(backend) = backend(16) else { return };
    let data = pattern(8192);
    let good = file_with(&data);
    let read_only = File::open("/proc/self/exe").unwrap();
    let read_only = SharedFile::from_std(read_only).unwrap();
    let direct = direct_file_with(&data);
    let misaligned = direct.clone().unwrap_or_else(|| good.clone());
    let operations = [
        (read(8192, 0), good.clone()),
        (Op::write(b"no"[..].into(), 0..2, 0).unwrap(), read_only),
        (read_aligned(4096, 0), misaligned.clone()),
        (read(100, 1), misaligned),
        (Op::Metadata, good.clone()),
        (read_aligned(4096, 4096), good.clone()),
        (Op::Read { buffer: Vec::new().into(), range: 0..4096, offset: 0 }, good),
    ];
    let outcomes = run_all(&backend, operations);
    let errnos: Vec<_> = outcomes.iter().map(errno).collect();
    let einval = direct.map(|_| libc::EINVAL);
    let (ebadf, unsupported, efault) =
        (Some(libc::EBADF), Some(libc::EOPNOTSUPP), Some(libc::EFAULT));
    assert_eq!(errnos, [None, ebadf, None, einval, unsupported, None, efault]);
    assert_eq!(bytes_of(&outcomes[0]), 8192);
    assert_eq!(bytes_of(&outcomes[5]), 4096);
}

#[test]
fn shutdown_answers_everything_and_takes_nothing_more() {
    let Some(backend) = backend(64) else { return };
    let file = file_with(&pattern(1 << 20));
    let reads: Vec<_> =
        (0..64).map(|index| submit_one(&backend, read(16384, index * 16384), &file)).collect();
    assert_eq!(backend.shutdown(Instant::now() + Duration::from_secs(10)), 0);
    for read in reads {
        assert_eq!(bytes_of(&wait(read, || ())), 16384);
    }
    let (request, _completion) = request(read(1, 0), Some(&file));
    let mut batch = [Some(request)];
    assert_eq!(backend.submit(&mut batch).unwrap_err().kind(), ErrorKind::Shutdown);
    assert!(batch[0].is_some());
}

#[test]
fn a_dropped_backend_still_answers_and_gives_its_queue_back_on_another_thread() {
    let data = pattern(1 << 20);
    for file in [Some(file_with(&data)), direct_file_with(&data)].into_iter().flatten() {
        for count in [0, 64] {
            let Some((backend, log)) = quirky(&[WELL]) else { return };
            let reads: Vec<_> = (0..count)
                .map(|index| submit_one(&backend, read_aligned(16384, index * 16384), &file))
                .collect();
            drop(backend);
            for read in reads {
                assert_eq!(bytes_of(&wait(read, || ())), 16384);
            }
            let deadline = Instant::now() + Duration::from_secs(10);
            while log.destroyed_by.get().is_none() {
                assert!(Instant::now() < deadline, "the queue was never given back");
                thread::sleep(Duration::from_millis(1));
            }
            assert_ne!(log.destroyed_by.get(), Some(&thread::current().id()));
        }
    }
}

#[test]
fn a_request_cancelled_in_line_is_not_begun() {
    let Some(aio) = slow_backend() else { return };
    let file = file_with(&pattern(4096));
    let running = submit_one(&aio, read(4096, 0), &file);
    thread::sleep(Duration::from_millis(20));
    let (request, waiting) = request(Op::write(b"x"[..].into(), 0..1, 0).unwrap(), Some(&file));
    aio.submit(&mut [Some(request)]).unwrap();
    let token = waiting.abandon().unwrap();
    aio.cancel(token);
    assert_eq!(
        bytes_of(&wait(running, || {
            aio.reap(0);
        })),
        4096
    );
    assert_eq!(aio.shutdown(Instant::now() + Duration::from_secs(10)), 0);
    let mut byte = [9];
    file.file().read_exact_at(&mut byte, 0).unwrap();
    assert_eq!(byte, [0]);
}

/// What a misbehaving kernel does with one call of io_submit.
#[derive(Debug, Clone, Copy)]
enum Quirk {
    None,
    /// Takes one block although it got more.
    One,
    Errno(i32),
    Sleep(Duration),
}

/// The real kernel, except that its n-th submission has the n-th quirk, and so on from the start.
#[derive(Debug)]
struct Quirky {
    queue: Queue,
    quirks: &'static [Quirk],
    log: Arc<Log>,
}

#[derive(Debug, Default)]
struct Log {
    submissions: AtomicU64,
    destroyed_by: OnceLock<ThreadId>,
}

impl Drop for Quirky {
    fn drop(&mut self) {
        let _ = self.log.destroyed_by.set(thread::current().id());
    }
}

impl Kernel for Quirky {
    #[allow(unsafe_code)]
    unsafe fn submit(&self, blocks: &mut [ControlBlock]) -> io::Result<usize> {
        let call = self.log.submissions.fetch_add(1, Ordering::Relaxed) as usize;
        let count = match self.quirks[call % self.quirks.len()] {
            Quirk::None => blocks.len(),
            Quirk::One => 1,
            Quirk::Errno(errno) => return Err(io::Error::from_raw_os_error(errno)),
            Quirk::Sleep(time) => {
                thread::sleep(time);
                blocks.len()
            }
        };
        // SAFETY: the caller's promise covers a part of the blocks, too.
        unsafe { self.queue.submit(&mut blocks[..count]) }
    }

    fn events(&self, events: &mut [Event], wait: Duration) -> io::Result<usize> {
        self.queue.events(events, wait)
    }
}

/// A backend over a misbehaving kernel, and what the kernel saw.
fn quirky(quirks: &'static [Quirk]) -> Option<(LinuxAio, Arc<Log>)> {
    let log = Arc::new(Log::default());
    let opened = LinuxAio::open_with(&Options { requests_max: 64 }, |requests| {
        let queue = Queue::new(requests)?;
        Ok(Box::new(Quirky { queue, quirks, log: Arc::clone(&log) }))
    });
    match opened {
        Ok(backend) => Some((backend, log)),
        Err(refusal) => {
            println!("skipped: {refusal}");
            None
        }
    }
}

/// The four submissions of the probe work.
const WELL: Quirk = Quirk::None;

fn slow_backend() -> Option<LinuxAio> {
    const SLOW: Quirk = Quirk::Sleep(Duration::from_millis(300));
    quirky(&[WELL, WELL, WELL, WELL, SLOW, SLOW, SLOW]).map(|(backend, _)| backend)
}

#[test]
fn whatever_io_submit_answers_every_request_is_answered_right() {
    const FULL: Quirk = Quirk::Errno(libc::EAGAIN);
    const INTERRUPTED: Quirk = Quirk::Errno(libc::EINTR);
    const QUIRKS: [&[Quirk]; 4] = [
        &[WELL, WELL, WELL, WELL, Quirk::One],
        &[WELL, WELL, WELL, WELL, FULL, FULL, Quirk::One],
        &[WELL, WELL, WELL, WELL, FULL, FULL, FULL, FULL, FULL, FULL],
        &[WELL, WELL, WELL, WELL, INTERRUPTED, INTERRUPTED, FULL],
    ];
    let data = pattern(64 * 4096);
    for file in [Some(file_with(&data)), direct_file_with(&data)].into_iter().flatten() {
        for quirks in QUIRKS {
            let Some((backend, log)) = quirky(quirks) else { return };
            let reads = (0..64).map(|index| (read_aligned(4096, index * 4096), file.clone()));
            for (index, outcome) in run_all(&backend, reads).into_iter().enumerate() {
                assert!(contents(outcome) == data[index * 4096..][..4096], "{quirks:?} {index}");
            }
            assert!(log.submissions.load(Ordering::Relaxed) > 6, "{quirks:?}");
        }
    }
}

#[test]
fn the_request_that_io_submit_refuses_gets_the_errno_and_the_rest_goes_on() {
    const QUIRKS: &[Quirk] =
        &[WELL, WELL, WELL, WELL, Quirk::One, Quirk::Errno(libc::EIO), WELL, WELL];
    let Some(file) = direct_file_with(&pattern(4 * 4096)) else { return };
    let Some((backend, _)) = quirky(QUIRKS) else { return };
    let reads = (0..4).map(|index| (read_aligned(4096, index * 4096), file.clone()));
    let errnos: Vec<_> = run_all(&backend, reads).iter().map(errno).collect();
    assert_eq!(errnos, [None, Some(libc::EIO), None, None]);
}

#[test]
fn what_a_caller_would_have_to_wait_for_goes_to_the_thread() {
    const QUIRKS: &[Quirk] = &[WELL, WELL, WELL, WELL, Quirk::Errno(libc::EOPNOTSUPP), WELL];
    let data = pattern(4096);
    let Some(file) = direct_file_with(&data) else { return };
    let Some((backend, _)) = quirky(QUIRKS) else { return };
    assert_eq!(contents(run(&backend, read_aligned(4096, 0), Some(&file))), data);
    assert_eq!(backend.resubmitted(), 1);
}

#[test]
fn submitting_never_waits_for_a_buffered_transfer() {
    let Some(backend) = slow_backend() else { return };
    let file = file_with(&pattern(4096));
    let started = Instant::now();
    let reads: Vec<_> = (0..8).map(|_| submit_one(&backend, read(4096, 0), &file)).collect();
    assert!(started.elapsed() < Duration::from_millis(250), "{:?}", started.elapsed());
    for read in reads {
        assert_eq!(
            bytes_of(&wait(read, || {
                backend.reap(0);
            })),
            4096
        );
    }
}

#[test]
fn the_descriptor_is_readable_while_an_answer_waits() {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let Some(backend) = backend(4) else { return };
    let file = file_with(b"data");
    let descriptor = backend.descriptor(0).unwrap();
    let readable = |wait_ms: u16| {
        let mut polled = [PollFd::new(descriptor, PollFlags::POLLIN)];
        poll(&mut polled, PollTimeout::from(wait_ms)).unwrap() == 1
    };
    assert!(!readable(0) && backend.descriptor(1).is_none());
    let completion = submit_one(&backend, read(4, 0), &file);
    assert!(readable(5000));
    assert_eq!(backend.reap(1), 0);
    assert_eq!(backend.reap(0), 1);
    assert!(!readable(0));
    assert_eq!(contents(wait(completion, || ())), b"data");
}

#[test]
fn no_room_at_all_is_an_error_that_says_so() {
    let error = LinuxAio::open(&Options { requests_max: 0 }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
