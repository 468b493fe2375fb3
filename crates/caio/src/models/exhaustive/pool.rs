//! The threads of a pool: who comes for a request, who sleeps, who ends.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use super::check;
use crate::backend::Backend;
use crate::backend::pool::Pool;
use crate::config::Config;
use crate::detached::{Answer, request};
use crate::file::SharedFile;
use crate::models::system::advance;
use crate::models::task::block_on;
use crate::models::threads::Threads;
use crate::op::Op;
use crate::sync::{now, thread};

fn pool(threads_max: usize) -> Arc<Pool<Threads>> {
    let options = Config { threads_max, threads_idle_timeout_ms: 1000, ..Config::default() };
    Arc::new(Pool::open(&options).unwrap())
}

fn file() -> SharedFile {
    SharedFile::new(File::open("/dev/null").unwrap(), "/dev/null").unwrap()
}

fn submit(pool: &Pool<Threads>, file: &SharedFile) -> Answer {
    let (request, answer) = request(Op::Metadata, Some(file));
    let queue = pool.queue(request);
    pool.commit(queue);
    answer
}

fn serve(pool: &Pool<Threads>) {
    let file = file();
    assert!(block_on(submit(pool, &file)).result.is_ok());
}

#[test]
fn pool_wake_up() {
    check("pool_wake_up", Some(2), || {
        let pool = pool(1);
        let theirs = Arc::clone(&pool);
        let other = thread::spawn(move || serve(&theirs));
        serve(&pool);
        other.join().unwrap();
        // A thread that did not end would be a deadlock.
        drop(pool);
    });
}

#[test]
fn pool_two_threads() {
    check("pool_two_threads", Some(2), || {
        let pool = pool(2);
        let (first, second) = (file(), file());
        let answers = [submit(&pool, &first), submit(&pool, &second)];
        for answer in answers {
            assert!(block_on(answer).result.is_ok());
        }
        drop(pool);
    });
}

#[test]
fn pool_idle_timeout() {
    check("pool_idle_timeout", Some(2), || {
        let pool = pool(1);
        serve(&pool);
        let clock = thread::spawn(|| advance(Duration::from_secs(2)));
        serve(&pool);
        clock.join().unwrap();
        drop(pool);
    });
}

#[test]
fn pool_shutdown() {
    check("pool_shutdown", Some(3), || {
        let pool = pool(1);
        let theirs = Arc::clone(&pool);
        let other = thread::spawn(move || {
            let file = file();
            // Either it was accepted, and is done, or it was refused.
            block_on(submit(&theirs, &file)).result.is_ok()
        });
        let left = pool.shutdown(now() + Duration::from_secs(1));
        assert_eq!(left, 0);
        let _ = other.join().unwrap();
    });
}
