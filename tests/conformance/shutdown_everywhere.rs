//! The end of a context in every state of its requests and on every route: what was accepted gets
//! its true answer within the patience, and afterwards nothing is accepted.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aiofile::{ErrorKind, OpenOptions, Reader, Writer};
use caio::{Buffer, Context, Op, SharedFile, flags};
use futures_util::future::{join_all, maybe_done};
use nix::sys::stat::Mode;

use crate::harness::{Case, cases};
use crate::support::{
    Env, begun, current_thread, disk, multi_thread, output, pattern, pipe, polled, room, shared,
};

pub(crate) const CASES: &[Case] = cases![
    each what_waits_for_room_is_done,
    each what_a_caller_handed_over_together_is_done,
    each whole_files_and_syncs_that_wait_are_done,
    each what_a_task_submitted_beside_another_is_done,
    each what_cannot_end_is_answered_when_the_patience_is_over,
    each afterwards_nothing_is_accepted_on_any_route,
    each afterwards_nothing_is_accepted_through_a_file,
];

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(90);

/// More writes than there may be requests: some are in the kernel, some queued, most wait for room.
fn what_waits_for_room_is_done(env: &Env) {
    const WRITES: u64 = 200;
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", b"");
        let env = env.with(|builder| builder.max_requests(4).in_place(false));
        multi_thread(2).block_on(async {
            let file = shared(&path);
            let mut writes = Vec::new();
            for number in 0..WRITES {
                let (context, file) = (env.context.clone(), file.clone());
                writes.push(
                    begun(async move {
                        let buffer = Buffer::from(number.to_le_bytes().to_vec());
                        context.write(&file, buffer, 0..8, number * 8).await.0
                    })
                    .await,
                );
            }
            assert_eq!(env.context.shutdown(PATIENCE).await, 0);
            for write in writes {
                assert_eq!(output(write).await.unwrap_or_else(|error| panic!("{error}")), 8);
            }
        });
        let expected: Vec<u8> = (0..WRITES).flat_map(u64::to_le_bytes).collect();
        assert_eq!(std::fs::read(&path).unwrap(), expected);
    });
}

fn what_a_caller_handed_over_together_is_done(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", b"");
        let env = env.with(|builder| builder.max_requests(3).in_place(false));
        current_thread().block_on(async {
            let writes = (0..50u64).map(|number| {
                let buffer = Buffer::from(number.to_le_bytes().to_vec());
                Op::write(buffer, 0..8, number * 8).unwrap()
            });
            let writes = begun(join_all(env.context.submit_all(&shared(&path), writes))).await;
            assert_eq!(env.context.shutdown(PATIENCE).await, 0);
            for outcome in output(writes).await {
                outcome.result.unwrap_or_else(|error| panic!("{error}"));
            }
        });
        let expected: Vec<u8> = (0..50u64).flat_map(u64::to_le_bytes).collect();
        assert_eq!(std::fs::read(&path).unwrap(), expected);
    });
}

fn whole_files_and_syncs_that_wait_are_done(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", &pattern(300_000));
        let env = env.with(|builder| builder.max_requests(2).in_place(false));
        multi_thread(2).block_on(async {
            let file = shared(&path);
            let (mut reads, mut others) = (Vec::new(), Vec::new());
            for _ in 0..8 {
                reads.push(begun(env.context.read_file(&path)).await);
                others.push(begun(env.context.sync(&file, true)).await);
            }
            let length = begun(env.context.set_length(&file, 300_000)).await;
            let opened = begun(env.context.open(&path, flags::O_RDONLY, 0)).await;
            assert_eq!(env.context.shutdown(PATIENCE).await, 0);
            for read in reads {
                assert!(output(read).await.unwrap_or_else(|e| panic!("{e}")) == pattern(300_000));
            }
            for sync in others {
                output(sync).await.unwrap_or_else(|error| panic!("{error}"));
            }
            output(length).await.unwrap_or_else(|error| panic!("{error}"));
            output(opened).await.unwrap_or_else(|error| panic!("{error}"));
        });
    });
}

/// Two reads complete together. The first task writes, and the second ends the context as soon as
/// that is accepted.
fn what_a_task_submitted_beside_another_is_done(env: &Env) {
    env.bounded(|env| {
        for runtime in [current_thread(), multi_thread(2)] {
            let env = env.queued();
            let (reader, mut writer) = pipe();
            let (mut far, near) = std::io::pipe().unwrap();
            let near = SharedFile::new(File::from(OwnedFd::from(near)), "pipe").unwrap();
            let (first, accepted) = (Arc::new(AtomicBool::new(true)), Arc::<AtomicBool>::default());
            let tasks = (0..2).map(|_| {
                let (context, reader, near) = (env.context.clone(), reader.clone(), near.clone());
                let (first, accepted) = (Arc::clone(&first), Arc::clone(&accepted));
                runtime.spawn(async move {
                    assert_eq!(context.read(&reader, room(1), 0..1, 0).await.0.unwrap(), 1);
                    if first.swap(false, Ordering::SeqCst) {
                        let byte = Buffer::from(vec![9]);
                        let mut write = Box::pin(maybe_done(context.write(&near, byte, 0..1, 0)));
                        polled(&mut write).await;
                        accepted.store(true, Ordering::SeqCst);
                        let written = output(write).await.0;
                        assert_eq!(written.unwrap_or_else(|error| panic!("{error}")), 1);
                    } else {
                        while !accepted.load(Ordering::SeqCst) {
                            tokio::task::yield_now().await;
                        }
                        assert_eq!(context.shutdown(PATIENCE).await, 0);
                    }
                })
            });
            let tasks: Vec<_> = tasks.collect();
            // Both wait for the pipe by then.
            runtime.block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
            writer.write_all(&[1, 2]).unwrap();
            runtime.block_on(join_all(tasks)).into_iter().for_each(|ended| ended.unwrap());
            far.read_exact(&mut [0]).unwrap();
        }
    });
}

