//! How long a thread of a pool that ran out of work stays awake.
//!
//! Where one request comes after the other, the next one is there within some 20 µs. A thread that
//! sleeps meanwhile has to be woken for it, which costs both sides more than the operation itself,
//! most of all on a virtual machine, where an idle processor is asleep in its host. One that stays
//! awake lets others run all the time: a processor that has anything else to do does that.
//!
//! Where the next request takes longer, staying awake for it is a waste. So each thread remembers
//! whether it found something lately.

use std::thread;
use std::time::{Duration, Instant};

/// How often it always lets others run and looks again. Where whoever waits for the answer runs on
/// this processor, that is enough.
const LOOKS: u32 = 8;

/// How long it goes on with that while it pays.
const LONG: Duration = Duration::from_micros(50);

/// So many long vigils in a row without a find, and for so many times after them it keeps none.
const VAIN_MAX: u32 = 4;
const REST: u32 = 256;

/// What one thread has found so far.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    /// Long vigils since the last find.
    vain: u32,
    /// Vigils that are still to be short.
    rest: u32,
}

impl Vigil {
    /// Stays awake until `found`, or until it is better to sleep. While `others` do so, too, that
    /// comes soon: one is enough.
    pub(super) fn keep(&mut self, others: usize, found: impl Fn() -> bool) {
        for _ in 0..LOOKS {
            if found() {
                return;
            }
            thread::yield_now();
        }
        if others > 0 {
            return;
        }
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        let since = Instant::now();
        loop {
            if found() {
                self.vain = 0;
                return;
            }
            if since.elapsed() > LONG {
                break;
            }
            thread::yield_now();
        }
        self.vain += 1;
        if self.vain == VAIN_MAX {
            *self = Self { vain: 0, rest: REST };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// How often a vigil looks for what comes at its n-th look.
    fn looks(vigil: &mut Vigil, until: u32) -> u32 {
        let looks = Cell::new(0);
        vigil.keep(0, || {
            looks.set(looks.get() + 1);
            looks.get() == until
        });
        looks.get()
    }

    #[test]
    fn it_ends_with_a_find() {
        let mut vigil = Vigil::default();
        for until in [1, 5, LOOKS + 1] {
            assert_eq!(looks(&mut vigil, until), until);
        }
    }

    #[test]
    fn what_was_in_vain_is_kept_short_for_a_while_and_tried_again() {
        let mut vigil = Vigil::default();
        for _ in 0..2 {
            for _ in 0..VAIN_MAX {
                let since = Instant::now();
                looks(&mut vigil, u32::MAX);
                assert!(since.elapsed() >= LONG);
            }
            for _ in 0..REST {
                assert_eq!(looks(&mut vigil, u32::MAX), LOOKS);
            }
        }
    }

    #[test]
    fn one_is_enough() {
        let mut vigil = Vigil::default();
        let looks = Cell::new(0);
        vigil.keep(1, || {
            looks.set(looks.get() + 1);
            false
        });
        assert_eq!((looks.get(), vigil.vain), (LOOKS, 0));
    }

    #[test]
    fn a_find_makes_up_for_what_was_in_vain() {
        let mut vigil = Vigil::default();
        for _ in 0..4 * VAIN_MAX {
            looks(&mut vigil, u32::MAX);
            assert_eq!(looks(&mut vigil, LOOKS + 1), LOOKS + 1);
        }
        assert_eq!(vigil.rest, 0);
    }
}
