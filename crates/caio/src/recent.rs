//! What is known of the few devices, mounts and the like that a process uses.

use std::sync::{PoisonError, RwLock};

/// More than a process uses at once are not worth remembering.
const MAX: usize = 64;

/// Values by their numbers, of which those that were added first are forgotten.
#[derive(Debug)]
pub(crate) struct Recent<T>(RwLock<Vec<(u64, T)>>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T: Clone> Recent<T> {
    pub(crate) fn get(&self, number: u64) -> Option<T> {
        find(&self.0.read().unwrap_or_else(PoisonError::into_inner), number)
    }

    /// The value of that number, made where it is not known.
    pub(crate) fn get_or_insert(&self, number: u64, make: impl FnOnce() -> T) -> T {
        if let Some(known) = self.get(number) {
            return known;
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        find(&all, number).unwrap_or_else(|| {
            if all.len() == MAX {
                all.remove(0);
            }
            let fresh = make();
            all.push((number, fresh.clone()));
            fresh
        })
    }
}

fn find<T: Clone>(all: &[(u64, T)], number: u64) -> Option<T> {
    all.iter().find(|(known, _)| *known == number).map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_forgotten_where_there_are_too_many() {
        let recent = Recent::default();
        for number in 0..MAX as u64 {
            assert_eq!(recent.get_or_insert(number, || 2 * number), 2 * number);
        }
        assert_eq!(recent.get_or_insert(0, || unreachable!("it is known")), 0);
        recent.get_or_insert(100, || 7);
        assert_eq!((recent.get(0), recent.get(1), recent.get(100)), (None, Some(2), Some(7)));
    }
}
