//! Files that wait for another process: pipes, FIFOs, and descriptors that the kernel makes ready.
//! They hold up no other operation, and a read returns what there is.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use aiofile::AioFile;
use caio::flags;
use nix::libc;
use nix::sys::eventfd::EventFd;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::Mode;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::time::timeout;

use crate::harness::{Case, cases, skipped};
use crate::support::{
    Env, Place, begun, disk, eventually, multi_thread, output, pattern, pipe, room,
};

pub(crate) const CASES: &[Case] = cases![
    alone six_hundred_idle_pipes_hold_up_no_other,
    alone opens_and_reads_of_fifos_that_wait_hold_up_no_other,
    each what_blocks_one_context_delays_no_other,
    each a_fifo_is_read_whole_without_breaking_it,
    each a_fifo_is_opened_without_breaking_it,
    each an_eventfd_gives_what_it_has,
    each a_timerfd_gives_what_it_has,
    each inotify_gives_what_it_has,
];

/// One operation of each kind on regular files, which ends.
async fn others(env: &Env, file: &AioFile) {
    let path = file.path().unwrap();
    file.write_all_at(pattern(5000), 0).await.unwrap();
    assert_eq!(file.read_exact_at(5000, 0).await.unwrap(), pattern(5000));
    file.fdatasync().await.unwrap();
    file.set_len(5000).await.unwrap();
    assert_eq!(file.len().await.unwrap(), 5000);
    assert_eq!(env.context.read_file(path).await.unwrap(), pattern(5000));
    let new = path.with_extension("new");
    let mut created = env.file(&new, "w").await;
    created.close().await.unwrap();
}

fn six_hundred_idle_pipes_hold_up_no_other(env: &Env) {
    const PIPES: usize = 600;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let wanted = 2 * PIPES as u64 + 500;
    if soft < wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard).is_err()
        || hard < wanted
    {
        skipped("600 idle pipes: too few descriptors are allowed");
        return;
    }
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", b"");
        multi_thread(2).block_on(async {
            let file = env.file(&path, "r+").await;
            let (mut tasks, mut writers) = (Vec::new(), Vec::new());
            for _ in 0..PIPES {
                let (reader, writer) = pipe();
                let context = env.context.clone();
                tasks.push(tokio::spawn(async move {
                    let (result, _) = context.read(&reader, room(1), 0..1, 0).await;
                    assert_eq!(result.unwrap(), 1);
                }));
                writers.push(writer);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            others(env, &file).await;
            // What comes is read, whichever of them began first, and the rest may be given up.
            for at in [0, PIPES / 2, PIPES - 10] {
                for (writer, task) in writers[at..].iter_mut().zip(&mut tasks[at..]).take(10) {
                    writer.write_all(b"x").unwrap();
                    task.await.unwrap();
                }
            }
            tasks.iter().for_each(tokio::task::JoinHandle::abort);
            others(env, &file).await;
        });
    });
}

/// Every thread of the one context is blocked, and as much waits for them as it takes.
fn what_blocks_one_context_delays_no_other(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", b"");
        let blocked = env.another(|builder| builder.threads(0, 4));
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let ends = Arc::new(Mutex::new(ends));
        multi_thread(2).block_on(async {
            let file = env.file(&path, "r+").await;
            let mut waiting = Vec::new();
            for _ in 0..512 {
                let (blocked, ends) = (blocked.clone(), Arc::clone(&ends));
                let wait = move || {
                    // The lock blocks those who do not wait for the end themselves.
                    let _ = ends.lock().unwrap().recv();
                    Ok(())
                };
                waiting.push(begun(async move { blocked.run("wait", wait).await }).await);
            }
            others(env, &file).await;
            drop(end);
            for wait in waiting {
                output(wait).await.unwrap();
            }
        });
    });
}

fn fifo(place: &Place, name: &str) -> PathBuf {
    let path = place.path(name);
    nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    path
}

/// Opens both ends of a FIFO for a moment, so that what waits for it goes on.
fn stir(path: &Path) {
    let mut options = File::options();
    drop(options.read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap());
}

fn opens_and_reads_of_fifos_that_wait_hold_up_no_other(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", b"");
        let fifos: Vec<_> = (0..80).map(|number| fifo(&place, &format!("fifo-{number}"))).collect();
        multi_thread(2).block_on(async {
            let file = env.file(&path, "r+").await;
            let mut waiting = Vec::new();
            for (number, path) in fifos.iter().enumerate() {
                let (context, path) = (env.context.clone(), path.clone());
                waiting.push(tokio::spawn(async move {
                    if number % 2 == 0 {
                        drop(context.open(&path, flags::O_RDONLY, 0).await);
                    } else {
                        drop(context.read_file(&path).await);
                    }
                }));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            others(env, &file).await;
            waiting.iter().for_each(tokio::task::JoinHandle::abort);
            for task in waiting {
                drop(task.await);
            }
            others(env, &file).await;
        });
        eventually("nothing is in flight", || {
            fifos.iter().for_each(|path| stir(path));
            env.context.in_flight().0 == 0
        });
    });
}

