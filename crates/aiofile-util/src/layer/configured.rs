//! The layers that a `caio.toml` describes.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use caio::{Config, Layer, Priority};

use super::{Breaker, Limit, OpMetrics, Rate, Retry, Timeout};

/// The layers of the sections `[limits]`, `[rates]`, `[retry]`, `[breaker]`, `[timeouts]` and
/// `[metrics]` of a `caio.toml`. What the file does not mention is not there.
///
/// One value stands for one set of layers: all contexts that are given it share its limits and its
/// counts, and the first of them says from which settings they are made. What stands in the file is
/// checked when it is read, with line and column, whether or not a program uses it.
///
/// ```standalone_crate
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use aiofile::fs;
/// use aiofile_util::layer::Configured;
/// # let directory = std::env::temp_dir().join(format!("layer-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// # let path = directory.join("caio.toml");
/// # std::fs::write(&path, "[rates]\noperations_per_second = 100\n[metrics]\nenabled = true")?;
/// # let config = caio::Config::from_toml(&std::fs::read_to_string(&path)?, &path)?;
///
/// // At the start of the program: now its files are as fast as its operator allows.
/// let configured = Configured::install();
/// # let also = configured.clone();
/// # let builder = aiofile::context().config(config);
/// # let context = builder.layers(move |config| also.layers(config)).build()?;
/// # aiofile::with_context(&context, async {
/// fs::read("/proc/version").await?;
/// # Ok::<_, std::io::Error>(()) }).await?;
/// if let Some(metrics) = configured.metrics() {
///     println!("{}", metrics.prometheus());
/// }
/// # assert_eq!(configured.metrics().unwrap().summaries()[0].count, 1);
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Configured {
    parts: Arc<OnceLock<Parts>>,
}

#[derive(Debug)]
struct Parts {
    metrics: Option<Arc<OpMetrics>>,
    timeout: Option<Timeout>,
    retry: Option<Retry>,
    breaker: Option<Arc<Breaker>>,
    rate: Option<Arc<Rate>>,
    limit: Option<Arc<Limit>>,
}

impl Configured {
    /// A set that is not made yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a new set around the default contexts that are made from now on: what `aiofile::fs` and
    /// every file that names no context use. It is for the start of a program.
    pub fn install() -> Self {
        let configured = Self::new();
        let shared = configured.clone();
        aiofile::set_default_context(move |builder| {
            let shared = shared.clone();
            builder.layers(move |config| shared.layers(config))
        });
        configured
    }

    /// The layers, for [`ContextBuilder::layers`](caio::ContextBuilder::layers). The first call
    /// makes them from these settings.
    ///
    /// ```
    /// use aiofile_util::layer::Configured;
    ///
    /// let configured = Configured::new();
    /// let set = configured.clone();
    /// let context = aiofile::context()
    ///     .configure(|config| config.limits.reads = Some(4))
    ///     .layers(move |config| set.layers(config))
    ///     .build()?;
    /// assert!(configured.limit().is_some() && configured.breaker().is_none());
    /// # drop(context);
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn layers(&self, config: &Config) -> Vec<Arc<dyn Layer>> {
        let parts = self.parts.get_or_init(|| Parts::new(config));
        let mut layers: Vec<Arc<dyn Layer>> = Vec::new();
        layers.extend(parts.metrics.clone().map(|layer| layer as _));
        layers.extend(parts.timeout.clone().map(|layer| Arc::new(layer) as _));
        layers.extend(parts.retry.clone().map(|layer| Arc::new(layer) as _));
        layers.extend(parts.breaker.clone().map(|layer| layer as _));
        layers.extend(parts.rate.clone().map(|layer| layer as _));
        layers.extend(parts.limit.clone().map(|layer| layer as _));
        layers
    }

    /// The counts, where the file asks for them and a context was made.
    #[must_use]
    pub fn metrics(&self) -> Option<&Arc<OpMetrics>> {
        self.parts.get()?.metrics.as_ref()
    }

    /// The breaker, where the file describes one and a context was made.
    #[must_use]
    pub fn breaker(&self) -> Option<&Arc<Breaker>> {
        self.parts.get()?.breaker.as_ref()
    }

    /// The limit, where the file describes one and a context was made.
    #[must_use]
    pub fn limit(&self) -> Option<&Arc<Limit>> {
        self.parts.get()?.limit.as_ref()
    }
}

impl Parts {
    fn new(config: &Config) -> Self {
        Self {
            metrics: config.metrics.enabled.unwrap_or(false).then(Arc::default),
            timeout: timeout(config),
            retry: retry(config),
            breaker: breaker(config).map(Arc::new),
            rate: rate(config).map(Arc::new),
            limit: limit(config).map(Arc::new),
        }
    }
}

fn timeout(config: &Config) -> Option<Timeout> {
    let settings = &config.timeouts;
    let after = |milliseconds: Option<u64>| milliseconds.map(Duration::from_millis);
    let steps: [Step<Timeout, Duration>; 4] = [
        (after(settings.reads_ms), Timeout::reads),
        (after(settings.writes_ms), Timeout::writes),
        (after(settings.syncs_ms), Timeout::syncs),
        (after(settings.others_ms), Timeout::others),
    ];
    built(Timeout::new(), steps)
}

fn retry(config: &Config) -> Option<Retry> {
    let settings = &config.retry;
    let mut retry = Retry::new().attempts(settings.attempts?);
    if let Some(pause) = settings.pause_ms {
        retry = retry.pause(Duration::from_millis(pause));
    }
    if let Some(pause) = settings.pause_max_ms {
        retry = retry.pause_max(Duration::from_millis(pause));
    }
    Some(retry.jitter(settings.jitter.unwrap_or(true)))
}

fn breaker(config: &Config) -> Option<Breaker> {
    let breaker = Breaker::new().failures(config.breaker.failures?);
    Some(match config.breaker.pause_ms {
        Some(pause) => breaker.pause(Duration::from_millis(pause)),
        None => breaker,
    })
}

fn rate(config: &Config) -> Option<Rate> {
    let settings = &config.rates;
    let steps: [Step<Rate, u64>; 4] = [
        (settings.operations_per_second, Rate::operations),
        (settings.operations_burst, Rate::operations_burst),
        (settings.bytes_per_second, Rate::bytes),
        (settings.bytes_burst, Rate::bytes_burst),
    ];
    built(Rate::new(), steps)
}

fn limit(config: &Config) -> Option<Limit> {
    let settings = &config.limits;
    let steps: [Step<Limit, usize>; 5] = [
        (settings.reads, Limit::reads),
        (settings.writes, Limit::writes),
        (settings.high_priority, |limit, most| limit.priority(Priority::High, most)),
        (settings.normal_priority, |limit, most| limit.priority(Priority::Normal, most)),
        (settings.low_priority, |limit, most| limit.priority(Priority::Low, most)),
    ];
    built(Limit::new(), steps)
}

/// A setting, and what it makes of a layer.
type Step<L, V> = (Option<V>, fn(L, V) -> L);

/// The layer with all that is set; `None` where nothing is.
fn built<L, V, const N: usize>(layer: L, steps: [Step<L, V>; N]) -> Option<L> {
    let mut is_set = false;
    let built = steps.into_iter().fold(layer, |layer, (value, step)| match value {
        Some(value) => {
            is_set = true;
            step(layer, value)
        }
        None => layer,
    });
    is_set.then_some(built)
}
