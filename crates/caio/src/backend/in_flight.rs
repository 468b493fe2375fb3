//! The requests that the kernel holds, by index and generation.
//!
//! The kernel gives back the number that came with a request. Were that an address, a completion
//! that comes twice, late or from a confused device would free memory that is in use again. Here
//! it is the index of a place and the generation of what lies there: an answer for what was there
//! before finds nothing, is ignored, and is counted.

use std::io;

use crate::error::{Error, ErrorKind};
use crate::op::{Output, Vectors};
use crate::request::{Request, Token};

/// A request that the kernel has, and what was named to it beside the request's buffers: both stay
/// until it has answered.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) request: Request,
    pub(super) vectors: Vectors,
}

impl Held {
    /// Completes it with what the kernel says: bytes, or an errno below zero.
    #[allow(unsafe_code)]
    pub(super) fn complete(mut self, answer: i64) {
        let result = match usize::try_from(answer) {
            Ok(bytes) => {
                // SAFETY: the kernel was given the memory of this operation, and says that it has
                // moved so many bytes of it.
                unsafe { self.request.op_mut().moved(bytes) };
                Ok(Output::Bytes(bytes))
            }
            Err(_) => {
                Err(io::Error::from_raw_os_error(i32::try_from(-answer).unwrap_or(libc::EIO)))
            }
        };
        self.request.complete(result);
    }

    /// The kernel refuses a system call for good, and may still use what is here: all of it stays
    /// for ever, and the caller gets an error.
    pub(super) fn leak(self, call: &str, error: &io::Error) {
        let errno = io::Error::from_raw_os_error(error.raw_os_error().unwrap_or(libc::EIO));
        std::mem::forget(self.vectors);
        let message = format!("{call} was refused");
        self.request.leak(
            Error::new(ErrorKind::Backend, message)
                .caused_by(errno)
                .hint("a filter for system calls forbids it: choose `thread`"),
        );
    }
}

/// A fixed number of places for values, each found by the token it was put in under.
///
/// All memory is allocated when it is made.
#[derive(Debug)]
pub(crate) struct InFlight<T> {
    places: Vec<Place<T>>,
    /// Places without a value, the one emptied last on top.
    free: Vec<u32>,
    stale: u64,
}

#[derive(Debug)]
struct Place<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> InFlight<T> {
    /// A store of so many places.
    pub(crate) fn with_capacity(places: usize) -> Self {
        let places = u32::try_from(places).unwrap_or(u32::MAX);
        Self {
            places: (0..places).map(|_| Place { generation: 1, value: None }).collect(),
            free: (0..places).rev().collect(),
            stale: 0,
        }
    }

    /// Gives a value a place; gives it back where there is no free one.
    pub(crate) fn insert(&mut self, value: T) -> Result<Token, T> {
        let Some(index) = self.free.pop() else { return Err(value) };
        let place = &mut self.places[index as usize];
        place.value = Some(value);
        Ok(place.token(index))
    }

    /// Takes the value out; `None`, and counted as stale, where the token names none that is here.
    pub(crate) fn take(&mut self, token: Token) -> Option<T> {
        let Some(index) = self.index(token) else {
            self.stale += 1;
            return None;
        };
        let place = &mut self.places[index as usize];
        // Generation 0 is left out, so that a token is never 0: that stands for "none yet".
        place.generation = place.generation.checked_add(1).unwrap_or(1);
        self.free.push(index);
        place.value.take()
    }

    /// Takes all values out.
    pub(crate) fn drain(&mut self) -> Vec<T> {
        let here = (0..).zip(&self.places).filter(|(_, place)| place.value.is_some());
        let tokens: Vec<_> = here.map(|(index, place)| place.token(index)).collect();
        tokens.into_iter().filter_map(|token| self.take(token)).collect()
    }

    /// Values present.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether no value is present.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many tokens came to [`take`](Self::take) that named nothing.
    pub(crate) fn stale(&self) -> u64 {
        self.stale
    }

    fn index(&self, Token(bits): Token) -> Option<u32> {
        let (generation, index) = ((bits >> 32) as u32, bits as u32);
        let place = self.places.get(index as usize)?;
        (generation == place.generation && place.value.is_some()).then_some(index)
    }
}

impl<T> Place<T> {
    /// What names the value in this place, of that index.
    fn token(&self, index: u32) -> Token {
        Token(u64::from(self.generation) << 32 | u64::from(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_token_until_it_is_taken() {
        let mut store = InFlight::with_capacity(2);
        let (first, second) = (store.insert('a').unwrap(), store.insert('b').unwrap());
        assert_eq!((store.insert('c'), store.len()), (Err('c'), 2));
        assert!(!store.is_empty());
        assert_eq!((store.take(first), store.take(second)), (Some('a'), Some('b')));
        assert!(store.is_empty());
    }

    #[test]
    fn an_answer_that_comes_twice_or_for_nothing_is_ignored_and_counted() {
        let mut store = InFlight::with_capacity(1);
        let first = store.insert('a').unwrap();
        assert_eq!(store.take(first), Some('a'));
        let second = store.insert('b').unwrap();
        assert_ne!(first, second);
        assert_eq!(
            (store.take(first), store.take(Token(0)), store.take(Token(7))),
            (None, None, None)
        );
        assert_eq!((store.stale(), store.take(second)), (3, Some('b')));
    }

    #[test]
    fn generations_begin_anew_after_the_last_one_and_never_at_0() {
        let mut store = InFlight::with_capacity(1);
        store.places[0].generation = u32::MAX;
        let last = store.insert('a').unwrap();
        assert_eq!(store.take(last), Some('a'));
        assert_eq!(store.insert('b').unwrap(), Token(1 << 32));
    }
}
