//! How large a pool of threads may grow, and how long it keeps what it does not need.

use std::time::Duration;

use crate::capability::Capability;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};

/// The longest prefix of a thread's name: Linux keeps 15 bytes, of which a number takes five.
const NAME_BYTES_MAX: usize = 10;

/// A name has room for a number below this, and no machine gains from more.
const THREADS_MAX: usize = 4096;

/// More queued requests than this are memory that only waits.
const QUEUE_MAX: usize = 1 << 20;

/// The bounds of a pool of threads.
///
/// ```
/// use caio::Backend;
/// use caio::backend::pool::{PoolOptions, ThreadPool};
///
/// let options = PoolOptions { queue_max: 64, name: "mine".into(), ..PoolOptions::default() };
/// let pool = ThreadPool::open(&options)?;
/// assert_eq!(pool.capability().requests_max, 64);
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolOptions {
    /// Threads that stay however long there is nothing to do. They, too, start only when there
    /// is something to do. 0 by default: an idle pool is no thread at all.
    pub threads_min: usize,
    /// The most threads, 1 to 4096, 32 by default. From five on, a file that does not answer leaves
    /// some of them to all others.
    pub threads_max: usize,
    /// Milliseconds without work after which a thread beyond `threads_min` ends.
    pub idle_timeout_ms: u64,
    /// The most requests that the pool is said to hold at once, 1 to 2^20:
    /// [`Capability::requests_max`].
    pub queue_max: usize,
    /// What the threads' names start with, at most 10 bytes; a number follows.
    pub name: String,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            threads_min: 0,
            threads_max: 32,
            idle_timeout_ms: 10_000,
            queue_max: 512,
            name: String::from("caio"),
        }
    }
}

impl From<&Config> for PoolOptions {
    fn from(config: &Config) -> Self {
        Self {
            threads_min: config.threads_min,
            threads_max: config.threads_max,
            idle_timeout_ms: config.threads_idle_timeout_ms,
            queue_max: config.max_requests,
            ..Self::default()
        }
    }
}

impl PoolOptions {
    /// Refuses what no pool can be built from.
    pub(crate) fn check(&self) -> Result<()> {
        within("threads_max", self.threads_max, THREADS_MAX)?;
        within("queue_max", self.queue_max, QUEUE_MAX)?;
        if self.threads_min > self.threads_max {
            let (min, max) = (self.threads_min, self.threads_max);
            return Err(invalid(format!("threads_min is {min}, above threads_max, {max}")));
        }
        if self.name.len() > NAME_BYTES_MAX || self.name.contains('\0') {
            let name = &self.name;
            return Err(invalid(format!("the thread name {name:?} is not usable"))
                .hint(format!("at most {NAME_BYTES_MAX} bytes, without NUL")));
        }
        Ok(())
    }

    /// What a pool of this size can do: everything, but not end a system call under way.
    pub(crate) fn capability(&self) -> Capability {
        Capability {
            features: vec![format!("at most {} threads", self.threads_max)],
            ..Capability::all(self.queue_max)
        }
    }

    pub(crate) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }
}

fn within(name: &str, value: usize, max: usize) -> Result<()> {
    if (1..=max).contains(&value) {
        return Ok(());
    }
    Err(invalid(format!("{name} is {value}")).hint(format!("from 1 to {max}")))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_zero_is_refused_by_name() {
        let refused = |options: PoolOptions| options.check().unwrap_err().to_string();
        let base = PoolOptions::default();
        assert_eq!(base.check().map_err(|error| error.to_string()), Ok(()));
        assert_eq!(
            refused(PoolOptions { threads_max: 0, ..base.clone() }),
            "threads_max is 0 (from 1 to 4096)"
        );
        assert!(refused(PoolOptions { queue_max: 0, ..base.clone() }).contains("queue_max is 0"));
        assert!(refused(PoolOptions { threads_min: 99, ..base.clone() }).contains("threads_min"));
        assert!(refused(PoolOptions { name: "x".repeat(11), ..base }).contains("xxxxxxxxxxx"));
    }
}
