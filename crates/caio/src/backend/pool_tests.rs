//! What both pools of threads promise, as tests that each of them stamps out for itself.

mod signals;
mod streams;

use std::ffi::CString;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use crate::backend::{Backend, Lanes, PoolOptions};
use crate::buffer::Buffer;
use crate::error::ErrorKind;
use crate::file::SharedFile;
use crate::op::{Op, Output};
use crate::request::Request;
use crate::slot::{Completion, Outcome};
use crate::testing::{file_with, request, run, wait};

pub(super) use signals::*;
pub(super) use streams::*;

pub(super) type Open = fn(&PoolOptions) -> Arc<dyn Backend>;

/// Writes each test of this file as a `#[test]` of the pool that `$open` opens.
macro_rules! stamp {
    ($open:ident) => {
        $crate::backend::pool_tests::stamp!($open:
            every_operation_does_what_its_name_says,
            missing_bytes_and_wrong_ranges_are_answers_not_panics,
            a_thousand_queued_writes_are_all_there_after_shutdown,
            a_dropped_pool_still_does_what_it_took,
            a_panicking_waker_harms_nobody_else,
            threads_stay_below_the_maximum_and_go_when_idle,
            a_full_queue_hands_back_the_rest_in_order,
            a_request_that_nobody_waits_for_is_not_begun,
            pending_pipe_reads_delay_no_regular_read,
            a_pending_pipe_read_can_be_cancelled_and_the_order_stays,
            a_pipe_takes_more_than_it_holds_and_reports_its_end,
            vectors_and_nothing_at_all_go_through_a_pipe,
            shutdown_ends_reads_that_wait_and_drop_ends_all,
            signals_are_no_answers,
            no_request_is_forgotten_while_threads_come_and_go,
            a_waker_may_come_back_into_the_pool,
            the_last_request_does_not_wait_for_threads_that_never_come_back,
            who_takes_one_of_several_calls_the_next,
            threads_that_sleep_go_with_their_pool,
        );
    };
    ($open:ident: $($name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                $crate::backend::pool_tests::$name(open);
            }
        )*
    };
}
pub(super) use stamp;

fn named(name: &str) -> PoolOptions {
    PoolOptions { name: name.into(), ..PoolOptions::default() }
}

fn bytes(outcome: &Outcome) -> usize {
    match &outcome.result {
        Ok(Output::Bytes(bytes)) => *bytes,
        other => panic!("expected bytes, got {other:?}"),
    }
}

fn write(text: &[u8], offset: u64) -> Op {
    Op::write(Buffer::from(text.to_vec()), 0..text.len(), offset).unwrap()
}

fn read(length: usize, offset: u64) -> Op {
    Op::read(Buffer::from(Vec::with_capacity(length)), 0..length, offset).unwrap()
}

fn contents(outcome: Outcome) -> Vec<u8> {
    let length = bytes(&outcome);
    let Some(Op::Read { mut buffer, range, .. }) = outcome.op else { panic!("a read comes back") };
    buffer.set_len(range.start + length);
    buffer.as_slice()[range.start..].to_vec()
}

/// Submits one request that must be taken.
fn submit(pool: &dyn Backend, op: Op, file: Option<&SharedFile>) -> Completion {
    let (request, completion) = request(op, file);
    let mut batch = [Some(request)];
    assert_eq!(pool.submit(&mut batch).unwrap(), Lanes::NONE);
    assert!(batch[0].is_none(), "the pool took the request");
    completion
}

fn answer(completion: Completion) -> Outcome {
    wait(completion, || {})
}

