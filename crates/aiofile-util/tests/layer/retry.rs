//! Retries: what fails for a moment succeeds, after pauses, and nothing else is repeated.

use std::sync::Arc;
use std::time::Duration;

use aiofile_util::layer::{OpMetrics, Retry};
use caio::{Buffer, OpKind};
use caio_testkit::{FaultLayer, Plan};
use futures_util::FutureExt;
use nix::errno::Errno;
use proptest::prelude::*;
use tokio::time::Instant;

use crate::support::{faulty, file, paused, read};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn so_many_failures_take_so_many_attempts_and_pauses(
        failures in 0_u64..6, attempts in 1_u32..6, jitter in any::<bool>(),
    ) {
        let plan = (0..failures).fold(Plan::new(1), |plan, number| {
            plan.fail_once(OpKind::Read, number, Errno::EBUSY as i32)
        });
        let (faulty, builder) = faulty(plan);
        let pause = Duration::from_secs(60);
        let retry = Retry::new().attempts(attempts).pause(pause).pause_max(pause * 4);
        let retry = retry.jitter(jitter);
        let context = builder.layer(Arc::new(retry)).build().unwrap();
        let (result, elapsed) = paused().block_on(async {
            let (file, begun) = (file(b"data"), Instant::now());
            (read(&context, &file, 4).await, begun.elapsed())
        });
        let expected = (failures + 1).min(u64::from(attempts));
        prop_assert_eq!(faulty.operations(), expected);
        prop_assert_eq!(result.is_ok(), failures < u64::from(attempts));
        // 60, 120, 240, 240, ... seconds, of which jitter takes up to a half.
        let longest: u64 = (0..expected - 1).map(|number| 60 << number.min(2)).sum();
        let shortest = if jitter { longest / 2 } else { longest };
        let seconds = elapsed.as_secs_f64();
        prop_assert!(seconds >= shortest as f64 && seconds <= longest as f64 + 0.1, "{seconds}");
    }
}

#[test]
fn lasting_errors_and_changes_are_not_repeated() {
    let plan = Plan::new(1)
        .fail_from(OpKind::Read, 0, Errno::EIO as i32)
        .fail_from(OpKind::Write, 0, Errno::EBUSY as i32)
        .fail_from(OpKind::Fsync, 0, Errno::EBUSY as i32);
    let (faulty, builder) = faulty(plan);
    let context = builder.layer(Arc::new(Retry::new().attempts(100))).build().unwrap();
    futures_executor::block_on(async {
        let file = file(b"data");
        assert_eq!(read(&context, &file, 4).await.unwrap_err().raw_os_error(), Some(5));
        assert_eq!(faulty.operations(), 1);
        let (written, _) = context.write(&file, Buffer::from(&b"x"[..]), 0..1, 0).await;
        assert!(written.unwrap_err().is_transient());
        assert_eq!(faulty.operations(), 2);
        assert!(context.sync(&file, false).await.unwrap_err().is_transient());
        assert_eq!(faulty.operations(), 3);
    });
}

/// Without a runtime, the pauses go by the system's clock.
#[test]
fn retries_need_no_runtime() {
    let plan = Plan::new(1).fail_once(OpKind::Read, 0, Errno::EBUSY as i32);
    let (_, builder) = faulty(plan);
    let pause = Duration::from_millis(5);
    let retry = Retry::new().pause(pause).jitter(false);
    let context = builder.layer(Arc::new(retry)).build().unwrap();
    let begun = std::time::Instant::now();
    let file = file(b"data");
    assert_eq!(futures_executor::block_on(read(&context, &file, 4)).unwrap(), 4);
    assert!(begun.elapsed() >= pause);
}

/// Faults of a layer meet what is done in place, too, and look like the system's.
#[test]
fn faults_around_the_operations_are_repeated_and_counted() {
    let busy = Errno::EBUSY as i32;
    let plan = Plan::new(1)
        .fail_once(OpKind::Read, 0, busy)
        .fail_once(OpKind::Read, 1, busy)
        .fail_once(OpKind::Write, 0, busy)
        .delay(Duration::from_secs(1)..Duration::from_secs(2));
    let (faults, metrics) = (Arc::new(FaultLayer::new(plan)), Arc::new(OpMetrics::new()));
    let minute = Duration::from_secs(60);
    let retry = Retry::new().pause(minute).pause_max(minute * 10).jitter(false);
    let builder = aiofile::context().layer(faults.clone()).layer(metrics.clone());
    let context = builder.layer(Arc::new(retry)).build().unwrap();
    paused().block_on(async {
        let (file, begun) = (file(b"data"), Instant::now());
        assert_eq!(read(&context, &file, 4).await.unwrap(), 4);
        // Three delays and pauses of one and two minutes.
        let seconds = begun.elapsed().as_secs_f64();
        assert!((183.0..186.1).contains(&seconds), "{seconds}");
        let (written, _) = context.write(&file, Buffer::from(&b"x"[..]), 0..1, 0).await;
        assert!(written.unwrap_err().is_transient());
    });
    assert_eq!(faults.operations(), 4);
    let failed =
        metrics.summaries().iter().map(|one| one.errors.values().sum::<u64>()).sum::<u64>();
    assert_eq!(failed, 3);
}

/// No pause is too long and no number of attempts too large: the one never ends, the other is
/// never reached.
#[test]
fn the_largest_values_wait_and_go_on_and_panic_nowhere() {
    let busy = Errno::EBUSY as i32;
    for jitter in [false, true] {
        for pause_max in [Duration::ZERO, Duration::MAX] {
            let (backend, builder) = faulty(Plan::new(1).fail_once(OpKind::Read, 0, busy));
            let retry = Retry::new().attempts(u32::MAX).pause(Duration::MAX).pause_max(pause_max);
            let context = builder.layer(Arc::new(retry.jitter(jitter))).build().unwrap();
            let file = file(b"data");
            let mut read = Box::pin(read(&context, &file, 4));
            while backend.operations() == 0 || context.in_flight().0 > 0 {
                assert!((&mut read).now_or_never().is_none());
                std::thread::yield_now();
            }
            assert!((&mut read).now_or_never().is_none(), "it waits");
            assert_eq!(backend.operations(), 1);
        }
        let many = 2000;
        let plan =
            (0..many).fold(Plan::new(1), |plan, number| plan.fail_once(OpKind::Read, number, busy));
        let (backend, builder) = faulty(plan);
        let retry = Retry::new().attempts(u32::MAX).pause(Duration::ZERO).jitter(jitter);
        let context = builder.layer(Arc::new(retry)).build().unwrap();
        let file = file(b"data");
        assert_eq!(futures_executor::block_on(read(&context, &file, 4)).unwrap(), 4);
        assert_eq!(backend.operations(), many + 1);
    }
}
