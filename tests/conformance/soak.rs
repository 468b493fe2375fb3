//! All cases over and over in one process, which must use no more at the end than at the start.

use std::env;
use std::time::{Duration, Instant};

use caio_testkit::Usage;

/// For how long, in seconds. Unset, all cases run once.
const SECONDS: &str = "CAIO_SOAK_SECONDS";

/// Rounds until everything is warm: thread-locals, the default context, the allocator's arenas.
const WARM_ROUNDS: u32 = 2;

/// What a measured round may add on top of a warm process, for the allocator's sake, in bytes. It
/// does not depend on the number of rounds, so what leaks in each of them shows in a long run.
const GROWN_BYTES_MAX: u64 = 48 << 20;

/// Runs rounds until one fails or the time is over, at least one after the warm ones. Tells
/// whether all succeeded, and says what each one left behind.
///
/// # Panics
/// Where descriptors, threads or memory have become more.
pub(crate) fn run(mut round: impl FnMut() -> bool, say: impl Fn(&str)) -> bool {
    let Some(seconds) = env::var(SECONDS).ok().and_then(|text| text.parse().ok()) else {
        return round();
    };
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut warm: Option<Usage> = None;
    for number in 1.. {
        if !round() {
            return false;
        }
        if let Some(warm) = warm {
            warm.assert_restored(Duration::from_secs(10));
        }
        let now = Usage::now().expect("procfs is there");
        say(&format!("round {number}: {now:?}"));
        if let Some(warm) = warm {
            let grown = now.grown_bytes(warm);
            assert!(grown <= GROWN_BYTES_MAX, "{grown} bytes more than {warm:?}");
        }
        if number == WARM_ROUNDS {
            warm = Some(now);
        }
        if number > WARM_ROUNDS && Instant::now() >= until {
            break;
        }
    }
    true
}
