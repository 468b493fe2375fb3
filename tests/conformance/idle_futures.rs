//! A future that was polled once and is not polled any more ("futurelock") holds up no other,
//! whatever it has begun or waits for.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aiofile::{AioFile, OpenOptions, Reader, Writer};
use caio::{BufferedWrites, SharedFile};
use caio_testkit::{Faulty, Plan};
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use nix::libc::EMFILE;

use crate::faults;
use crate::harness::{Case, cases};
use crate::support::{
    Env, begun, bounded, current_thread, disk, eventually, multi_thread, output, pattern, pipe,
    room,
};

pub(crate) const CASES: &[Case] = cases![
    each a_write_put_aside_beyond_the_byte_limit,
    once a_write_put_aside_on_a_slow_backend,
    each a_write_put_aside_at_the_limit_of_requests,
    each a_branch_of_a_select_that_lost,
    each a_sync_put_aside_holds_up_no_other,
    each a_stream_of_syncs_whose_body_syncs,
    each buffered_streams_whose_body_writes,
    each readers_ahead_of_their_writers,
    each opens_put_aside_at_the_limit_of_files,
];

const PIECE: usize = 768 * 1024;

/// Two pieces do not fit at once: the second waits, and is not polled when its room comes.
async fn writes_beyond_the_byte_limit(file: &AioFile) {
    for _ in 0..5 {
        let first = begun(file.write_all_at(vec![1; PIECE], 0)).await;
        let aside = begun(file.write_all_at(vec![2; PIECE], 0)).await;
        output(first).await.unwrap();
        file.write_all_at(vec![3; PIECE], 0).await.unwrap();
        let other = file.clone();
        let task = async move { other.read_exact_at(PIECE, 0).await.map(drop) };
        tokio::spawn(task).await.unwrap().unwrap();
        output(aside).await.unwrap();
    }
}

fn a_write_put_aside_beyond_the_byte_limit(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let env = env.with(|builder| builder.max_bytes_in_flight(1 << 20).in_place(false));
        multi_thread(2).block_on(async {
            let file = env.file(place.path("data"), "w+").await;
            writes_beyond_the_byte_limit(&file).await;
        });
    });
}

/// The first write is certain to be under way when the second one asks for its room.
fn a_write_put_aside_on_a_slow_backend() {
    for inner in faults::inner() {
        bounded(|| {
            let place = disk();
            let plan = Plan::new(31).delay(Duration::from_millis(10)..Duration::from_millis(20));
            let builder = aiofile::context().custom(Arc::new(Faulty::new(inner, plan)));
            let builder = builder.max_bytes_in_flight(1 << 20).in_place(false);
            let builder =
                builder.configure(|config| config.buffered_writes = BufferedWrites::Backend);
            let context = builder.build().unwrap();
            let path = place.file("data", b"");
            let file = File::options().read(true).write(true).open(path).unwrap();
            let file = AioFile::from_std_in(&context, file).unwrap();
            multi_thread(2).block_on(writes_beyond_the_byte_limit(&file));
        });
    }
}

fn a_write_put_aside_at_the_limit_of_requests(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let env = env.with(|builder| builder.max_requests(2).in_place(false));
        multi_thread(2).block_on(async {
            let file = env.file(place.path("data"), "w+").await;
            let (silent, mut writer) = pipe();
            let reads: Vec<_> = (0..2).map(|_| tokio::spawn(read_one(&env, &silent))).collect();
            let mut waiting = Vec::new();
            for number in 0..4 {
                waiting.push(begun(file.write_all_at("b", number)).await);
            }
            writer.write_all(b"xy").unwrap();
            join_all(reads).await.into_iter().for_each(|ended| ended.unwrap());
            file.write_all_at("c", 10).await.unwrap();
            let other = file.clone();
            let task = async move { other.write_all_at("d", 11).await };
            tokio::spawn(task).await.unwrap().unwrap();
            for write in waiting {
                output(write).await.unwrap();
            }
        });
    });
}

fn read_one(env: &Env, pipe: &SharedFile) -> impl Future<Output = ()> + Send + 'static {
    let (context, pipe) = (env.context.clone(), pipe.clone());
    async move { assert_eq!(context.read(&pipe, room(1), 0..1, 0).await.0.unwrap(), 1) }
}

/// The handler of one branch does what the other one waits for the room of.
fn a_branch_of_a_select_that_lost(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let env = env.with(|builder| builder.max_bytes_in_flight(1 << 20).in_place(false));
        current_thread().block_on(async {
            let file = env.file(place.path("data"), "w+").await;
            for _ in 0..5 {
                let mut one = pin!(file.write_all_at(vec![1; PIECE], 0));
                let mut other = pin!(file.write_all_at(vec![2; PIECE], 0));
                tokio::select! {
                    written = &mut one => written.unwrap(),
                    written = &mut other => written.unwrap(),
                }
                file.write_all_at(vec![3; PIECE], 0).await.unwrap();
                assert_eq!(file.read_exact_at(PIECE, 0).await.unwrap().len(), PIECE);
            }
        });
    });
}

