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

#[test]
fn closures_are_counted_by_their_names_with_their_errors() {
    let metrics = Arc::new(OpMetrics::new());
    let context = aiofile::context().layer(metrics.clone()).build().unwrap();
    futures_executor::block_on(async {
        let fs = aiofile::fs::Fs::new(&context);
        fs.rename("/none", "/none either").await.unwrap_err();
        context.run("six", || Ok(6)).await.unwrap();
    });
    let summaries = metrics.summaries();
    let names: BTreeMap<_, _> = summaries.iter().map(|one| (one.name, &one.errors)).collect();
    assert_eq!(names["rename"], &BTreeMap::from([("NotFound".to_owned(), 1)]));
    assert!(names["six"].is_empty());
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

#[cfg(feature = "metrics")]
mod facade {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicU64;

    use super::*;
    use ::metrics::{
        Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    };

    /// Keeps counters by their names and labels.
    #[derive(Default)]
    struct Kept(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

    impl Recorder for Kept {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            let labels: Vec<_> = key.labels().map(|label| label.value().to_owned()).collect();
            let name = format!("{} {}", key.name(), labels.join(" "));
            Counter::from_arc(Arc::clone(self.0.lock().unwrap().entry(name).or_default()))
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn the_recorder_of_the_program_is_told() {
        let faults = caio_testkit::FaultLayer::new(Plan::new(1).fail_once(
            OpKind::Read,
            1,
            Errno::EIO as i32,
        ));
        let builder = aiofile::context().layer(Arc::new(faults));
        let context = builder.layer(Arc::new(OpMetrics::new())).build().unwrap();
        let kept = Kept::default();
        // What is refused ends on the calling thread, as does what is done in place.
        ::metrics::with_local_recorder(&kept, || {
            futures_executor::block_on(async {
                let file = file(b"data");
                assert_eq!(read(&context, &file, 4).await.unwrap(), 4);
                read(&context, &file, 4).await.unwrap_err();
            });
        });
        let kept = kept.0.into_inner().unwrap();
        let count =
            |name: &str| kept.get(name).map(|one| one.load(std::sync::atomic::Ordering::SeqCst));
        assert_eq!(count("aiofile_operations_total read refused"), Some(1));
        assert_eq!(count("aiofile_errors_total read refused Uncategorized"), Some(1));
        let in_place = count("aiofile_bytes_total read in place");
        assert_eq!(in_place, (context.metrics().in_place > 0).then_some(4));
    }
}