pub(super) fn every_operation_does_what_its_name_says(open: Open) {
    let pool = &*open(&named("every"));
    let file = &file_with(b"0123456789");
    assert_eq!(contents(run(pool, read(4, 3), Some(file))), b"3456");
    assert_eq!(bytes(&run(pool, write(b"abc", 9), Some(file))), 3);
    assert_eq!(contents(run(pool, read(99, 8), Some(file))), b"8abc");

    let buffers = vec![Buffer::from(b"..XY".to_vec()), Buffer::from(b"Z".to_vec())];
    let op = Op::WriteVectored { buffers, skip: 2, offset: 0 };
    assert_eq!(bytes(&run(pool, op, Some(file))), 3);
    let buffers = vec![Buffer::from(Vec::with_capacity(2)), Buffer::from(Vec::with_capacity(3))];
    let op = Op::ReadVectored { buffers, skip: 1, offset: 1 };
    let outcome = run(pool, op, Some(file));
    assert_eq!(bytes(&outcome), 4);
    let Some(Op::ReadVectored { mut buffers, .. }) = outcome.op else { panic!("it comes back") };
    buffers.iter_mut().for_each(|buffer| buffer.set_len(3));
    assert_eq!((&buffers[0].as_slice()[1..], buffers[1].as_slice()), (&b"Y"[..], &b"Z34"[..]));

    for op in [Op::Fsync, Op::Fdatasync, Op::SetLength { length: 5 }] {
        assert!(matches!(run(pool, op, Some(file)).result, Ok(Output::Done)));
    }
    match run(pool, Op::Metadata, Some(file)).result {
        Ok(Output::Metadata(metadata)) => assert_eq!(metadata.len(), 5),
        other => panic!("expected metadata, got {other:?}"),
    }

    let path = CString::new("/proc/self/status").unwrap();
    let op = Op::Open { path, flags: nix::libc::O_RDONLY, mode: 0 };
    let Ok(Output::File(opened)) = run(pool, op, None).result else { panic!("it opens") };
    let flags = nix::fcntl::fcntl(&opened, nix::fcntl::FcntlArg::F_GETFD).unwrap();
    assert_eq!(flags & nix::libc::FD_CLOEXEC, nix::libc::FD_CLOEXEC);

    let (mut reader, writer) = std::io::pipe().unwrap();
    let outcome = run(pool, Op::Close { file: writer.into() }, None);
    assert!(matches!(outcome.result, Ok(Output::Done)));
    assert_eq!(reader.read(&mut [0]).unwrap(), 0, "the other end is closed");
}

pub(super) fn missing_bytes_and_wrong_ranges_are_answers_not_panics(open: Open) {
    let pool = &*open(&named("wrong"));
    let file = &file_with(b"short");
    assert_eq!(bytes(&run(pool, read(8, 5), Some(file))), 0);
    assert_eq!(bytes(&run(pool, read(0, 0), Some(file))), 0);
    assert!(run(pool, read(8, 0), None).result.is_err());
    let path = CString::new("/no/such/file").unwrap();
    let missing = run(pool, Op::Open { path, flags: 0, mode: 0 }, None).result.unwrap_err();
    assert_eq!(missing.raw_os_error(), Some(nix::libc::ENOENT));
    // What the constructors refuse, a literal can still say.
    let buffer = || Buffer::from(vec![0; 8]);
    for op in [
        Op::Read { buffer: buffer(), range: 0..9999, offset: 0 },
        Op::Write { buffer: buffer(), range: 4..9999, offset: 0 },
        Op::Read { buffer: Buffer::from(&b"constant"[..]), range: 0..8, offset: 0 },
        Op::ReadVectored { buffers: vec![Buffer::from(&b"c"[..])], skip: 0, offset: 0 },
        Op::Write { buffer: buffer(), range: 0..8, offset: u64::MAX },
    ] {
        assert!(run(pool, op, Some(file)).result.is_err());
    }
    assert_eq!(contents(run(pool, read(8, 0), Some(file))), b"short");
}

