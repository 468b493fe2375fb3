//! Tasks that compute or block: nobody else's answer, timer, socket or submission waits for them,
//! beyond what tokio's own sockets show in the same place.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use aiofile::AioFile;
use caio::{Buffer, Context, SharedFile};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use nix::libc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::harness::{Case, cases};
use crate::support::{Env, current_thread, disk, multi_thread, pattern, pipe, room, shared};

pub(crate) const CASES: &[Case] = cases![
    each reads_of_a_pipe_that_complete_together,
    each reads_and_writes_of_a_file_that_complete_together,
    each direct_reads_that_complete_together,
    each a_write_is_submitted_before_another_task_computes,
    each everything_ends_beside_tasks_that_compute,
];

/// How many operations complete together.
const TOGETHER: usize = 8;

/// The longest that the one task computes: until all the others have had their answer.
const COMPUTING_MAX: Duration = Duration::from_secs(1);

/// What a measurement may be worse than the control, so that a busy machine does not matter.
const FLOOR: Duration = Duration::from_millis(100);

/// How often each is measured.
const TRIES: usize = 5;

/// Operations that end once the other part is called.
type Round = (Vec<BoxFuture<'static, ()>>, Box<dyn FnOnce() + Send>);

/// How many have reported, and the longest that one of them had to wait.
#[derive(Default)]
struct Reports {
    state: Mutex<(usize, Duration)>,
    changed: Condvar,
}

impl Reports {
    fn add(&self, waited: Duration) {
        let mut state = self.state.lock().unwrap();
        *state = (state.0 + 1, state.1.max(waited));
        self.changed.notify_all();
    }

    /// Blocks the thread until so many have reported, or the time is over.
    fn wait(&self, count: usize, longest: Duration) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_timeout_while(state, longest, |state| state.0 < count).unwrap());
    }
}

/// What else the runtime has to do. Each is looked at by itself, since an event that one of them
/// makes may have a worker look after the other.
#[derive(Clone, Copy)]
enum Beside {
    Nothing,
    Timer,
    Echo,
}

/// Runs the operations in tasks of their own. The first task that has its answer holds its worker
/// until the others have theirs. Returns the longest wait of a task.
fn longest_wait(runtime: &Runtime, beside: Beside, (operations, go): Round) -> Duration {
    let (reports, first) = (Arc::new(Reports::default()), Arc::new(AtomicBool::new(true)));
    let others = operations.len() - usize::from(matches!(beside, Beside::Nothing));
    let begun: Arc<Mutex<Option<Instant>>> = Arc::default();
    let mut tasks = Vec::new();
    for operation in operations {
        let (reports, first, begun) = (reports.clone(), first.clone(), begun.clone());
        tasks.push(runtime.spawn(async move {
            operation.await;
            if first.swap(false, Ordering::SeqCst) {
                reports.wait(others, COMPUTING_MAX);
            } else {
                reports.add(begun.lock().unwrap().expect("it was begun").elapsed());
            }
        }));
    }
    let (ours, theirs) = StdUnixStream::pair().unwrap();
    match beside {
        Beside::Nothing => {}
        Beside::Timer => {
            let reports = reports.clone();
            tasks.push(runtime.spawn(async move {
                let (started, length) = (Instant::now(), Duration::from_millis(30));
                tokio::time::sleep(length).await;
                reports.add(started.elapsed().saturating_sub(length));
            }));
        }
        Beside::Echo => {
            theirs.set_nonblocking(true).unwrap();
            tasks.push(runtime.spawn(async move {
                let (mut socket, mut byte) = (UnixStream::from_std(theirs).unwrap(), [0]);
                socket.read_exact(&mut byte).await.unwrap();
                socket.write_all(&byte).await.unwrap();
            }));
        }
    }
    // All of them wait by now, or will by the time that they are waited for.
    thread::sleep(Duration::from_millis(10));
    *begun.lock().unwrap() = Some(Instant::now());
    go();
    if matches!(beside, Beside::Echo) {
        thread::sleep(Duration::from_millis(5));
        let (mut socket, sent) = (ours, Instant::now());
        socket.write_all(&[1]).unwrap();
        socket.read_exact(&mut [0]).unwrap();
        reports.add(sent.elapsed());
    }
    runtime.block_on(join_all(tasks)).into_iter().for_each(|ended| ended.unwrap());
    let longest = reports.state.lock().unwrap().1;
    longest
}

