//! What both pools of threads promise, tested through the contract of a backend.

mod bounds;
mod fifos;
mod operations;
mod signals;
mod streams;
mod threads;

use std::ffi::CString;
use std::io::{PipeWriter, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::Pool;
use crate::backend::Backend;
use crate::buffer::Buffer;
use crate::completion::Outcome;
use crate::config::Config;
use crate::detached::Answer;
use crate::file::SharedFile;
use crate::op::{Op, Output};
use crate::testing::{HANGS, file_with, request, run, wait};

/// Opens one of the pools.
type Open = fn(&Named) -> Arc<dyn Backend>;

/// Makes a `#[test]` of each of these functions for each pool.
macro_rules! for_both {
    ($($test:ident,)*) => {
        mod std_thread {
            $(
                #[test]
                fn $test() {
                    super::$test(
                        $crate::backend::pool::tests::open::<super::super::super::StdThreads>,
                    );
                }
            )*
        }
        #[cfg(all(target_os = "linux", not(caio_portable)))]
        mod pthread {
            $(
                #[test]
                fn $test() {
                    super::$test(
                        $crate::backend::pool::tests::open::<super::super::super::Pthreads>,
                    );
                }
            )*
        }
    };
}
use for_both;

fn open<T: super::Threads>(Named { name, config }: &Named) -> Arc<dyn Backend> {
    Arc::new(Pool::<T>::named(name, config).unwrap())
}

/// The settings of a pool, and a name for its threads that no other pool has.
struct Named {
    name: String,
    config: Config,
}

fn named(name: &str) -> Named {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("{name}{}", COUNT.fetch_add(1, Ordering::Relaxed));
    Named { name, config: Config { threads_max: 32, ..Config::default() } }
}

impl Named {
    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }
}

fn bytes(outcome: &Outcome) -> usize {
    match &outcome.result {
        Ok(Output::Bytes(bytes)) => *bytes,
        other => panic!("expected bytes, got {other:?}"),
    }
}

fn opened(outcome: Outcome) -> SharedFile {
    match outcome.result {
        Ok(Output::File(file)) => file,
        other => panic!("expected a file, got {other:?}"),
    }
}

fn write(text: &[u8], offset: u64) -> Op {
    Op::write(Buffer::from(text.to_vec()), 0..text.len(), offset).unwrap()
}

fn read(length: usize, offset: u64) -> Op {
    Op::read(Buffer::from(Vec::with_capacity(length)), 0..length, offset).unwrap()
}

fn opening(path: &Path, flags: i32) -> Op {
    Op::Open { path: name(path), flags, mode: 0o600 }
}

fn name(path: &Path) -> CString {
    CString::new(path.as_os_str().as_encoded_bytes()).unwrap()
}

fn contents(outcome: Outcome) -> Vec<u8> {
    let length = bytes(&outcome);
    let Some(Op::Read { mut buffer, range, .. }) = outcome.op else { panic!("a read comes back") };
    buffer.set_len(range.start + length);
    buffer.as_slice()[range.start..].to_vec()
}

/// Queues one request and commits it.
fn submit(pool: &dyn Backend, op: Op, file: Option<&SharedFile>) -> Answer {
    let (request, answer) = request(op, file);
    pool.commit(pool.queue(request));
    answer
}

fn answer(answer: Answer) -> Outcome {
    wait(answer, || {})
}

fn shutdown(pool: &dyn Backend) -> usize {
    pool.shutdown(Instant::now() + HANGS)
}

/// An operation that has been done and keeps its thread until it is let go, as one does whose
/// device does not answer.
struct Hanging {
    answer: Answer,
    begun: Receiver<()>,
    release: Sender<()>,
}

impl Hanging {
    fn queue(pool: &dyn Backend, op: Op, file: Option<&SharedFile>) -> Self {
        let (mut request, answer) = request(op, file);
        let (begin, begun) = channel();
        let (release, released) = channel();
        request.on_complete(move |request, result| {
            let _ = begin.send(());
            let _ = released.recv();
            request.complete(result);
        });
        pool.commit(pool.queue(request));
        Self { answer, begun, release }
    }

    /// One that has its thread already.
    fn begin(pool: &dyn Backend, op: Op, file: Option<&SharedFile>) -> Self {
        let hanging = Self::queue(pool, op, file);
        hanging.begun.recv_timeout(HANGS).expect("a thread does it");
        hanging
    }

    fn has_begun(&self) -> bool {
        self.begun.try_recv().is_ok()
    }

    fn release(self) -> Outcome {
        drop(self.release);
        answer(self.answer)
    }
}

/// One end of a pipe as a shared file, the other as it is.
fn pipe() -> (SharedFile, PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    (SharedFile::from_std(OwnedFd::from(reader).into()).unwrap(), writer)
}

/// How many threads there are of the pool with these settings.
fn threads_of(options: &Named) -> usize {
    let prefix = format!("{}-", options.name);
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let named = tasks.flatten().filter(|task| {
        let mut name = String::new();
        // A thread may end between being listed and being asked for its name.
        let known = std::fs::File::open(task.path().join("comm"))
            .and_then(|mut file| file.read_to_string(&mut name));
        known.is_ok() && name.starts_with(&prefix)
    });
    named.count()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + HANGS;
    while !holds() {
        assert!(Instant::now() < deadline, "in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
