//! Every limit and every choice of a context, with its default, in one plain struct.
//!
//! A `caio.toml` and the builder of a context both fill it. It says nothing about where it came
//! from: that is the business of the selection.

mod layers;
mod parse;
mod validate;

use std::path::Path;
use std::thread::available_parallelism;

use nix::sys::resource::{Resource, getrlimit};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::select::Choice;

pub use layers::{
    BreakerConfig, LimitsConfig, MetricsConfig, RatesConfig, RetryConfig, TimeoutsConfig,
};

/// The limits and choices of a context.
///
/// ```
/// use caio::Config;
///
/// let mut config = Config::default();
/// config.max_requests = 64;
/// config.validate()?;
/// config.max_requests = 0;
/// assert!(config.validate().is_err());
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Which backend to use; `None` (the default) leaves it to `CAIO_IMPL`, then to `auto`.
    pub backend: Option<Choice>,
    /// The most operations in flight at once; further ones wait. Transfers and all other operations
    /// are counted apart, up to this many of each, so that neither waits for the other kind. Reads
    /// and writes of streams are not counted, since they may wait for ever. Default 512.
    pub max_requests: usize,
    /// The most bytes that the transfers in flight move together, 4096 or more; further ones wait,
    /// and a larger one goes alone. A file that is read whole counts as a MiB, a stream not at all.
    /// Default 256 MiB.
    pub max_bytes_in_flight: usize,
    /// The most files open at once. Opening more waits for files that are being opened or read
    /// whole; where all are open, so that only closing one would help, it is an error at once.
    /// Default: three quarters of the soft limit on descriptors (`ulimit -n`), or 32 fewer than it
    /// where that is less (half, of less than 64); at most 1,048,576.
    pub max_open_files: usize,
    /// The number of pool threads that stay when there is nothing to do. Default 0: an idle pool
    /// is no thread at all.
    pub threads_min: usize,
    /// The most pool threads. One starts when a request waits and no thread is without work.
    /// Default 32; fewer, down to 4, where the soft limit on descriptors is below 512, since the
    /// files of one call, such as both of a copy, are not among the `max_open_files`.
    pub threads_max: usize,
    /// How long a pool thread beyond `threads_min` waits for work before it ends, in
    /// milliseconds. Default 10,000.
    pub threads_idle_timeout_ms: u64,
    /// Whether a transfer that would not wait is done at once, on the caller's thread. Default
    /// true.
    pub in_place: bool,
    /// The largest read or write that is tried on the caller's thread with one system call, in
    /// bytes, 4096 or more. Default 1 MiB.
    pub in_place_bytes_max: usize,
    /// What does buffered writes. Default [`BufferedWrites::Auto`].
    pub buffered_writes: BufferedWrites,
    /// What waits for completions. Default [`Reactor::Auto`].
    pub reactor: Reactor,
    /// What concerns io_uring alone.
    pub uring: UringConfig,
    /// How many transfers there are at once. This and what follows is for layers: a context has
    /// those that its program has given it, see [`ContextBuilder::layers`](crate::ContextBuilder).
    pub limits: LimitsConfig,
    /// How many operations and bytes there are in a second.
    pub rates: RatesConfig,
    /// When what failed for a moment is tried again.
    pub retry: RetryConfig,
    /// When what fails again and again is refused.
    pub breaker: BreakerConfig,
    /// How long callers wait.
    pub timeouts: TimeoutsConfig,
    /// Whether operations are counted and timed.
    pub metrics: MetricsConfig,
}