/// The control: a socket of tokio's for whose one event all the tasks wait.
fn sockets(runtime: &Runtime) -> Round {
    let (one, mut other) = StdUnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    let _entered = runtime.enter();
    let socket = Arc::new(UnixStream::from_std(one).unwrap());
    let operations = (0..TOGETHER).map(|_| {
        let socket = Arc::clone(&socket);
        async move {
            socket.readable().await.unwrap();
            socket.try_read(&mut [0]).unwrap();
        }
        .boxed()
    });
    (operations.collect(), Box::new(move || other.write_all(&[1; TOGETHER]).unwrap()))
}

/// Operations that each begin when told to, all at the same time.
fn told_to_begin(operation: impl Fn(u64) -> BoxFuture<'static, ()>) -> Round {
    let told = Arc::new(Notify::new());
    let operations = (0..TOGETHER as u64).map(|number| {
        let (told, operation) = (Arc::clone(&told), operation(number));
        async move {
            told.notified().await;
            operation.await;
        }
        .boxed()
    });
    let operations = operations.collect();
    (operations, Box::new(move || told.notify_waiters()))
}

/// Holds the best of some tries against the best of the control's. All of them but one, which a busy
/// machine may spoil, end long before the computing does.
#[track_caller]
fn assert_as_sockets(ours: impl Fn() -> Round) {
    let beside =
        [(2, Beside::Nothing), (2, Beside::Timer), (2, Beside::Echo), (8, Beside::Nothing)];
    for (workers, beside) in beside {
        let (mut waits, mut controls) = (Vec::new(), Vec::new());
        for _ in 0..TRIES {
            // Each try has a runtime and a context of its own: none learns from an earlier one.
            let runtime = multi_thread(workers);
            controls.push(longest_wait(&runtime, beside, sockets(&runtime)));
            waits.push(longest_wait(&multi_thread(workers), beside, ours()));
        }
        waits.sort_unstable();
        controls.sort_unstable();
        let as_sockets = waits[0] <= controls[0] * 2 + FLOOR;
        assert!(
            as_sockets && waits[TRIES - 2] <= COMPUTING_MAX / 2,
            "{workers} workers: tasks waited {waits:?}; for tokio's sockets {controls:?}"
        );
    }
}

fn reads_of_a_pipe_that_complete_together(env: &Env) {
    env.bounded(|env| {
        assert_as_sockets(|| {
            let env = env.queued();
            let (reader, mut writer) = pipe();
            let reads = (0..TOGETHER).map(|_| {
                let (context, reader) = (env.context.clone(), reader.clone());
                async move {
                    assert_eq!(context.read(&reader, room(1), 0..1, 0).await.0.unwrap(), 1);
                }
                .boxed()
            });
            (reads.collect(), Box::new(move || writer.write_all(&[1; TOGETHER]).unwrap()))
        });
    });
}

async fn read(context: Context, file: SharedFile, number: u64) {
    let (result, _) = context.read(&file, room(4096), 0..4096, number * 4096).await;
    assert_eq!(result.unwrap(), 4096);
}

async fn write(context: Context, file: SharedFile, number: u64) {
    let buffer = Buffer::from(pattern(4096));
    let (result, _) = context.write(&file, buffer, 0..4096, number * 4096).await;
    assert_eq!(result.unwrap(), 4096);
}

fn reads_and_writes_of_a_file_that_complete_together(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", &pattern(TOGETHER * 4096));
        assert_as_sockets(|| {
            let (context, file) = (env.queued().context, shared(&path));
            told_to_begin(|number| read(context.clone(), file.clone(), number).boxed())
        });
        assert_as_sockets(|| {
            let (context, file) = (env.queued().context, shared(&path));
            told_to_begin(|number| write(context.clone(), file.clone(), number).boxed())
        });
    });
}

