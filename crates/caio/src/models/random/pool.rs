//! A pool with several threads, files at their bounds, and requests that are given up.

use std::sync::Arc;
use std::time::Duration;

use super::check;
use crate::backend::pool::Pool;
use crate::backend::{Backend, QueueId};
use crate::buffer::Buffer;
use crate::config::Config;
use crate::detached::request;
use crate::file::SharedFile;
use crate::models::system::advance;
use crate::models::task::{Count, block_on, regular_file};
use crate::models::threads::Threads;
use crate::op::{Op, OpKind};
use crate::sync::{now, thread};

const CLIENTS: usize = 3;

/// What one client asks for, each on a file that the others use, too.
fn ops(client: usize, done: &Count) -> Vec<Op> {
    let write = || Op::write(Buffer::from(vec![1]), 0..1, client as u64).unwrap();
    match client {
        0 => vec![write(), Op::Metadata, write()],
        1 => vec![write(), write()],
        _ => vec![done.dropped(), Op::Fdatasync, done.dropped()],
    }
}

fn client(pool: &Pool<Threads>, files: &[SharedFile; 2], client: usize, done: &Count) {
    let mut answers = Vec::new();
    for (number, op) in ops(client, done).into_iter().enumerate() {
        let file = Some(&files[number % 2]).filter(|_| op.kind() != OpKind::Run);
        let (request, answer) = request(op, file);
        pool.queue(request);
        // Some are committed together with the next one.
        if number != 0 {
            pool.commit(QueueId(0));
        }
        answers.push(answer);
    }
    // The last one is not wanted any more.
    let given_up = answers.pop().expect("it asked for some");
    let _ = given_up.cancel();
    for answer in answers {
        assert!(block_on(answer).result.is_ok());
    }
}

fn model() {
    let options = Config { threads_max: 3, threads_idle_timeout_ms: 1000, ..Config::default() };
    let pool = Arc::new(Pool::<Threads>::open(&options).unwrap());
    let files = [regular_file(), regular_file()];
    let done = Count::default();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (pool, files, done) = (Arc::clone(&pool), files.clone(), done.clone());
            thread::spawn(move || client(&pool, &files, number, &done))
        })
        .collect();
    let clock = thread::spawn(|| (0..2).for_each(|_| advance(Duration::from_secs(2))));
    clients.into_iter().for_each(|client| client.join().unwrap());
    clock.join().unwrap();
    assert_eq!(pool.shutdown(now() + Duration::from_secs(60)), 0);
    assert_eq!(done.get(), 2, "each job is dropped once");
}

#[test]
fn pool_clients() {
    check("pool_clients", model);
}