/// Reads and opens that wait for another process, which does not come.
fn what_cannot_end_is_answered_when_the_patience_is_over(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let env = env.queued();
        // A FIFO is open for reading at once; a writer waits for its reader.
        let (fifo, unread) = (place.path("fifo"), place.path("unread"));
        for path in [&fifo, &unread] {
            nix::unistd::mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        }
        multi_thread(2).block_on(async {
            let (silent, _writer) = pipe();
            let read = begun(env.context.read(&silent, room(1), 0..1, 0)).await;
            let whole = begun(env.context.read_file(&fifo)).await;
            let opened = begun(env.context.open(&unread, flags::O_WRONLY, 0)).await;
            env.context.shutdown(Duration::from_millis(200)).await;
            assert!(output(read).await.0.is_err(), "there was nothing to be read");
            assert!(output(whole).await.is_err(), "there was nothing to be read");
            assert!(output(opened).await.is_err(), "there was no other end");
        });
    });
}

#[track_caller]
fn assert_refused<T>(result: Result<T, impl Into<caio::Error>>) {
    match result.map_err(Into::into) {
        Ok(_) => panic!("it was accepted after the shutdown"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Shutdown, "{error}"),
    }
}

/// In place and not: what could be done on the caller's thread is refused as well.
fn afterwards_nothing_is_accepted_on_any_route(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", &pattern(5000));
        for in_place in [true, false] {
            let context = env.another(|builder| builder.in_place(in_place));
            multi_thread(2).block_on(async {
                let file = shared(&path);
                assert_eq!(context.read(&file, room(100), 0..100, 0).await.0.unwrap(), 100);
                assert_eq!(context.shutdown(PATIENCE).await, 0);
                refused_by_context(&context, &file, &path).await;
            });
        }
        assert_eq!(std::fs::read(&path).unwrap(), pattern(5000));
    });
}

async fn refused_by_context(context: &Context, file: &SharedFile, path: &Path) {
    let data = || Buffer::from(&b"more"[..]);
    assert_refused(context.read(file, room(100), 0..100, 0).await.0);
    assert_refused(context.write(file, data(), 0..4, 0).await.0);
    assert_refused(context.read_vectored(file, vec![room(10)], 0).await.0);
    assert_refused(context.write_vectored(file, vec![data(), data()], 0).await.0);
    assert_refused(context.open(path, flags::O_RDONLY, 0).await);
    let new = path.with_extension("new");
    assert_refused(context.open(&new, flags::O_CREAT | flags::O_WRONLY, 0o600).await);
    assert!(!new.exists());
    assert_refused(context.read_file(path).await);
    assert_refused(context.metadata(file).await);
    assert_refused(context.set_length(file, 0).await);
    assert_refused(context.sync(file, true).await);
    assert_refused(context.sync(file, false).await);
    let write = || Op::write(data(), 0..4, 0).unwrap();
    assert_refused(context.submit(Some(file), write()).await.result);
    for outcome in join_all(context.submit_all(file, [write(), write()])).await {
        assert_refused(outcome.result);
    }
}

fn afterwards_nothing_is_accepted_through_a_file(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", &pattern(5000));
        let context = env.another(|builder| builder);
        multi_thread(2).block_on(async {
            let mut options = OpenOptions::new();
            options.read(true).context(&context);
            let appending = options.clone().append(true).open_aio(&path).await.unwrap();
            let options = options.write(true);
            let file = options.open_aio(&path).await.unwrap();
            assert_eq!(file.read_at(100, 0).await.unwrap(), pattern(5000)[..100]);
            assert_eq!(context.shutdown(PATIENCE).await, 0);
            assert_refused(file.read_at(100, 0).await);
            assert_refused(file.read_into(Vec::with_capacity(100), 0).await.0);
            assert_refused(file.read_to_end(0).await);
            assert_refused(file.write_at("more", 0).await);
            assert_refused(appending.append("more").await);
            assert_refused(file.len().await);
            assert_refused(file.set_len(3).await);
            assert_refused(file.fsync().await);
            assert_refused(Reader::new(&file).next_chunk().await);
            assert_refused(Writer::new(&file).write_all("more").await);
            assert_refused(options.open_aio(&path).await);
        });
        assert_eq!(std::fs::read(&path).unwrap(), pattern(5000));
    });
}