fn direct_reads_that_complete_together(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", &pattern(TOGETHER * 4096));
        if current_thread().block_on(env.direct(&path)).is_none() {
            return;
        }
        assert_as_sockets(|| {
            let file = File::options().read(true).custom_flags(libc::O_DIRECT).open(&path);
            let file = AioFile::from_std_in(&env.queued().context, file.unwrap()).unwrap();
            told_to_begin(|number| {
                let file = file.clone();
                async move {
                    let read = file.read_exact_at(4096, number * 4096).await;
                    assert_eq!(read.unwrap().len(), 4096);
                }
                .boxed()
            })
        });
    });
}

/// Two reads complete together; the first task writes, the second holds its worker until the
/// write has arrived. A request that is held back until the second task has ended never arrives.
fn a_write_is_submitted_before_another_task_computes(env: &Env) {
    env.bounded(|env| {
        let env = env.queued();
        for runtime in [current_thread(), multi_thread(1), multi_thread(2)] {
            let (reader, mut writer) = pipe();
            let (mut far, near) = std::io::pipe().unwrap();
            let near = File::from(OwnedFd::from(near));
            let near = SharedFile::new(near, "pipe").unwrap();
            let (arrived, arrival) = channel();
            let arrival = Arc::new(Mutex::new(arrival));
            thread::spawn(move || {
                far.read_exact(&mut [0]).unwrap();
                let _ = arrived.send(());
            });
            let turn = Arc::new(AtomicUsize::new(0));
            let tasks = (0..2).map(|_| {
                let (context, reader, near) = (env.context.clone(), reader.clone(), near.clone());
                let (turn, arrival) = (Arc::clone(&turn), Arc::clone(&arrival));
                runtime.spawn(async move {
                    assert_eq!(context.read(&reader, room(1), 0..1, 0).await.0.unwrap(), 1);
                    if turn.fetch_add(1, Ordering::SeqCst) == 0 {
                        let byte = Buffer::from(vec![9]);
                        assert_eq!(context.write(&near, byte, 0..1, 0).await.0.unwrap(), 1);
                        return true;
                    }
                    let arrival = arrival.lock().unwrap();
                    arrival.recv_timeout(Duration::from_secs(10)).is_ok()
                })
            });
            let tasks: Vec<_> = tasks.collect();
            runtime.block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
            writer.write_all(&[1, 2]).unwrap();
            for ended in runtime.block_on(join_all(tasks)) {
                assert!(ended.unwrap(), "the write waited for another task's computing");
            }
        }
    });
}

/// On every runtime: what tasks that compute for 1, 10 and 300 ms do between their operations, and
/// what timers and sockets do beside them, is done in the end.
fn everything_ends_beside_tasks_that_compute(env: &Env) {
    env.bounded(|env| {
        let (env, place) = (env.queued(), disk());
        let file = shared(&place.file("data", &pattern(TOGETHER * 4096)));
        for runtime in [current_thread(), multi_thread(1), multi_thread(2), multi_thread(8)] {
            let (reader, mut writer) = pipe();
            let mut tasks = Vec::new();
            for (number, milliseconds) in [1, 10, 1, 300, 1, 10, 1, 1].into_iter().enumerate() {
                let (context, file, number) = (env.context.clone(), file.clone(), number as u64);
                let reader = reader.clone();
                tasks.push(runtime.spawn(async move {
                    read(context.clone(), file.clone(), number).await;
                    thread::sleep(Duration::from_millis(milliseconds));
                    write(context.clone(), file.clone(), number).await;
                    assert_eq!(context.read(&reader, room(1), 0..1, 0).await.0.unwrap(), 1);
                    thread::sleep(Duration::from_millis(milliseconds));
                    read(context, file, number).await;
                }));
                tasks.push(runtime.spawn(async move {
                    for _ in 0..3 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }));
                let (mut one, mut other) = runtime.block_on(async { UnixStream::pair().unwrap() });
                tasks.push(runtime.spawn(async move {
                    let mut byte = [0];
                    other.read_exact(&mut byte).await.unwrap();
                    other.write_all(&byte).await.unwrap();
                }));
                tasks.push(runtime.spawn(async move {
                    one.write_all(&[7]).await.unwrap();
                    one.read_exact(&mut [0]).await.unwrap();
                }));
            }
            writer.write_all(&[1; TOGETHER]).unwrap();
            runtime.block_on(join_all(tasks)).into_iter().for_each(|ended| ended.unwrap());
        }
    });
}
