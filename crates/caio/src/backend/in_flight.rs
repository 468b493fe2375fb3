//! The requests that the kernel holds, by index and generation.
//!
//! The kernel gives back the number that came with a request. Were that an address, a completion
//! that comes twice, late or from a confused device would free memory that is in use again. Here
//! it is the index of a place and the generation of its tenant: an answer for a former tenant
//! finds nobody, is ignored, and is counted.
//!
//! It is no queue: places are used again in no order.

use crate::request::Token;

/// A fixed number of places for values, each found by the token it was put in under.
///
/// All memory is allocated when it is made.
#[derive(Debug)]
pub(crate) struct InFlight<T> {
    places: Vec<Place<T>>,
    /// Places without a tenant, the one left last on top.
    free: Vec<u32>,
    /// What the highest bits of each token are: which of several such stores it belongs to.
    tag: u8,
    stale: u64,
}

#[derive(Debug)]
struct Place<T> {
    generation: u32,
    tenant: Option<T>,
}

/// A token from the highest bit down: 8 bits tag, 32 bits generation, 24 bits index.
const INDEX_BITS: u32 = 24;
const TAG_SHIFT: u32 = 56;

/// The most places of one store, in the index bits of a token.
const PLACES_MAX: usize = 1 << INDEX_BITS;

impl<T> InFlight<T> {
    /// A store of `places` places, at most 2^24.
    pub(crate) fn with_capacity(places: usize) -> Self {
        Self::tagged(places, 0)
    }

    /// A store of `places` places whose tokens can be told from those of other stores by `tag`.
    pub(crate) fn tagged(places: usize, tag: u8) -> Self {
        let places = places.min(PLACES_MAX);
        Self {
            places: (0..places).map(|_| Place { generation: 1, tenant: None }).collect(),
            free: (0..places).rev().filter_map(|index| u32::try_from(index).ok()).collect(),
            tag,
            stale: 0,
        }
    }

    /// The tag of the store that a token belongs to.
    pub(crate) fn tag_of(token: Token) -> u8 {
        token.0.to_be_bytes()[0]
    }

    /// Gives a value a place; `None` where there is no free one, and then the value is dropped,
    /// so whoever cannot afford that asks [`is_full`](Self::is_full) first.
    pub(crate) fn insert(&mut self, value: T) -> Option<Token> {
        let index = self.free.pop()?;
        let place = &mut self.places[index as usize];
        place.tenant = Some(value);
        Some(token(self.tag, place.generation, index))
    }

    /// Takes the value out; `None`, and counted as stale, where the token names no present tenant.
    pub(crate) fn take(&mut self, token: Token) -> Option<T> {
        let Some(index) = self.index(token) else {
            self.stale += 1;
            return None;
        };
        let place = &mut self.places[index as usize];
        // Generation 0 is left out, so that a token is never 0: that stands for "none yet".
        place.generation = place.generation.checked_add(1).unwrap_or(1);
        self.free.push(index);
        place.tenant.take()
    }

    /// The value, where the token still names it.
    pub(crate) fn get(&self, token: Token) -> Option<&T> {
        let index = self.index(token)?;
        self.places[index as usize].tenant.as_ref()
    }

    /// The value, where the token still names it.
    pub(crate) fn get_mut(&mut self, token: Token) -> Option<&mut T> {
        let index = self.index(token)?;
        self.places[index as usize].tenant.as_mut()
    }

    /// Values present.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether no value is present.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no place is free.
    pub(crate) fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    /// The tokens of the values present.
    #[cfg(test)]
    pub(crate) fn tokens(&self) -> impl Iterator<Item = Token> {
        (0_u32..).zip(&self.places).filter_map(|(index, place)| {
            place.tenant.as_ref().map(|_| token(self.tag, place.generation, index))
        })
    }

    /// How many tokens came to [`take`](Self::take) that named nobody.
    pub(crate) fn stale(&self) -> u64 {
        self.stale
    }

    fn index(&self, Token(bits): Token) -> Option<u32> {
        let [tag, generation @ .., high, middle, low] = bits.to_be_bytes();
        let index = u32::from_be_bytes([0, high, middle, low]);
        let place = self.places.get(index as usize)?;
        let present = tag == self.tag
            && u32::from_be_bytes(generation) == place.generation
            && place.tenant.is_some();
        present.then_some(index)
    }
}

fn token(tag: u8, generation: u32, index: u32) -> Token {
    let generation = u64::from(generation) << INDEX_BITS;
    Token(u64::from(tag) << TAG_SHIFT | generation | u64::from(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_token_until_it_is_taken() {
        let mut store = InFlight::with_capacity(2);
        let (first, second) = (store.insert("first").unwrap(), store.insert("second").unwrap());
        assert!(store.is_full());
        assert_eq!(store.insert("third"), None);
        assert_eq!((store.get(first), store.len()), (Some(&"first"), 2));
        *store.get_mut(second).unwrap() = "changed";
        assert_eq!(store.take(second), Some("changed"));
        assert_eq!(store.take(first), Some("first"));
        assert!(store.is_empty());
        assert_eq!(store.stale(), 0);
    }

    #[test]
    fn a_token_of_a_former_tenant_is_ignored_and_counted() {
        let mut store = InFlight::with_capacity(1);
        let former = store.insert(1).unwrap();
        assert_eq!(store.take(former), Some(1));
        assert_eq!(store.take(former), None);
        let present = store.insert(2).unwrap();
        assert_ne!(former, present);
        assert_eq!(store.get(former), None);
        assert_eq!(store.take(former), None);
        assert_eq!(store.stale(), 2);
        assert_eq!(store.take(present), Some(2));
    }

    #[test]
    fn tokens_that_were_never_given_out_name_nobody() {
        let mut store = InFlight::tagged(4, 3);
        let token = store.insert(()).unwrap();
        assert_eq!(InFlight::<()>::tag_of(token), 3);
        for bits in [0, u64::MAX, token.0 + 1, token.0 ^ 1 << TAG_SHIFT, token.0 + (1 << 23)] {
            assert_eq!(store.get(Token(bits)), None, "{bits:#x}");
        }
        assert_eq!(store.get(token), Some(&()));
    }

    #[test]
    fn a_generation_that_ran_out_starts_again_and_never_at_zero() {
        let mut store = InFlight::with_capacity(1);
        store.places[0].generation = u32::MAX;
        let last = store.insert(()).unwrap();
        store.take(last).unwrap();
        let next = store.insert(()).unwrap();
        assert_ne!(next.0, 0);
        assert_eq!(store.get(last), None);
    }

    #[test]
    fn places_are_used_again_without_allocating() {
        let mut store = InFlight::with_capacity(8);
        let (places, free) = (store.places.capacity(), store.free.capacity());
        for round in 0..1000 {
            let tokens: Vec<_> = (0..8).filter_map(|_| store.insert(round)).collect();
            assert!(tokens.into_iter().all(|token| store.take(token) == Some(round)));
        }
        assert_eq!((store.places.capacity(), store.free.capacity()), (places, free));
        assert_eq!((store.len(), store.stale()), (0, 0));
    }
}
