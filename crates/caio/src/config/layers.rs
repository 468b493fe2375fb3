//! What concerns layers: limits, rates and the like, which a program may heed.

use serde::{Deserialize, Serialize};

/// How many transfers there are at once.
///
/// ```
/// let config = caio::Config::from_toml("[limits]\nreads = 8", "caio.toml".as_ref())?;
/// assert_eq!((config.limits.reads, config.limits.writes), (Some(8), None));
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitsConfig {
    /// The most reads, whole files among them.
    pub reads: Option<usize>,
    /// The most writes.
    pub writes: Option<usize>,
    /// Of the reads, and of the writes, the most of [`Priority::High`](crate::Priority::High).
    pub high_priority: Option<usize>,
    /// The same of [`Priority::Normal`](crate::Priority::Normal).
    pub normal_priority: Option<usize>,
    /// The same of [`Priority::Low`](crate::Priority::Low).
    pub low_priority: Option<usize>,
}

/// How many operations and bytes there are in a second.
///
/// ```
/// let error = caio::Config::from_toml("[rates]\nbytes_burst = 8", "caio.toml".as_ref());
/// assert_eq!(
///     error.unwrap_err().to_string(),
///     "caio.toml: line 2, column 15: rates.bytes_burst means nothing without \
///      rates.bytes_per_second"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RatesConfig {
    /// The most reads and writes in a second.
    pub operations_per_second: Option<u64>,
    /// How many of them may come at once after a rest. Default: a tenth of a second's.
    pub operations_burst: Option<u64>,
    /// The most bytes read and written in a second.
    pub bytes_per_second: Option<u64>,
    /// How many of them may come at once after a rest. Default: a tenth of a second's.
    pub bytes_burst: Option<u64>,
}

/// When what failed for a moment is tried again.
///
/// ```
/// let config = caio::Config::from_toml("[retry]\nattempts = 5", "caio.toml".as_ref())?;
/// assert_eq!(config.retry.attempts, Some(5));
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryConfig {
    /// The most attempts in all, 1 to 100.
    pub attempts: Option<u32>,
    /// The pause after the first, in milliseconds; each further one is twice as long. Default 10.
    pub pause_ms: Option<u64>,
    /// The longest pause, in milliseconds. Default 1000.
    pub pause_max_ms: Option<u64>,
    /// Whether pauses are cut by a random part. Default true.
    pub jitter: Option<bool>,
}

/// When what fails again and again is refused.
///
/// ```
/// let config = caio::Config::from_toml("[breaker]\nfailures = 5", "caio.toml".as_ref())?;
/// assert_eq!(config.breaker.failures, Some(5));
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BreakerConfig {
    /// After so many failures in a row.
    pub failures: Option<u32>,
    /// For so many milliseconds. Default 5000.
    pub pause_ms: Option<u64>,
}

/// How long callers wait for an operation, in milliseconds.
///
/// ```
/// let config = caio::Config::from_toml("[timeouts]\nreads_ms = 500", "caio.toml".as_ref())?;
/// assert_eq!(config.timeouts.reads_ms, Some(500));
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TimeoutsConfig {
    /// For a read and a whole file.
    pub reads_ms: Option<u64>,
    /// For a write.
    pub writes_ms: Option<u64>,
    /// For a sync.
    pub syncs_ms: Option<u64>,
    /// For everything else but closing.
    pub others_ms: Option<u64>,
}

/// Whether operations are counted and timed.
///
/// ```
/// let config = caio::Config::from_toml("[metrics]\nenabled = true", "caio.toml".as_ref())?;
/// assert_eq!(config.metrics.enabled, Some(true));
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MetricsConfig {
    /// Whether they are. Default false.
    pub enabled: Option<bool>,
}