/// What does the buffered writes that cannot be done without waiting.
///
/// ```
/// use caio::{BufferedWrites, Config};
///
/// assert_eq!(Config::default().buffered_writes, BufferedWrites::Auto);
/// let config = Config::from_toml("buffered_writes = 'pool'", "caio.toml".as_ref())?;
/// assert_eq!(config.buffered_writes, BufferedWrites::Pool);
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum BufferedWrites {
    /// The pool on file systems where the backend would be slower (ext4 under io_uring and
    /// kernel AIO), the backend elsewhere.
    #[default]
    Auto,
    /// The backend, always.
    Backend,
    /// The pool, always.
    Pool,
    /// The calling thread, on ext4, XFS and btrfs, as long as nothing says that a write would wait;
    /// else the pool. It saves the hop, which takes longer than the write.
    ///
    /// **What is risked**: a write to the page cache may wait all the same, for the journal, for a
    /// page that is just being written out, for a block of metadata, and with it every task of that
    /// thread. Measured on ext4, the worst of millions of writes waited for 2 ms on a calm
    /// machine and for 100 ms beside a neighbour that writes as fast as it can. How often is
    /// bounded: where the kernel has begun to write out what is dirty, where a part of a page would
    /// have to be read, and where another write to the file is under way, the pool is taken; and
    /// after each write that took longer than a millisecond the pool does all writes to that device
    /// for 10 ms, twice as long each time, up to ten seconds.
    #[serde(rename = "in_place")]
    InPlace,
}

/// What waits for the completions of a backend that announces them on a descriptor: a task of the
/// runtime, by its reactor, or a thread of the engine, which costs a wake-up more for each batch.
/// Where the runtime is not driven while an answer lies ready, the thread takes it within 50 ms.
///
/// ```
/// use caio::{Config, Reactor};
///
/// assert_eq!(Config::default().reactor, Reactor::Auto);
/// let config = Config::from_toml("reactor = 'never'", "caio.toml".as_ref())?;
/// assert_eq!(config.reactor, Reactor::Never);
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Reactor {
    /// The reactor, where the runtime says that it has one. A program that is built with
    /// `panic = "abort"` cannot ask tokio, and then the thread waits.
    #[default]
    Auto,
    /// The reactor. The program states that its runtimes have an I/O driver, as tokio's have after
    /// `enable_io` or `enable_all`; where one has none, tokio panics.
    Always,
    /// The thread.
    Never,
}

/// What concerns io_uring alone.
///
/// ```
/// use caio::Config;
///
/// let config = Config::from_toml("[uring]\nrings = 2\nentries = 64", "caio.toml".as_ref())?;
/// assert_eq!((config.uring.rings, config.uring.entries), (2, 64));
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct UringConfig {
    /// The most rings; each is set up when the first thread needs it. Default: the number of
    /// CPUs, at most 16.
    pub rings: usize,
    /// The submission entries of each ring, 1 to 4096, rounded up to a power of two. Default
    /// 128.
    pub entries: u32,
    /// Whether kernel threads poll the submission queues, and after how many idle milliseconds
    /// they sleep, 1 to 60,000. Each takes a CPU until then. Default: none.
    pub sqpoll_idle_ms: Option<u32>,
    /// The most kernel threads that serve what cannot be done without blocking; 0 leaves it to
    /// the kernel. Default: twice the number of CPUs, at least 4 and at most 32.
    pub kernel_workers_max: u32,
}

impl Config {
    /// Reads a `caio.toml`. What the text does not mention keeps its default; `path` is for the
    /// error texts.
    ///
    /// ```
    /// let config = caio::Config::from_toml("max_requests = 64", "/etc/caio/caio.toml".as_ref())?;
    /// assert_eq!(config.max_requests, 64);
    ///
    /// let error = caio::Config::from_toml("max_requests = 0", "/etc/caio/caio.toml".as_ref());
    /// assert_eq!(
    ///     error.unwrap_err().to_string(),
    ///     "/etc/caio/caio.toml: line 1, column 16: max_requests is 0; it must be at least 1"
    /// );
    /// # Ok::<(), caio::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), with file, line and column, for text that
    /// is not TOML, an unknown key, and a value that cannot be right.
    pub fn from_toml(text: &str, path: &Path) -> Result<Self> {
        parse::parse(text).map_err(|error| error.on(path))
    }