pub(super) fn a_thousand_queued_writes_are_all_there_after_shutdown(open: Open) {
    let pool = open(&PoolOptions { queue_max: 1000, threads_max: 2, ..named("b21") });
    let file = file_with(b"");
    let completions = queue_writes(&*pool, &file);
    assert_eq!(pool.shutdown(Instant::now() + Duration::from_secs(30)), 0);
    assert_written(&file);
    assert!(completions.into_iter().all(|completion| answer(completion).result.is_ok()));
    let mut batch = [Some(request(Op::Fsync, Some(&file)).0)];
    assert_eq!(pool.submit(&mut batch).unwrap_err().kind(), ErrorKind::Shutdown);
    assert!(batch[0].is_some(), "a closed pool takes nothing");
}

pub(super) fn a_dropped_pool_still_does_what_it_took(open: Open) {
    let file = file_with(b"");
    let pool = open(&PoolOptions { queue_max: 1000, threads_max: 2, ..named("dropped") });
    let completions = queue_writes(&*pool, &file);
    drop(pool);
    assert!(completions.into_iter().all(|completion| answer(completion).result.is_ok()));
    assert_written(&file);
    until("the threads end with the pool", || threads_named("dropped") == 0);
}

fn queue_writes(pool: &dyn Backend, file: &SharedFile) -> Vec<Completion> {
    let (mut batch, completions): (Vec<_>, Vec<_>) = (0..1000u32)
        .map(|index| request(write(&index.to_le_bytes(), u64::from(index) * 4), Some(file)))
        .map(|(request, completion)| (Some(request), completion))
        .unzip();
    pool.submit(&mut batch).unwrap();
    assert!(batch.iter().all(Option::is_none));
    completions
}

fn assert_written(file: &SharedFile) {
    let expected: Vec<u8> = (0..1000u32).flat_map(u32::to_le_bytes).collect();
    let mut found = vec![0; 4001];
    let length = std::os::unix::fs::FileExt::read_at(file.file(), &mut found, 0).unwrap();
    assert!(found[..length] == expected, "every write is there");
}

pub(super) fn a_panicking_waker_harms_nobody_else(open: Open) {
    struct Bomb(AtomicUsize);
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
            panic!("a waker of the user's");
        }
    }
    let pool = open(&PoolOptions { threads_max: 1, ..named("bomb") });
    let (reader, mut writer) = std::io::pipe().unwrap();
    let file = SharedFile::from_std(OwnedFd::from(reader).into()).unwrap();
    let bomb = Arc::new(Bomb(AtomicUsize::new(0)));
    let mut completion = Box::pin(submit(&*pool, read(1, 0), Some(&file)));
    let waker = Waker::from(Arc::clone(&bomb));
    assert!(completion.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    std::io::Write::write_all(&mut writer, b"x").unwrap();
    until("the waker is called", || bomb.0.load(Ordering::SeqCst) == 1);
    assert!(completion.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    let regular = file_with(b"alive");
    assert_eq!(contents(run(&*pool, read(5, 0), Some(&regular))), b"alive");
}

pub(super) fn threads_stay_below_the_maximum_and_go_when_idle(open: Open) {
    let limits =
        PoolOptions { threads_min: 1, threads_max: 3, idle_timeout_ms: 50, ..named("cnt") };
    let pool = open(&limits);
    assert_eq!(threads_named("cnt"), 0, "a thread starts when there is work");
    let file = file_with(&[7; 4096]);
    let most = AtomicUsize::new(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                most.fetch_max(threads_named("cnt"), Ordering::SeqCst);
            }
        });
        for _ in 0..100 {
            let all: Vec<_> = (0..64).map(|_| submit(&*pool, read(4096, 0), Some(&file))).collect();
            all.into_iter()
                .for_each(|completion| assert_eq!(contents(answer(completion)).len(), 4096));
        }
        done.store(true, Ordering::SeqCst);
    });
    let most = most.into_inner();
    assert!((1..=3).contains(&most), "{most} threads were seen");
    until("all but one thread go", || threads_named("cnt") == 1);
    assert_eq!(contents(run(&*pool, read(2, 0), Some(&file))), [7, 7]);
}

