//! Rates: so much in ten seconds, by a clock that a test moves.

use std::sync::Arc;
use std::time::Duration;

use aiofile_util::layer::Rate;
use caio::{Buffer, Context, Layer};
use caio_testkit::{Null, Plan, Random};
use proptest::prelude::*;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::support::{faulty, file, paused, poll_once, read};

const SPAN: Duration = Duration::from_secs(10);

fn context(rate: Rate) -> Context {
    let layer: Arc<dyn Layer> = Arc::new(rate);
    aiofile::context().custom(Arc::new(Null::new())).in_place(false).layer(layer).build().unwrap()
}

/// Writes of these lengths by some tasks, as fast as the rate lets them, for ten seconds of the
/// runtime's clock. Returns how many operations and bytes that were.
async fn ten_seconds(
    context: &Context,
    lengths: impl Fn(u64) -> usize + Clone + Send + 'static,
) -> (u64, u64) {
    let file = file(b"");
    let end = Instant::now() + SPAN;
    let mut tasks = JoinSet::new();
    for task in 0..4 {
        let (context, file, lengths) = (context.clone(), file.clone(), lengths.clone());
        tasks.spawn(async move {
            let mut done = (0, 0);
            for number in 0.. {
                let length = lengths(number * 4 + task);
                let buffer = Buffer::from(vec![7; length]);
                let write = context.write(&file, buffer, 0..length, 0);
                let Ok((written, _)) = tokio::time::timeout_at(end, write).await else { break };
                done = (done.0 + 1, done.1 + written.unwrap() as u64);
            }
            done
        });
    }
    let done = tasks.join_all().await;
    done.into_iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn operations_are_within_two_percent_of_their_rate(rate in 50_u64..300, burst in 1_u64..10) {
        let context = context(Rate::new().operations(rate).operations_burst(burst));
        let (operations, _) = paused().block_on(ten_seconds(&context, |_| 1));
        let expected = rate * 10;
        let (least, most) = (expected * 98 / 100, expected * 102 / 100 + burst);
        prop_assert!((least..=most).contains(&operations), "{operations} of {expected}");
    }

    #[test]
    fn bytes_are_within_two_percent_of_their_rate(
        rate in 100_000_u64..1_000_000, seed in any::<u64>(),
    ) {
        // Some are larger than the burst.
        let context = context(Rate::new().bytes(rate).bytes_burst(rate / 100));
        let longest = rate as usize / 50;
        let lengths = move |number| Random::new(seed ^ number).within(1..longest);
        let (_, bytes) = paused().block_on(ten_seconds(&context, lengths));
        let expected = rate * 10;
        // What was cut off at the end has been paid for.
        let least = expected * 98 / 100 - 4 * longest as u64;
        let most = expected * 102 / 100;
        prop_assert!((least..=most).contains(&bytes), "{bytes} of {expected}");
    }
}

#[test]
fn a_burst_comes_at_once_and_no_more() {
    let context = context(Rate::new().operations(10).operations_burst(5));
    paused().block_on(async {
        let (file, begun) = (file(b""), Instant::now());
        let mut times = Vec::new();
        for _ in 0..8 {
            read(&context, &file, 4).await.unwrap();
            times.push(begun.elapsed().as_millis());
        }
        assert!(times[..5].iter().all(|time| *time < 5), "{times:?}");
        for (time, expected) in times[5..].iter().zip([100, 200, 300]) {
            assert!((expected..expected + 5).contains(time), "{times:?}");
        }
    });
}

#[test]
fn ten_thousand_cancelled_waits_cost_no_time() {
    let context = context(Rate::new().operations(10).operations_burst(1).bytes(1000));
    paused().block_on(async {
        let file = file(b"");
        read(&context, &file, 4).await.unwrap();
        let mut waiting = Vec::new();
        for number in 0..10_000 {
            let mut one = Box::pin(read(&context, &file, 4));
            assert!(poll_once(&mut one).is_pending());
            if number % 2 == 0 {
                drop(one);
            } else {
                waiting.push(one);
            }
        }
        drop(waiting);
        let begun = Instant::now();
        timeout(Duration::from_secs(1), read(&context, &file, 4)).await.unwrap().unwrap();
        assert!(begun.elapsed() <= Duration::from_millis(105), "{:?}", begun.elapsed());
    });
}

#[test]
fn what_comes_back_short_gives_the_rest_back() {
    let builder = aiofile::context().layer(Arc::new(Rate::new().bytes(1000).bytes_burst(1000)));
    let context = builder.build().unwrap();
    paused().block_on(async {
        // Ten bytes and the end of the file, asked for with a second's worth.
        let (file, begun) = (file(&[7; 10]), Instant::now());
        for _ in 0..20 {
            assert_eq!(read(&context, &file, 1000).await.unwrap(), 10);
        }
        // Each also finds the end, which costs nothing.
        assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    });
}

#[test]
fn the_rate_holds_over_a_backend_that_fails() {
    let plan = Plan::new(7).short(0.3).interrupted(0.2);
    let (_, builder) = faulty(plan);
    let rate = Rate::new().operations(100).operations_burst(1);
    let context = builder.layer(Arc::new(rate)).build().unwrap();
    paused().block_on(async {
        let (file, begun) = (file(&[7; 64]), Instant::now());
        let mut operations = 0;
        while begun.elapsed() < Duration::from_secs(2) {
            let before = context.metrics().submitted;
            read(&context, &file, 64).await.unwrap();
            operations += context.metrics().submitted - before;
        }
        // Short reads are continued by operations of their own, which count as well.
        assert!((196..=206).contains(&operations), "{operations} in two seconds");
    });
}
