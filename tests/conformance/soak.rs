//! All cases over and over in one process, which must use no more at the end than at the start.

use std::collections::VecDeque;
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

/// Of so many rounds the least memory counts: an allocator gives a large block back to the system
/// after some rounds and not after others, while what leaks is there after each.
const RECENT_ROUNDS: usize = 8;

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
    let (mut warm, mut recent): (Option<Usage>, _) = (None, VecDeque::new());
    for number in 1.. {
        if !round() {
            return false;
        }
        if let Some(warm) = warm {
            warm.assert_restored(crate::support::HANGS);
        }
        let now = Usage::now().expect("procfs is there");
        say(&format!("round {number}: {now:?}"));
        if number == WARM_ROUNDS {
            warm = Some(now);
        }
        let Some(warm) = warm.filter(|_| number > WARM_ROUNDS) else { continue };
        recent.push_back(now.grown_bytes(warm));
        if recent.len() > RECENT_ROUNDS {
            recent.pop_front();
        }
        let is_over = Instant::now() >= until;
        if recent.len() == RECENT_ROUNDS || is_over {
            let least = recent.iter().min().copied().unwrap_or_default();
            assert!(least <= GROWN_BYTES_MAX, "{least} bytes more than {warm:?}");
        }
        if is_over {
            break;
        }
    }
    true
}