pub(super) fn a_full_queue_hands_back_the_rest_in_order(open: Open) {
    let pool = open(&PoolOptions { threads_max: 1, queue_max: 4, ..named("full") });
    let file = file_with(b"");
    let gate = Gate::new(&*pool, "full");
    let (mut batch, completions): (Vec<_>, Vec<_>) = (0..10u8)
        .map(|index| request(write(&[b'a' + index], u64::from(index)), Some(&file)))
        .map(|(request, completion)| (Some(request), completion))
        .unzip();
    pool.submit(&mut batch).unwrap();
    assert!(batch[..4].iter().all(Option::is_none));
    let offsets: Vec<_> =
        batch[4..].iter().flatten().map(Request::op).filter_map(Op::offset).collect();
    assert_eq!(offsets, [4, 5, 6, 7, 8, 9]);
    gate.open();
    let mut completions = completions.into_iter();
    completions.by_ref().take(4).for_each(|completion| assert_eq!(bytes(&answer(completion)), 1));
    pool.submit(&mut batch[4..8]).unwrap();
    completions.by_ref().take(4).for_each(|completion| assert_eq!(bytes(&answer(completion)), 1));
}

pub(super) fn a_request_that_nobody_waits_for_is_not_begun(open: Open) {
    let pool = open(&PoolOptions { threads_max: 1, ..named("skip") });
    let file = file_with(b"kept");
    let gate = Gate::new(&*pool, "skip");
    let unwanted = submit(&*pool, write(b"lost", 0), Some(&file));
    let token = unwanted.abandon().expect("it has not been begun");
    pool.cancel(token);
    gate.open();
    assert_eq!(contents(run(&*pool, read(4, 0), Some(&file))), b"kept");
    assert_eq!(pool.shutdown(Instant::now() + Duration::from_secs(5)), 0);
}

/// Threads that leave after a millisecond meet requests that come after about as long.
pub(super) fn no_request_is_forgotten_while_threads_come_and_go(open: Open) {
    for threads_min in [0, 1] {
        let limits =
            PoolOptions { threads_min, threads_max: 3, idle_timeout_ms: 1, ..named("rush") };
        let pool = open(&limits);
        let file = file_with(b"x");
        std::thread::scope(|scope| {
            for submitter in 0..4u64 {
                let (pool, file) = (&pool, &file);
                scope.spawn(move || {
                    for round in 0..300 {
                        assert_eq!(contents(run(&**pool, read(1, 0), Some(file))), b"x");
                        if round % 3 == 0 {
                            std::thread::sleep(Duration::from_micros(900 + 70 * submitter));
                        }
                    }
                });
            }
        });
        assert_eq!(pool.shutdown(Instant::now() + Duration::from_secs(5)), 0);
    }
}

/// A waker may come straight back into the pool, so none of its locks may be held then.
pub(super) fn a_waker_may_come_back_into_the_pool(open: Open) {
    struct Again(Arc<dyn Backend>, SharedFile, AtomicUsize);
    impl Wake for Again {
        fn wake(self: Arc<Self>) {
            drop(submit(&*self.0, read(1, 0), Some(&self.1)));
            self.0.cancel(crate::request::Token(1));
            self.2.fetch_add(1, Ordering::SeqCst);
        }
    }
    let pool = open(&named("again"));
    let (stream, mut writer) = pipe();
    let again = Arc::new(Again(Arc::clone(&pool), file_with(b"y"), AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&again));
    let regular = file_with(b"z");
    let mut waiting = Vec::new();
    for file in [&stream, &regular] {
        let mut completion = Box::pin(submit(&*pool, read(1, 0), Some(file)));
        if completion.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            again.2.fetch_add(1, Ordering::SeqCst);
        }
        std::io::Write::write_all(&mut writer, b"s").unwrap();
        waiting.push(completion);
    }
    until("both wakers were called", || again.2.load(Ordering::SeqCst) == 2);
    assert_eq!(pool.shutdown(Instant::now() + Duration::from_secs(5)), 0);
}

