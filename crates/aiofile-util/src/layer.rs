//! Layers around the operations of a context: how programs behave in production, without a change
//! where they read and write.
//!
//! | layer | what it does |
//! | --- | --- |
//! | [`OpMetrics`] | counts operations, bytes, errors and latencies |
//! | `Trace` (feature `tracing`) | has a span for each operation |
//! | [`Timeout`] | ends the wait for what takes too long |
//! | [`Retry`] | repeats what failed for a moment and changes nothing |
//! | [`Breaker`] | refuses what failed again and again, for a while |
//! | [`Rate`] | so many operations and bytes a second |
//! | [`Limit`] | so many reads and writes at once |
//!
//! Faults for tests are a layer of the crate `caio-testkit`, within all of these.
//!
//! Their order is that of this table, the first outermost, in whatever order they are added: so a
//! refusal of the breaker is counted and costs nothing of the rate, each attempt is measured and
//! admitted for itself, and what holds a place of the limit waits for nothing more. Layers of a
//! program's own stand before [`Rate`], unless their [`Stage`] says otherwise.
//!
//! A context without layers pays nothing for there being some. The first one makes the least
//! operation, a read of 4 KiB that is done in place, cost 1.1 µs of processor time instead of
//! 0.4 µs, whatever it does: each operation then has a future of its own and is described. What
//! [`OpMetrics`] does itself is less than 0.1 µs of that.
//!
//! They are added with [`ContextBuilder::layer`](caio::ContextBuilder::layer). A program that calls
//! [`Configured::install`] has those that its `caio.toml` describes, so that whoever runs it can
//! throttle its files without building it anew.
//!
//! ```
//! # #[tokio::main] async fn main() -> std::io::Result<()> {
//! use std::sync::Arc;
//! use std::time::Duration;
//! use aiofile::{fs, with_context};
//! use aiofile_util::layer::{Limit, OpMetrics, Retry, Timeout};
//!
//! let metrics = Arc::new(OpMetrics::new());
//! let context = aiofile::context()
//!     .layer(Arc::new(Limit::new().reads(16).writes(4)))
//!     .layer(Arc::new(Retry::new()))
//!     .layer(Arc::new(Timeout::new().reads(Duration::from_secs(30))))
//!     .layer(metrics.clone())
//!     .build()?;
//! // None of this shows where files are used.
//! with_context(&context, async { fs::read("/proc/version").await }).await?;
//! assert_eq!(metrics.summaries().iter().map(|one| one.count).sum::<u64>(), 1);
//! # Ok(()) }
//! ```

mod breaker;
mod configured;
mod limit;
mod metrics;
mod rate;
mod retry;
mod timeout;
#[cfg(feature = "tracing")]
mod trace;

pub use breaker::{Breaker, BreakerState};
pub use caio::{Admission, Ending, Layer, OpInfo, OpRoute, Priority, Stage, with_priority};
pub use configured::Configured;
pub use limit::Limit;
pub use metrics::{OpMetrics, Summary};
pub use rate::Rate;
pub use retry::Retry;
pub use timeout::Timeout;
#[cfg(feature = "tracing")]
pub use trace::Trace;
