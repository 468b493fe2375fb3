//! Counts and latencies, against what was done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aiofile_util::layer::{Breaker, OpMetrics, Retry};
use caio::{Admission, Buffer, Layer, OpInfo, OpKind, OpRoute, Stage};
use caio_testkit::Plan;
use nix::errno::Errno;
use proptest::prelude::*;

use crate::support::{faulty, file, paused, read};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_operation_is_counted_once(
        lengths in prop::collection::vec((any::<bool>(), 1_usize..200), 1..60),
    ) {
        let metrics = Arc::new(OpMetrics::new());
        let context = aiofile::context().layer(metrics.clone()).in_place(false).build().unwrap();
        let mut expected: BTreeMap<OpKind, (u64, u64)> = BTreeMap::new();
        futures_executor::block_on(async {
            let file = file(&[7; 256]);
            for (is_write, length) in lengths {
                let kind = if is_write {
                    let buffer = Buffer::from(vec![7; length]);
                    assert_eq!(context.write(&file, buffer, 0..length, 0).await.0.unwrap(), length);
                    OpKind::Write
                } else {
                    assert_eq!(read(&context, &file, length).await.unwrap(), length);
                    OpKind::Read
                };
                let (count, bytes) = expected.entry(kind).or_default();
                (*count, *bytes) = (*count + 1, *bytes + length as u64);
            }
        });
        let mut counted: BTreeMap<OpKind, (u64, u64)> = BTreeMap::new();
        for one in metrics.summaries() {
            let (count, bytes) = counted.entry(one.kind).or_default();
            (*count, *bytes) = (*count + one.count, *bytes + one.bytes);
            prop_assert!(one.errors.is_empty() && one.route.is_some());
            prop_assert!(one.min <= one.p50 && one.p50 <= one.p99 && one.p99 <= one.max);
            prop_assert!(one.max > Duration::ZERO && one.mean <= one.max.mul_f64(1.01));
        }
        prop_assert_eq!(counted, expected);
    }
}

#[test]
fn errors_are_counted_by_kind_and_refusals_have_no_route() {
    let plan = Plan::new(1).fail_once(OpKind::Read, 0, Errno::EBUSY as i32).fail_from(
        OpKind::Read,
        2,
        Errno::EIO as i32,
    );
    let (_, builder) = faulty(plan);
    let metrics = Arc::new(OpMetrics::new());
    let breaker = Breaker::new().failures(2);
    let layers: [Arc<dyn Layer>; 3] =
        [Arc::new(breaker), metrics.clone(), Arc::new(Retry::new().pause(Duration::ZERO))];
    let builder = layers.into_iter().fold(builder, |builder, layer| builder.layer(layer));
    let context = builder.build().unwrap();
    futures_executor::block_on(async {
        let file = file(b"data");
        assert_eq!(read(&context, &file, 4).await.unwrap(), 4);
        for _ in 0..5 {
            read(&context, &file, 4).await.unwrap_err();
        }
    });
    let summaries = metrics.summaries();
    let [refused, made] = &summaries[..] else { panic!("{summaries:?}") };
    assert_eq!((refused.route, refused.count), (None, 3));
    assert_eq!(refused.errors, BTreeMap::from([("Refused".to_owned(), 3)]));
    assert_eq!((made.route, made.count, made.bytes), (Some(OpRoute::Backend), 4, 4));
    let errors = [("ResourceBusy".to_owned(), 1), ("Uncategorized".to_owned(), 2)];
    assert_eq!(made.errors, BTreeMap::from(errors));
    let text = metrics.prometheus();
    for line in [
        "# TYPE aiofile_operations_total counter",
        "aiofile_operations_total{operation=\"read\",route=\"refused\"} 3",
        "aiofile_operations_total{operation=\"read\",route=\"backend\"} 4",
        "aiofile_bytes_total{operation=\"read\",route=\"backend\"} 4",
        "aiofile_errors_total{operation=\"read\",route=\"backend\",kind=\"ResourceBusy\"} 1",
        "aiofile_latency_seconds_count{operation=\"read\",route=\"backend\"} 4",
    ] {
        assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
    }
    metrics.clear();
    assert!(metrics.summaries().is_empty());
}

/// Has operations take so long, by the clock of a test.
#[derive(Debug)]
struct Slow;

impl Layer for Slow {
    fn stage(&self) -> Stage {
        Stage::Rate
    }

    fn admit(&self, op: &OpInfo) -> Admission {
        let sleep = op.clock().sleep(Duration::from_secs(5));
        Admission::later(async { Ok(sleep.await?) })
    }
}

#[test]
fn the_wait_in_other_layers_is_no_latency() {
    let metrics = Arc::new(OpMetrics::new());
    let builder = aiofile::context().layer(metrics.clone()).layer(Arc::new(Slow));
    let context = builder.build().unwrap();
    paused().block_on(async {
        assert_eq!(read(&context, &file(b"data"), 4).await.unwrap(), 4);
    });
    assert_eq!(metrics.summaries()[0].max, Duration::ZERO, "the clock stood still");
}