pub(super) fn the_last_request_does_not_wait_for_threads_that_never_come_back(open: Open) {
    let options = named("stuck");
    let pool = &*open(&options);
    let stuck: Vec<_> = (1..=options.threads_at_once())
        .map(|number| {
            let gate = Gate::new(pool, "stuck");
            until("a thread is stuck", || threads_named("stuck") == number);
            gate
        })
        .collect();
    let reading = submit(pool, read(4, 0), Some(&file_with(b"text")));
    assert_eq!(contents(answer(reading)), b"text");
    stuck.into_iter().for_each(Gate::open);
}

pub(super) fn who_takes_one_of_several_calls_the_next(open: Open) {
    let pool = &*open(&named("next"));
    let fifo = Fifo::new();
    let (opening, gate) = request(fifo.opening(), None);
    let (reading, text) = request(read(4, 0), Some(&file_with(b"text")));
    pool.submit(&mut [Some(opening), Some(reading)]).unwrap();
    assert_eq!(contents(answer(text)), b"text");
    fifo.open();
    assert!(matches!(answer(gate).result, Ok(Output::File(_))));
}

pub(super) fn threads_that_sleep_go_with_their_pool(open: Open) {
    let pool = open(&PoolOptions { idle_timeout_ms: 3_600_000, ..named("away") });
    assert_eq!(contents(run(&*pool, read(1, 0), Some(&file_with(b"x")))), b"x");
    assert_eq!(threads_named("away"), 1);
    // Long enough for it to lie down.
    std::thread::sleep(Duration::from_millis(50));
    drop(pool);
    until("it goes", || threads_named("away") == 0);
}

/// One end of a pipe as a shared file, the other as it is.
fn pipe() -> (SharedFile, std::io::PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    (SharedFile::from_std(OwnedFd::from(reader).into()).unwrap(), writer)
}

/// A FIFO without another end: whoever opens it waits.
struct Fifo(std::path::PathBuf);

impl Fifo {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("caio-gate-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        Self(path)
    }

    fn opening(&self) -> Op {
        let path = CString::new(self.0.to_str().unwrap()).unwrap();
        Op::Open { path, flags: nix::libc::O_RDONLY, mode: 0 }
    }

    fn open(self) {
        drop(std::fs::File::options().write(true).open(&self.0).unwrap());
        std::fs::remove_file(self.0).unwrap();
    }
}

/// Keeps the only thread of a pool busy, with opening a FIFO.
struct Gate {
    fifo: Fifo,
    opening: Completion,
}

impl Gate {
    fn new(pool: &dyn Backend, prefix: &str) -> Self {
        let fifo = Fifo::new();
        let opening = submit(pool, fifo.opening(), None);
        // The thread must have taken it before the test fills the queue.
        until("a thread starts", || threads_named(prefix) > 0);
        std::thread::sleep(Duration::from_millis(100));
        Self { fifo, opening }
    }

    fn open(self) {
        self.fifo.open();
        assert!(matches!(answer(self.opening).result, Ok(Output::File(_))));
    }
}

pub(super) fn no_thread_can_start(pool: &dyn Backend) {
    let file = file_with(b"unread");
    let error = run(pool, read(6, 0), Some(&file)).result.unwrap_err();
    assert!(
        matches!(error.raw_os_error(), Some(nix::libc::EAGAIN | nix::libc::ENOMEM)),
        "it is the system's answer: {error}"
    );
    assert_eq!(pool.shutdown(Instant::now()), 0);
}

/// How many threads of this process have a name that starts like that.
fn threads_named(prefix: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let named = tasks.flatten().filter(|task| {
        let mut name = String::new();
        // A thread may end between being listed and being asked for its name.
        let known = std::fs::File::open(task.path().join("comm"))
            .and_then(|mut file| file.read_to_string(&mut name));
        known.is_ok() && name.starts_with(&format!("{prefix}-"))
    });
    named.count()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "within ten seconds: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
