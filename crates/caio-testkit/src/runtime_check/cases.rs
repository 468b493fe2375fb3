//! What is tried with a runtime, one function each.

use std::fs::File;
use std::future::{Future, poll_fn};
use std::os::unix::fs::OpenOptionsExt;
use std::pin::{Pin, pin};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use caio::{Buffer, Context, Op, Operation, Result as CaioResult, SharedFile};
use nix::libc::O_DIRECT;

use super::RuntimeUnderTest;
use crate::each_backend::Variant;
use crate::guards::Guards;
use crate::held::lock;

/// A runtime and a variant to try it on.
pub(super) struct Bench {
    pub(super) runtime: Arc<dyn RuntimeUnderTest>,
    pub(super) variant: Variant,
}

pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) run: fn(&Bench) -> Result<(), String>,
}

pub(super) const CASES: &[Case] = &[
    Case { name: "answers that the runtime reaps", run: answers_are_reaped_at_once },
    Case { name: "wakes from other threads", run: wakes_from_other_threads },
    Case { name: "the runtime's budget", run: the_budget_comes_back },
    Case { name: "two runtimes at once", run: two_runtimes_at_once },
    Case { name: "a runtime that is not driven", run: not_driven },
    Case { name: "a runtime that ended", run: ended },
];

const BYTES: usize = 4096;

/// The engine looks each 20 ms for answers that no runtime has reaped. One of fifty is sooner on
/// any machine, however busy.
const SOON: Duration = Duration::from_millis(15);

impl Bench {
    fn context(&self) -> Result<Context, String> {
        self.variant.build(self.runtime.context()).map_err(text)
    }

    /// What the future gives, in a runtime of its own.
    fn block_on<T: Send>(&self, future: impl Future<Output = T> + Send) -> Result<T, String> {
        let mut output = None;
        self.runtime.block_on(pin!(async { output = Some(future.await) }));
        output.ok_or_else(|| "block_on returned before the future's end".to_owned())
    }
}

fn answers_are_reaped_at_once(bench: &Bench) -> Result<(), String> {
    let (context, file, guards) = (bench.context()?, own_file()?, Guards::new(BYTES, 0));
    let fastest = bench.block_on(async {
        let mut fastest = Duration::MAX;
        for _ in 0..50 {
            let begun = Instant::now();
            expect(context.read(&file, guards.lend().into(), 0..BYTES, 0).await.0)?;
            fastest = fastest.min(begun.elapsed());
        }
        for operation in begin(&context, &file, 64) {
            answered(operation).await?;
        }
        Ok::<_, String>(fastest)
    })??;
    match fastest < SOON {
        true => Ok(()),
        false => Err(format!("the fastest read took {fastest:?}: `watch` does not reap")),
    }
}

fn wakes_from_other_threads(bench: &Bench) -> Result<(), String> {
    let (wakers, woken) = channel::<Waker>();
    let flag = Arc::new(Mutex::new(false));
    let set = Arc::clone(&flag);
    let other = thread::spawn(move || {
        for waker in woken {
            *lock(&set) = true;
            waker.wake();
        }
    });
    bench.block_on(async {
        for _ in 0..300 {
            let mut asked = None::<Waker>;
            poll_fn(|cx| {
                if std::mem::take(&mut *lock(&flag)) {
                    return Poll::Ready(());
                }
                if !asked.as_ref().is_some_and(|asked| asked.will_wake(cx.waker())) {
                    asked = Some(cx.waker().clone());
                    send(&wakers, cx.waker());
                }
                Poll::Pending
            })
            .await;
        }
    })?;
    drop(wakers);
    other.join().map_err(|_| "a waker panicked".to_owned())
}

fn the_budget_comes_back(bench: &Bench) -> Result<(), String> {
    let context = bench.context()?;
    bench.block_on(async {
        for _ in 0..10_000 {
            poll_fn(|cx| context.poll_proceed(cx, 32 * 1024)).await;
        }
        for _ in 0..1_000 {
            park_on(poll_fn(|cx| context.poll_proceed(cx, 32 * 1024)));
        }
    })
}

fn two_runtimes_at_once(bench: &Bench) -> Result<(), String> {
    let (context, file) = (bench.context()?, own_file()?);
    let work = || {
        bench.block_on(async {
            for _ in 0..20 {
                for operation in begin(&context, &file, 4) {
                    answered(operation).await?;
                }
            }
            Ok(())
        })?
    };
    thread::scope(|scope| {
        let others: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        let mut outcomes = others.into_iter().map(|other| other.join());
        outcomes.try_for_each(|outcome| outcome.unwrap_or_else(|_| Err("it panicked".into())))
    })
}

/// The thread of a runtime stands still in one of its tasks, with operations in flight.
fn not_driven(bench: &Bench) -> Result<(), String> {
    let (context, file) = (bench.context()?, own_file()?);
    let (stands, is_standing) = channel();
    let (go_on, may_go_on) = channel::<()>();
    thread::scope(|scope| {
        let still = scope.spawn(|| {
            bench.block_on(async {
                let mut operations = begin(&context, &file, 4);
                poll_once(&mut operations).await;
                send(&stands, &());
                // The other end is dropped where what is tried has failed.
                let _ = lock(&Mutex::new(may_go_on)).recv();
                for operation in operations {
                    answered(operation).await?;
                }
                Ok(())
            })?
        });
        is_standing.recv().map_err(text)?;
        let read = async || {
            for operation in begin(&context, &file, 8) {
                answered(operation).await?;
            }
            Ok::<_, String>(())
        };
        let others = park_on(read()).and_then(|()| bench.block_on(read())?);
        drop(go_on);
        others.and(still.join().map_err(|_| "it panicked".to_owned())?)
    })
}

fn ended(bench: &Bench) -> Result<(), String> {
    let (context, file) = (bench.context()?, own_file()?);
    for _ in 0..20 {
        let mut operations = begin(&context, &file, 4);
        bench.block_on(poll_once(&mut operations))?;
        operations.into_iter().try_for_each(|operation| park_on(answered(operation)))?;
    }
    Ok(())
}

/// The program's own file, past the page cache where its file system can.
fn own_file() -> Result<SharedFile, String> {
    let path = "/proc/self/exe";
    let direct = File::options().read(true).custom_flags(O_DIRECT).open(path);
    let file = direct.or_else(|_| File::open(path)).map_err(text)?;
    SharedFile::new(file, path).map_err(text)
}

/// So many reads, handed over together.
fn begin(context: &Context, file: &SharedFile, count: u64) -> Vec<Operation> {
    let guards = Guards::new(BYTES, 0);
    let read = |index| {
        let buffer = Buffer::from(guards.lend());
        Op::Read { buffer, range: 0..BYTES, offset: index * BYTES as u64 }
    };
    context.submit_all(file, (0..count).map(read))
}

async fn answered(operation: Operation) -> Result<(), String> {
    expect(operation.await.result)
}

fn expect<T>(result: CaioResult<T>) -> Result<(), String> {
    result.map(drop).map_err(text)
}

/// Has each of them know the task as the one to wake. What is done by then is gone.
async fn poll_once(operations: &mut Vec<Operation>) {
    poll_fn(|cx| {
        operations.retain_mut(|operation| Pin::new(operation).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

/// Waits on this thread, in no runtime.
fn park_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The other end is there as long as anybody waits for it.
fn send<T: Clone>(to: &Sender<T>, what: &T) {
    let _ = to.send(what.clone());
}

fn text(error: impl Into<Box<dyn std::error::Error>>) -> String {
    error.into().to_string()
}
