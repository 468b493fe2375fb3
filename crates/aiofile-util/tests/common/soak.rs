//! A load for a while, after which the process uses no more than near its start.

use std::env;
use std::time::{Duration, Instant};

use caio_testkit::Usage;

/// For how long, in seconds. Unset, for two.
const SECONDS: &str = "CAIO_SOAK_SECONDS";

/// What the allocator may add to a warm process, in bytes, however long it runs.
const GROWN_BYTES_MAX: u64 = 48 << 20;

/// Has the load run until the time that it is given, once to warm up and once to be measured.
pub(crate) async fn stays_flat<F: Future<Output = ()>>(load: impl Fn(Instant) -> F) {
    let seconds = env::var(SECONDS).ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let time = Duration::from_secs(seconds);
    load(Instant::now() + time / 4).await;
    let warm = Usage::now().unwrap();
    load(Instant::now() + time).await;
    let now = Usage::now().unwrap();
    println!("{warm:?}, {now:?}");
    assert!(now.grown_bytes(warm) <= GROWN_BYTES_MAX, "{now:?} after {warm:?}");
    assert!(now.descriptors <= warm.descriptors + 8, "{now:?} after {warm:?}");
}
