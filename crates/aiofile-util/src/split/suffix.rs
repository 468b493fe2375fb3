//! What the names of the pieces end in, as coreutils' split counts.

use std::iter;

/// What the suffixes are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Suffix {
    /// `aa`, `ab`, … `az`, `ba`, …
    #[default]
    Letters,
    /// `00`, `01`, …
    Numbers,
    /// `00`, `01`, … `0f`, `10`, …
    Hexadecimal,
}

/// How long suffixes are that may grow, at first.
const FIRST_LENGTH: usize = 2;

impl Suffix {
    fn alphabet(self) -> &'static [u8] {
        match self {
            Self::Letters => b"abcdefghijklmnopqrstuvwxyz",
            Self::Numbers => b"0123456789",
            Self::Hexadecimal => b"0123456789abcdef",
        }
    }

    /// How many suffixes of this length there are.
    pub(super) fn count(self, length: usize) -> u64 {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        (self.alphabet().len() as u64).saturating_pow(length)
    }

    /// How long suffixes have to be, if all are equally long, so that there are as many.
    pub(super) fn length_for(self, count: u64) -> usize {
        (FIRST_LENGTH..).find(|length| self.count(*length) >= count).unwrap_or(FIRST_LENGTH)
    }

    /// The suffixes in their order: all of this length, or without one as many as are wanted. Then
    /// they grow before their first letter would be the last one of the alphabet (`yz`, `zaaa`), so
    /// that their order is that of their bytes.
    pub(super) fn all(self, length: Option<usize>) -> impl Iterator<Item = String> + Send {
        let alphabet = self.alphabet();
        let last = alphabet.len() - 1;
        let mut digits = vec![0; length.unwrap_or(FIRST_LENGTH)];
        let mut grown = 0;
        let mut is_over = digits.is_empty();
        iter::from_fn(move || {
            if is_over {
                return None;
            }
            let letters = digits.iter().map(|digit: &usize| char::from(alphabet[*digit]));
            let suffix = iter::repeat_n(char::from(alphabet[last]), grown).chain(letters).collect();
            match digits.iter().rposition(|digit| *digit < last) {
                // The next one would begin with the last letter.
                Some(0) if length.is_none() && digits[0] + 1 == last => {
                    grown += 1;
                    digits = vec![0; digits.len() + 1];
                }
                Some(place) => {
                    digits[place] += 1;
                    digits[place + 1..].fill(0);
                }
                None => is_over = true,
            }
            Some(suffix)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_grow_in_the_order_of_their_bytes() {
        for kind in [Suffix::Letters, Suffix::Numbers, Suffix::Hexadecimal] {
            let all: Vec<_> = kind.all(None).take(100_000).collect();
            assert_eq!(all.len(), 100_000);
            assert!(all.is_sorted_by(|one, next| one < next), "{kind:?}");
        }
        let letters: Vec<_> = Suffix::Letters.all(None).take(652).collect();
        assert_eq!(letters[..2], ["aa", "ab"]);
        assert_eq!(letters[649..], ["yz", "zaaa", "zaab"]);
        assert_eq!(Suffix::Numbers.all(None).nth(90).as_deref(), Some("9000"));
    }

    #[test]
    fn a_length_is_an_end() {
        assert_eq!(Suffix::Numbers.all(Some(1)).last().as_deref(), Some("9"));
        assert_eq!(Suffix::Letters.all(Some(2)).count() as u64, Suffix::Letters.count(2));
        assert_eq!(Suffix::Hexadecimal.count(100), u64::MAX);
        assert_eq!(Suffix::Letters.all(Some(0)).next(), None);
    }
}
