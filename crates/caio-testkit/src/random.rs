//! A small generator of pseudo-random numbers: the same seed gives the same numbers for ever, on
//! every machine, which no general crate promises across its versions.

use std::ops::Range;

/// Pseudo-random numbers from a seed (SplitMix64). Not for secrets.
///
/// ```
/// use caio_testkit::Random;
///
/// let (mut one, mut other) = (Random::new(7), Random::new(7));
/// assert_eq!(one.below(100), other.below(100));
/// ```
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The generator of this seed.
    ///
    /// ```
    /// use caio_testkit::Random;
    ///
    /// assert_eq!(Random::new(7).bits(), Random::new(7).bits());
    /// assert_ne!(Random::new(7).bits(), Random::new(8).bits());
    /// ```
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    ///
    /// ```
    /// let mut random = caio_testkit::Random::new(7);
    /// assert_ne!(random.bits(), random.bits());
    /// ```
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `limit`; 0 where the limit is 0.
    ///
    /// ```
    /// let mut random = caio_testkit::Random::new(7);
    /// assert!((0..100).all(|_| random.below(6) < 6));
    /// assert_eq!(random.below(0), 0);
    /// ```
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = limit as u128;
        // The high half of the product is below the limit, and fits whatever the limit fitted.
        usize::try_from((u128::from(self.bits()) * limit) >> 64).unwrap_or(0)
    }

    /// A number in the range; its start where it is empty.
    ///
    /// ```
    /// let mut random = caio_testkit::Random::new(7);
    /// assert!((0..100).all(|_| (1..7).contains(&random.within(1..7))));
    /// ```
    pub fn within(&mut self, range: Range<usize>) -> usize {
        range.start + self.below(range.len())
    }

    /// True with this probability, from 0.0 to 1.0.
    ///
    /// ```
    /// let mut random = caio_testkit::Random::new(7);
    /// let heads = (0..1000).filter(|_| random.chance(0.5)).count();
    /// assert!((400..600).contains(&heads));
    /// ```
    pub fn chance(&mut self, probability: f64) -> bool {
        // 53 bits fill the mantissa of a double exactly.
        let fraction = (self.bits() >> 11) as f64 / (1u64 << 53) as f64;
        fraction < probability
    }

    /// Puts the items into a random order.
    ///
    /// ```
    /// let mut order: Vec<_> = (0..100).collect();
    /// caio_testkit::Random::new(7).shuffle(&mut order);
    /// assert!(!order.is_sorted());
    /// order.sort();
    /// assert!(order.into_iter().eq(0..100));
    /// ```
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Bytes that look like nothing in particular.
    ///
    /// ```
    /// let bytes = caio_testkit::Random::new(7).bytes(1000);
    /// assert_eq!(bytes.len(), 1000);
    /// assert_eq!(bytes, caio_testkit::Random::new(7).bytes(1000));
    /// ```
    #[must_use]
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::with_capacity(length.next_multiple_of(8));
        while bytes.len() < length {
            bytes.extend(self.bits().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_within_their_limits_and_certainties_hold() {
        let mut random = Random::new(1);
        assert!((0..1000).all(|_| random.below(3) < 3));
        assert!((0..1000).all(|_| random.within(5..7) >= 5));
        assert_eq!(random.below(0), 0);
        assert!((0..100).all(|_| random.chance(1.0) && !random.chance(0.0)));
        let mut items: Vec<_> = (0..100).collect();
        random.shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