/// Writes some pieces into a FIFO and tells whether that worked.
fn writer(path: &Path, data: Vec<u8>) -> thread::JoinHandle<std::io::Result<()>> {
    let path = path.to_owned();
    thread::spawn(move || {
        let mut file = File::options().write(true).open(path)?;
        data.chunks(4000).try_for_each(|piece| file.write_all(piece))
    })
}

const TIMES: usize = 20;

fn a_fifo_is_read_whole_without_breaking_it(env: &Env) {
    env.bounded(|env| {
        fifos_keep_their_writers(async |path| env.context.read_file(path).await.unwrap());
    });
}

fn a_fifo_is_opened_without_breaking_it(env: &Env) {
    env.bounded(|env| {
        fifos_keep_their_writers(async |path| {
            env.file(path, "r").await.read_to_end(0).await.unwrap()
        });
    });
}

/// Reads FIFOs in some way: everything arrives, and no writer loses its reader.
fn fifos_keep_their_writers<Bytes: AsRef<[u8]>>(read: impl AsyncFn(&Path) -> Bytes) {
    let place = disk();
    multi_thread(2).block_on(async {
        for number in 0..TIMES {
            // One for each time: the end of the last reader may come a little later.
            let path = fifo(&place, &format!("fifo-{number}"));
            let writer = writer(&path, pattern(20_000));
            // The writer waits in its open by then, most of the time.
            tokio::time::sleep(Duration::from_millis(5)).await;
            let found = read(&path).await;
            let written = writer.join().unwrap();
            assert!(written.is_ok(), "the writer lost its reader: {written:?}");
            let found = found.as_ref();
            assert!(found == pattern(20_000), "{} of 20,000 bytes", found.len());
        }
    });
}

fn adopt(env: &Env, descriptor: impl Into<OwnedFd>) -> AioFile {
    AioFile::from_std_in(&env.context, File::from(descriptor.into())).unwrap()
}

/// A read that is given up, and then the ends of a file.
async fn assert_ends(env: &Env, silent: impl Into<OwnedFd>) {
    let silent = silent.into();
    let copy = silent.try_clone().unwrap();
    for descriptor in [silent, copy] {
        let mut file = adopt(env, descriptor);
        for _ in 0..3 {
            let read = timeout(Duration::from_millis(10), file.read_at(4096, 0)).await;
            assert!(read.is_err(), "there is nothing to be read: {read:?}");
        }
        let other = adopt(env, file.as_fd().try_clone_to_owned().unwrap());
        let read = timeout(Duration::from_millis(10), other.read_at(4096, 0)).await;
        assert!(read.is_err(), "there is nothing to be read: {read:?}");
        file.close().await.unwrap();
        drop(other.into_std().await.unwrap());
    }
}

fn an_eventfd_gives_what_it_has(env: &Env) {
    env.bounded(|env| {
        multi_thread(2).block_on(async {
            let event = EventFd::from_value(7).unwrap();
            let file = adopt(env, event.as_fd().try_clone_to_owned().unwrap());
            assert_eq!(file.read_at(4096, 0).await.unwrap(), 7u64.to_ne_bytes()[..]);
            let reader = file.clone();
            let read = tokio::spawn(async move { reader.read_at(4096, 0).await });
            tokio::time::sleep(Duration::from_millis(10)).await;
            event.write(3).unwrap();
            assert_eq!(read.await.unwrap().unwrap(), 3u64.to_ne_bytes()[..]);
            file.write_all_at(5u64.to_ne_bytes().to_vec(), 0).await.unwrap();
            assert_eq!(event.read().unwrap(), 5);
            assert_ends(env, EventFd::new().unwrap()).await;
        });
    });
}

fn a_timerfd_gives_what_it_has(env: &Env) {
    env.bounded(|env| {
        multi_thread(2).block_on(async {
            let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::empty()).unwrap();
            let soon = Expiration::OneShot(TimeSpec::from_duration(Duration::from_millis(20)));
            timer.set(soon, TimerSetTimeFlags::empty()).unwrap();
            let file = adopt(env, timer);
            assert_eq!(file.read_at(4096, 0).await.unwrap(), 1u64.to_ne_bytes()[..]);
            let never = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::empty()).unwrap();
            assert_ends(env, never).await;
        });
    });
}

fn inotify_gives_what_it_has(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", b"");
        multi_thread(2).block_on(async {
            let watcher = Inotify::init(InitFlags::empty()).unwrap();
            watcher.add_watch(&path, AddWatchFlags::IN_MODIFY).unwrap();
            let file = adopt(env, watcher);
            let reader = file.clone();
            let read = tokio::spawn(async move { reader.read_at(4096, 0).await });
            tokio::time::sleep(Duration::from_millis(10)).await;
            std::fs::write(&path, b"modified").unwrap();
            let event = read.await.unwrap().unwrap();
            assert!(event.len().is_multiple_of(16) && !event.is_empty(), "{event:?}");
            assert_ends(env, Inotify::init(InitFlags::empty()).unwrap()).await;
        });
    });
}
