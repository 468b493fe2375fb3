//! Where the system tells of changes without end: pauses end all the same, and what is looked at
//! again and again is looked at.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::fs;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use aiofile::Context;
use aiofile_util::{ChangeKind, ConfigOptions, ConfigValue, WatchOptions};
use caio::backend::pool::ThreadPool;
use caio::{Backend, BackendKind, Capability, Config, Op, Output, QueueId, Request, Token};
use rustix::fs::inotify::ReadFlags;

use common::{LIMIT, block_on, file, place};

/// A backend on which inotify(7) has always something to say: that the file of this name in the
/// first directory was written. Each read of it is done at once, and the timers that are waited for
/// by then have ended just before. So whoever looks at the time first reads once for each pause.
#[derive(Debug)]
struct Busy {
    pool: ThreadPool,
    event: Vec<u8>,
    reads: AtomicUsize,
    timers: Mutex<Vec<Request>>,
}

/// No clock but that of the backend gets there.
const HOUR: Duration = Duration::from_secs(3600);

impl Busy {
    fn context(name: &str) -> Context {
        Self::with_context(name).1
    }

    fn with_context(name: &str) -> (Arc<Self>, Context) {
        let name_bytes = (name.len() / 16 + 1) * 16;
        let head = [1, ReadFlags::MODIFY.bits(), 0, name_bytes as u32];
        let mut event = head.map(u32::to_ne_bytes).concat();
        event.extend(name.as_bytes());
        event.resize(16 + name_bytes, 0);
        let pool = ThreadPool::open(&Config::default()).unwrap();
        let (reads, timers) = (AtomicUsize::new(0), Mutex::default());
        let busy = Arc::new(Self { pool, event, reads, timers });
        let builder = aiofile::context().custom(Arc::<Self>::clone(&busy)).in_place(false);
        (busy, builder.build().unwrap())
    }
}

/// Answers a read of a stream with these bytes.
fn give(mut request: Request, bytes: &[u8]) {
    let Op::Read { buffer, range, .. } = request.op_mut() else { unreachable!("it is a read") };
    let end = range.start + bytes.len();
    buffer.writable(range.start..end).copy_from_slice(bytes);
    request.complete(Ok(Output::Bytes(bytes.len())));
}

impl Backend for Busy {
    fn kind(&self) -> BackendKind {
        BackendKind::Other("busy")
    }

    fn capability(&self) -> &Capability {
        self.pool.capability()
    }

    fn queue(&self, request: Request) -> QueueId {
        let is_stream = request.file().is_some_and(|file| !file.is_seekable());
        match request.op() {
            // The count of a timer has eight bytes.
            Op::Read { range, .. } if is_stream && range.len() == 8 => {
                self.timers.lock().unwrap().push(request);
            }
            Op::Read { .. } if is_stream => {
                self.reads.fetch_add(1, Ordering::Relaxed);
                let timers = std::mem::take(&mut *self.timers.lock().unwrap());
                timers.into_iter().for_each(|timer| give(timer, &1_u64.to_ne_bytes()));
                give(request, &self.event);
            }
            _ => return self.pool.queue(request),
        }
        QueueId(0)
    }

    fn commit(&self, queue: QueueId) {
        self.pool.commit(queue);
    }

    fn reap(&self, queue: QueueId) -> usize {
        self.pool.reap(queue)
    }

    fn cancel(&self, token: Token) {
        let mut timers = self.timers.lock().unwrap();
        let cancelled: Vec<_> = timers.extract_if(.., |timer| timer.is_cancelled()).collect();
        drop(timers);
        let ended = || Err(io::Error::from_raw_os_error(125));
        cancelled.into_iter().for_each(|timer| timer.complete(ended()));
        self.pool.cancel(token);
    }

    fn descriptor(&self, queue: QueueId) -> Option<BorrowedFd<'_>> {
        self.pool.descriptor(queue)
    }

    fn shutdown(&self, deadline: Instant) -> usize {
        self.pool.shutdown(deadline)
    }
}

/// Does it on a thread, since what is wrong here never ends.
fn in_time(test: impl FnOnce() + Send + 'static) {
    let (ended, wait) = channel();
    let tested = thread::spawn(move || {
        test();
        ended.send(()).unwrap();
    });
    if wait.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
        panic!("the events leave no time for anything else");
    }
    tested.join().unwrap();
}

#[test]
fn events_without_end_are_told_when_the_pauses_are_over() {
    in_time(|| {
        let place = place();
        let path = file(place.path(), "busy", "");
        let (busy, context) = Busy::with_context("busy");
        let options = WatchOptions::new().context(&context).debounce(HOUR);
        let mut changes = block_on(options.watch([place.path()])).unwrap();
        for batches in 1..4 {
            let batch = block_on(changes.next()).unwrap().unwrap();
            assert_eq!((&batch[0].path, &batch[0].kind), (&path, &ChangeKind::Modified));
            assert_eq!(batch.len(), 1);
            // The first event, and one in each of ten pauses.
            let reads = busy.reads.load(Ordering::Relaxed);
            assert!(reads <= batches * 11, "{reads} reads for {batches} batches");
        }
    });
}

#[test]
fn events_without_end_keep_nobody_from_looking_elsewhere() {
    in_time(|| {
        let place = place();
        file(place.path(), "busy", "");
        // The name of this thread, which the system makes up.
        let task = fs::read_link("/proc/thread-self").unwrap();
        let made_up = Path::new("/proc").join(task).join("comm");
        let options = WatchOptions::new().context(&Busy::context("busy")).recursive(false);
        let options = options.debounce(Duration::ZERO).poll_interval(Duration::from_millis(2));
        let mut changes = block_on(options.watch([place.path(), &made_up])).unwrap();
        fs::write(&made_up, "another name").unwrap();
        // The time for a look has come, whatever else there is.
        thread::sleep(Duration::from_millis(3));
        let batch = block_on(changes.next()).unwrap().unwrap();
        assert_eq!((&batch[0].path, batch.len()), (&made_up, 1));
    });
}

#[test]
fn a_configuration_is_read_again_beside_a_file_that_is_written_without_end() {
    in_time(|| {
        let place = place();
        let path = file(place.path(), "app.toml", "port = 80");
        let options = WatchOptions::new().debounce(HOUR);
        let options = ConfigOptions::new().watch_options(options);
        let options = options.context(&Busy::context("log"));
        let mut config = block_on(options.watch::<ConfigValue>(&path)).unwrap();
        for port in 81..84_i64 {
            let mut file = fs::File::create(place.path().join("new")).unwrap();
            write!(file, "port = {port}").unwrap();
            fs::rename(place.path().join("new"), &path).unwrap();
            let change = block_on(config.next()).unwrap().unwrap();
            assert_eq!(change.new.get::<i64>("port").unwrap(), Some(port));
        }
    });
}
