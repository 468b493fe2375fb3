//! Which cells and which participants are wanted.

use crate::cell::Cell;
use crate::participant::Participant;

/// Words that pick cells or participants by name: a part of the name, `=` and the whole name, or
/// the whole name with `*` for anything and `?` for one letter.
///
/// Cells and participants are picked apart from each other: what no word fits is there whole.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    cells: Vec<String>,
    participants: Vec<String>,
}

impl Filter {
    /// Sorts the words by what they fit.
    ///
    /// # Errors
    /// For a word that fits nothing.
    pub fn new(words: &[String], cells: &[Cell], all: &[Participant]) -> Result<Self, String> {
        let mut filter = Self::default();
        for word in words {
            let fits_cell = cells.iter().any(|cell| fits(word, &cell.name));
            let fits_participant = all.iter().any(|one| fits(word, one.name));
            if !fits_cell && !fits_participant {
                return Err(format!("{word}: no cell and no participant is called so"));
            }
            filter.cells.extend(fits_cell.then(|| word.clone()));
            filter.participants.extend(fits_participant.then(|| word.clone()));
        }
        Ok(filter)
    }

    /// Whether this cell is wanted.
    pub fn wants_cell(&self, cell: &Cell) -> bool {
        self.cells.is_empty() || self.cells.iter().any(|word| fits(word, &cell.name))
    }

    /// Whether this participant is.
    pub fn wants(&self, participant: &Participant) -> bool {
        self.participants.is_empty()
            || self.participants.iter().any(|word| fits(word, participant.name))
    }
}

fn fits(word: &str, name: &str) -> bool {
    match word.strip_prefix('=') {
        Some(whole) => whole == name,
        None if word.contains(['*', '?']) => matches(word.as_bytes(), name.as_bytes()),
        None => name.contains(word),
    }
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) if matches(rest, name) => true,
        (Some((b'*', _)), Some((_, others))) => matches(pattern, others),
        (Some((b'?', rest)), Some((_, others))) => matches(rest, others),
        (Some((letter, rest)), Some((other, others))) => letter == other && matches(rest, others),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::participants;
    use crate::suite;

    fn picked(words: &[&str]) -> (usize, Vec<&'static str>) {
        let (cells, all) = (suite::disk(false), participants::all());
        let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
        let filter = Filter::new(&words, &cells, &all).unwrap();
        let names = all.iter().filter(|one| filter.wants(one)).map(|one| one.name).collect();
        (cells.iter().filter(|cell| filter.wants_cell(cell)).count(), names)
    }

    #[test]
    fn parts_and_patterns_pick_cells_and_participants() {
        let all = suite::disk(false).len();
        assert_eq!(picked(&["=uring"]), (all, vec!["uring"]));
        assert_eq!(picked(&["uring"]), (all, vec!["uring", "uring-alone"]));
        assert_eq!(picked(&["*-alone"]).1.len(), 3);
        assert_eq!(picked(&["lines", "pread"]), (1, vec!["pread"]));
        assert_eq!(picked(&["random-read-direct-4k-q?"]).0, 2);
        assert_eq!(picked(&[]).0, all);
    }

    #[test]
    fn a_word_that_fits_nothing_is_refused() {
        let words = ["glommio".to_owned()];
        let error = Filter::new(&words, &suite::disk(false), &participants::all()).unwrap_err();
        assert!(error.contains("glommio"), "{error}");
    }
}
