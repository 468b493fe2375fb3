//! Tokio's paused clock, which jumps ahead whenever a runtime has nothing to do but wait: an
//! operation in flight is something to wait for.

use std::time::Duration;

use aiofile::AioFile;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::harness::{Case, cases};
use crate::support::{Env, disk, pattern};

pub(crate) const CASES: &[Case] = cases![
    each an_operation_ends_before_the_timeout_around_it,
    each an_operation_beside_a_timer_ends,
];

fn paused() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

const TIMEOUT: Duration = Duration::from_secs(3600);

async fn work(file: &AioFile, number: u64) {
    let in_time = "the clock jumped while an operation was in flight";
    timeout(TIMEOUT, file.write_all_at(pattern(5000), number)).await.expect(in_time).unwrap();
    timeout(TIMEOUT, file.fdatasync()).await.expect(in_time).unwrap();
    let read = timeout(TIMEOUT, file.read_exact_at(5000, number)).await.expect(in_time);
    assert_eq!(read.unwrap(), pattern(5000));
    let length = timeout(TIMEOUT, file.len()).await.expect(in_time);
    assert!(length.unwrap() >= 5000);
}

fn an_operation_ends_before_the_timeout_around_it(env: &Env) {
    env.bounded(|env| {
        let (env, place) = (env.queued(), disk());
        let path = place.file("data", b"");
        for _ in 0..50 {
            paused().block_on(async {
                let file = timeout(TIMEOUT, env.file(&path, "r+")).await;
                work(&file.expect("the clock jumped while a file was opened"), 0).await;
            });
        }
    });
}

/// A timer that goes off again and again, while a task of the same runtime works.
fn an_operation_beside_a_timer_ends(env: &Env) {
    env.bounded(|env| {
        let (env, place) = (env.queued(), disk());
        let path = place.file("data", b"");
        paused().block_on(async {
            let timer = tokio::spawn(async {
                loop {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            });
            let file = env.file(&path, "r+").await;
            for number in 0..50 {
                file.write_all_at(pattern(5000), number).await.unwrap();
                file.fdatasync().await.unwrap();
                assert_eq!(file.read_exact_at(5000, number).await.unwrap(), pattern(5000));
            }
            timer.abort();
        });
    });
}
