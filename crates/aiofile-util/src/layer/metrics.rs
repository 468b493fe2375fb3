//! What operations do and how long they take, counted by kind and route.

#[cfg(feature = "metrics")]
mod facade;
mod prometheus;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caio::{Ending, ErrorKind, Layer, OpInfo, OpKind, OpRoute, Stage};
use hdrhistogram::Histogram;

/// Counts the operations of a context: how many, how many bytes, which errors, and how long they
/// took, for each name and route. Each attempt counts for itself. What was given up before it began
/// is not counted; what a layer refused is, with no route.
///
/// Latencies run from the admission by all layers to the end. They are kept to two digits, so that
/// percentiles are at most 1 % off, in some KiB for each name and route.
///
/// With the feature `metrics` they are also told to the recorder of the crate of that name, as
/// counters `aiofile_operations_total`, `aiofile_bytes_total` and `aiofile_errors_total`, and as a
/// histogram `aiofile_latency_seconds`, with the labels `operation`, `route` and `kind`.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use std::sync::Arc;
/// use aiofile::fs::Fs;
/// use aiofile_util::layer::OpMetrics;
///
/// let metrics = Arc::new(OpMetrics::new());
/// let context = aiofile::context().layer(metrics.clone()).build()?;
/// let version = Fs::new(&context).read("/proc/version").await?;
/// let summaries = metrics.summaries();
/// assert_eq!(summaries.iter().map(|one| one.bytes).sum::<u64>(), version.len() as u64);
/// println!("{}", summaries[0]);
/// assert!(metrics.prometheus().contains("aiofile_operations_total{"));
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct OpMetrics {
    series: Mutex<BTreeMap<Key, Series>>,
}

/// A day. What takes longer counts as that.
const LONGEST_NS: u64 = 86_400 * 1_000_000_000;

/// Kind, name and route.
type Key = (OpKind, &'static str, Option<OpRoute>);

#[derive(Debug, Clone)]
struct Series {
    bytes: u64,
    errors: BTreeMap<String, u64>,
    total: Duration,
    /// In nanoseconds.
    latencies: Histogram<u64>,
}

/// What was counted of operations of one name on one route.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// The kind of the operations.
    pub kind: OpKind,
    /// Their name: that of the kind or, of closures, of what they do.
    pub name: &'static str,
    /// Their route; `None` for those that were refused.
    pub route: Option<OpRoute>,
    /// How many have ended.
    pub count: u64,
    /// The bytes that they moved together.
    pub bytes: u64,
    /// How many failed, by the kind of the error.
    pub errors: BTreeMap<String, u64>,
    /// The shortest latency.
    pub min: Duration,
    /// The mean of the latencies.
    pub mean: Duration,
    /// The latency that half of them did not exceed.
    pub p50: Duration,
    /// The latency that 99 of 100 did not exceed.
    pub p99: Duration,
    /// The longest latency.
    pub max: Duration,
}

impl OpMetrics {
    /// Nothing was counted yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was counted so far, by name and route.
    #[must_use]
    pub fn summaries(&self) -> Vec<Summary> {
        self.lock().iter().map(|(key, series)| series.summary(*key)).collect()
    }

    /// The same as text in the exposition format of Prometheus: counters of operations, bytes and
    /// errors, and a summary of latencies in seconds.
    ///
    /// ```
    /// use aiofile_util::layer::OpMetrics;
    ///
    /// let text = OpMetrics::new().prometheus();
    /// assert!(text.contains("# TYPE aiofile_operations_total counter"));
    /// ```
    #[must_use]
    pub fn prometheus(&self) -> String {
        let series: Vec<_> = self.lock().iter().map(|(key, one)| (*key, one.clone())).collect();
        prometheus::text(&series)
    }

    /// Forgets what was counted.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Series>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layer for OpMetrics {
    fn stage(&self) -> Stage {
        Stage::Observe
    }

    fn finished(&self, op: &OpInfo, ending: &Ending<'_>) {
        let error = match ending.result {
            // It has not even begun.
            Err(error) if ending.route.is_none() && error.kind() == ErrorKind::Cancelled => return,
            Err(error) => Some(name_of(error)),
            Ok(_) => None,
        };
        #[cfg(feature = "metrics")]
        facade::tell(op.name(), ending, error.as_deref());
        let mut all = self.lock();
        let series = all.entry((op.kind(), op.name(), ending.route)).or_insert_with(Series::new);
        series.bytes += ending.result.unwrap_or(0);
        series.total += ending.duration;
        let nanoseconds = u64::try_from(ending.duration.as_nanos()).unwrap_or(u64::MAX);
        // What is recorded lies within what a histogram can grow to.
        let _ = series.latencies.record(nanoseconds.min(LONGEST_NS));
        if let Some(error) = error {
            *series.errors.entry(error).or_default() += 1;
        }
    }
}

/// The kind of an error in one word: std's where the system gave it.
fn name_of(error: &caio::Error) -> String {
    match error.kind() {
        ErrorKind::System => format!("{:?}", error.io_kind()),
        kind => format!("{kind:?}"),
    }
}

impl Series {
    fn new() -> Self {
        // Only more than five digits are refused.
        let latencies = Histogram::new(2).expect("two digits are possible");
        Self { bytes: 0, errors: BTreeMap::new(), total: Duration::ZERO, latencies }
    }

    fn summary(&self, (kind, name, route): Key) -> Summary {
        let at = |quantile| Duration::from_nanos(self.latencies.value_at_quantile(quantile));
        let count = self.latencies.len();
        Summary {
            kind,
            name,
            route,
            count,
            bytes: self.bytes,
            errors: self.errors.clone(),
            min: Duration::from_nanos(self.latencies.min()),
            mean: self.total.div_f64(count.max(1) as f64),
            p50: at(0.5),
            p99: at(0.99),
            max: Duration::from_nanos(self.latencies.max()),
        }
    }
}

/// The name of a route, also of none.
fn route_name(route: Option<OpRoute>) -> String {
    route.map_or_else(|| "refused".to_owned(), |route| route.to_string())
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed: u64 = self.errors.values().sum();
        write!(
            f,
            "{} ({}): {} operations, {} bytes, {failed} failed; min {:.1?}, mean {:.1?}, \
             p50 {:.1?}, p99 {:.1?}, max {:.1?}",
            self.name,
            route_name(self.route),
            self.count,
            self.bytes,
            self.min,
            self.mean,
            self.p50,
            self.p99,
            self.max,
        )
    }
}