fn a_sync_put_aside_holds_up_no_other(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.path("data");
        multi_thread(2).block_on(async {
            let file = env.file(&path, "w+").await;
            file.write_all_at(pattern(1 << 20), 0).await.unwrap();
            let first = begun(file.fdatasync()).await;
            let second = begun(file.fsync()).await;
            file.fdatasync().await.unwrap();
            file.fsync().await.unwrap();
            let other = file.clone();
            tokio::spawn(async move { other.fsync().await }).await.unwrap().unwrap();
            let mut closed = file.clone();
            drop(first);
            closed.fdatasync().await.unwrap();
            closed.close().await.unwrap();
            output(second).await.unwrap();
        });
    });
}

fn a_stream_of_syncs_whose_body_syncs(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.path("data");
        current_thread().block_on(async {
            let file = &env.file(&path, "w+").await;
            let syncs = stream::iter(0..6).map(|_| async { file.fdatasync().await });
            let mut syncs = pin!(syncs.buffer_unordered(2));
            while let Some(synced) = syncs.next().await {
                synced.unwrap();
                file.write_all_at("more", 0).await.unwrap();
                file.fdatasync().await.unwrap();
            }
        });
    });
}

/// The stream keeps more reads begun than there is room for.
fn buffered_streams_whose_body_writes(env: &Env) {
    const PIECES: u64 = 12;
    const LENGTH: usize = 64 * 1024;
    env.bounded(|env| {
        let place = disk();
        let path = place.file("from", &pattern(PIECES as usize * LENGTH));
        let env = env.with(|builder| {
            builder.max_requests(3).max_bytes_in_flight(4 * LENGTH).in_place(false)
        });
        multi_thread(2).block_on(async {
            let from = &env.file(&path, "r").await;
            let to = env.file(place.path("to"), "w+").await;
            let reads = stream::iter(0..PIECES);
            let reads = reads.map(|n| from.read_exact_at(LENGTH, n * LENGTH as u64));
            let mut reads = pin!(reads.buffered(8));
            let mut position = 0;
            while let Some(piece) = reads.next().await {
                let piece = piece.unwrap();
                to.write_all_at(piece, position).await.unwrap();
                position += LENGTH as u64;
            }
            assert_eq!(to.read_to_end(0).await.unwrap(), pattern(PIECES as usize * LENGTH));
        });
    });
}

/// Opened past the page cache where that is possible, so that reading ahead takes a while.
async fn source(env: &Env, path: &Path) -> AioFile {
    let mut options = OpenOptions::new();
    options.read(true).context(&env.context);
    match options.clone().direct(true).open_aio(path).await {
        Ok(file) => file,
        Err(_) => options.open_aio(path).await.unwrap(),
    }
}

/// Each of many tasks copies, and reads ahead while it writes. What is read and not yet taken must
/// not hold the room that the writes need.
fn readers_ahead_of_their_writers(env: &Env) {
    const TASKS: usize = 300;
    const CHUNK: usize = 8 * 1024;
    env.bounded(|env| {
        let place = disk();
        let path = place.file("from", &pattern(12 * CHUNK));
        let env = env.with(|builder| {
            builder.max_requests(32).max_bytes_in_flight(32 * CHUNK).in_place(false)
        });
        multi_thread(2).block_on(async {
            let to = env.file(place.path("to"), "w+").await;
            // Each has a file open, and other cases are to have some as well.
            let tasks = TASKS.min(env.context.config().max_open_files / 2);
            let tasks = (0..tasks).map(|_| {
                let (env, path, to) = (env.clone(), path.clone(), to.clone());
                tokio::spawn(async move {
                    let mut reader = Reader::new(&source(&env, &path).await).chunk_size(CHUNK);
                    let writer = Writer::new(&to);
                    while let Some(chunk) = reader.next_chunk().await.unwrap() {
                        writer.write_all(chunk).await.unwrap();
                    }
                })
            });
            join_all(tasks.collect::<Vec<_>>()).await.into_iter().for_each(|ended| ended.unwrap());
            assert_eq!(to.read_to_end(0).await.unwrap(), pattern(12 * CHUNK));
        });
    });
}

/// Opens and whole reads that wait for a place among the open files and are not polled when it
/// comes. Where all places are held by what was opened, there is an error at once and no waiting.
fn opens_put_aside_at_the_limit_of_files(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", b"data");
        let env = env.with(|builder| builder.max_open_files(2).in_place(false));
        multi_thread(2).block_on(async {
            let open = || env.context.open(&path, 0, 0);
            // What was dropped is closed by another thread, a moment later.
            let opened = async || loop {
                match open().await {
                    Ok(file) => break file,
                    Err(refused) => assert_eq!(refused.raw_os_error(), Some(EMFILE)),
                }
                tokio::task::yield_now().await;
            };
            for _ in 0..3 {
                let held = [opened().await, opened().await];
                assert_eq!(open().await.unwrap_err().raw_os_error(), Some(EMFILE));
                let refused = env.context.read_file(&path).await.unwrap_err();
                assert_eq!(refused.raw_os_error(), Some(EMFILE));
                drop(held);
                let aside = [begun(open()).await, begun(open()).await];
                let reads = [
                    begun(env.context.read_file(&path)).await,
                    begun(env.context.read_file(&path)).await,
                ];
                drop(aside);
                for read in reads {
                    match output(read).await {
                        Ok(read) => assert_eq!(read, b"data"),
                        Err(refused) => assert_eq!(refused.raw_os_error(), Some(EMFILE)),
                    }
                }
                drop(opened().await);
            }
            // No place is lost.
            drop([opened().await, opened().await]);
        });
        eventually("nothing is in flight", || env.context.in_flight().0 == 0);
    });
}