    /// Reads the settings from a file, whatever its name: under the rules for all files of
    /// settings, so that it is a regular file of at most 1 MiB that only root and the user of this
    /// process can have written. `/dev/null` stands for the defaults. Blocks.
    ///
    /// ```
    /// let error = caio::Config::from_file("/etc".as_ref()).unwrap_err();
    /// assert_eq!(error.to_string(), "read /etc: it is a directory, not a regular file");
    /// # Ok::<(), caio::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`from_toml`](Self::from_toml); for a file that breaks these rules; what the system
    /// answers.
    pub fn from_file(path: &Path) -> Result<Self> {
        Self::from_toml(&crate::select::read_settings(path)?, path)
    }

    /// Checks that the limits make sense, alone and together. Opening a context does it too.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), naming the field, the value and what
    /// would be valid.
    ///
    /// ```
    /// let mut config = caio::Config::default();
    /// config.validate()?;
    /// (config.threads_min, config.threads_max) = (9, 8);
    /// assert!(config.validate().unwrap_err().to_string().contains("threads_min"));
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn validate(&self) -> Result<()> {
        validate::check(self).map_err(|fault| Error::new(ErrorKind::Config, fault.message))
    }
}

impl Default for Config {
    fn default() -> Self {
        let descriptors = descriptors_soft();
        Self {
            backend: None,
            max_requests: 512,
            max_bytes_in_flight: 256 << 20,
            max_open_files: open_files(descriptors),
            threads_min: 0,
            threads_max: threads(descriptors),
            threads_idle_timeout_ms: 10_000,
            in_place: true,
            in_place_bytes_max: 1 << 20,
            buffered_writes: BufferedWrites::Auto,
            reactor: Reactor::Auto,
            uring: UringConfig::default(),
            limits: LimitsConfig::default(),
            rates: RatesConfig::default(),
            retry: RetryConfig::default(),
            breaker: BreakerConfig::default(),
            timeouts: TimeoutsConfig::default(),
            metrics: MetricsConfig::default(),
        }
    }
}

impl Default for UringConfig {
    fn default() -> Self {
        Self {
            rings: cpus().min(16),
            entries: 128,
            sqpoll_idle_ms: None,
            kernel_workers_max: u32::try_from(workers()).expect("at most 32"),
        }
    }
}

/// The soft limit on open descriptors; `u64::MAX` (`RLIM_INFINITY`) where there is none. What
/// cannot be asked is taken as the smallest limit that POSIX lets a system have.
fn descriptors_soft() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(20, |(soft, _hard)| bounded(soft))
}

/// The type of a limit is signed on some systems.
fn bounded(limit: impl TryInto<u64>) -> u64 {
    limit.try_into().unwrap_or(u64::MAX)
}

/// Three quarters of the soft limit: the rest is for the program's sockets and libraries, for the
/// engine's own, and for the files of calls that open and close them.
fn open_files(soft: u64) -> usize {
    const MOST: u64 = 1 << 20;
    let rest = (soft / 4).max(32).min(soft / 2);
    let share = (soft - rest).clamp(1, MOST);
    usize::try_from(share).expect("at most 1 << 20")
}

/// One for each sixteen descriptors.
fn threads(soft: u64) -> usize {
    usize::try_from((soft / 16).clamp(4, 32)).expect("at most 32")
}

fn workers() -> usize {
    (2 * cpus()).clamp(4, 32)
}

fn cpus() -> usize {
    available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_depends_on_descriptors_copes_with_no_limit_and_with_none_left() {
        assert_eq!(open_files(1024), 768);
        assert_eq!(open_files(64), 32);
        assert_eq!(open_files(u64::MAX), 1 << 20);
        assert_eq!(open_files(0), 1);
        assert_eq!(open_files(1), 1);
        assert_eq!([0, 64, 128, 1024, u64::MAX].map(threads), [4, 4, 8, 32, 32]);
    }

    #[test]
    fn the_defaults_are_valid() {
        Config::default().validate().unwrap();
    }
}
