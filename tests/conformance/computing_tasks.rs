//! Tasks that compute or block: no other task's answer, timer, socket or submission waits for them,
//! beyond what tokio's own sockets show in the same place.

mod measure;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use aiofile::AioFile;
use caio::{Buffer, Context, SharedFile};
use futures_util::FutureExt;
use futures_util::future::join_all;
use nix::libc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::harness::{Case, cases};
use crate::support::{Env, HANGS, current_thread, disk, multi_thread, pattern, pipe, room, shared};
use measure::{TOGETHER, assert_as_sockets, told_to_begin};

pub(crate) const CASES: &[Case] = cases![
    each reads_of_a_pipe_that_complete_together,
    each reads_and_writes_of_a_file_that_complete_together,
    each direct_reads_that_complete_together,
    each a_write_is_submitted_before_another_task_computes,
    each a_task_that_submits_and_computes_keeps_no_answer_of_another,
    each everything_ends_beside_tasks_that_compute,
];

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

/// A direct read completes while both workers are busy. One of them then submits a read and
/// computes; the other is free, and has to deliver the answer.
fn a_task_that_submits_and_computes_keeps_no_answer_of_another(env: &Env) {
    env.bounded(|env| {
        let env = env.queued();
        let place = disk();
        let path = place.file("data", &pattern(4096));
        let Some(direct) = current_thread().block_on(env.direct(&path)) else { return };
        let (context, file) = (env.context.clone(), shared(&path));
        let runtime = multi_thread(2);
        let (busy, both_busy) = channel();
        let (submitted, is_submitted) = channel();
        let (answered, answer) = channel();
        let computing = runtime.spawn(async move {
            both_busy.recv().unwrap();
            thread::sleep(Duration::from_millis(5));
            let _ = read(context, file, 0).now_or_never();
            submitted.send(()).unwrap();
            answer.recv_timeout(HANGS).is_ok()
        });
        let waiting = runtime.spawn(async move {
            // It runs next on this worker, before that looks after anything else.
            let other = tokio::spawn(async move {
                busy.send(()).unwrap();
                is_submitted.recv().unwrap();
            });
            assert_eq!(direct.read_exact_at(4096, 0).await.unwrap().len(), 4096);
            answered.send(()).unwrap();
            other.await.unwrap();
        });
        assert!(runtime.block_on(computing).unwrap(), "the answer waited for a task's computing");
        runtime.block_on(waiting).unwrap();
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
                    arrival.recv_timeout(HANGS).is_ok()
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
