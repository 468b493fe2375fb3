//! `--only`: which cells and which participants are wanted.

use super::cell::Cell;
use super::participant::Participant;

/// Words that pick cells or participants by name: a part of the name, or the whole name with `*`
/// for anything and `?` for one letter.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    cells: Vec<String>,
    participants: Vec<String>,
}

impl Filter {
    /// Sorts the words by what they fit. A word that is the whole name of a participant picks
    /// that one alone, so that `uring` does not pick `uring-alone` as well.
    ///
    /// # Errors
    /// For a word that fits nothing.
    pub(super) fn new(words: &[String], cells: &[Cell]) -> Result<Self, String> {
        let mut filter = Self::default();
        for word in words {
            let fits_cell = cells.iter().any(|cell| fits(word, &cell.name()));
            let fits_participant = Participant::all().any(|one| picks(word, one));
            if !fits_cell && !fits_participant {
                return Err(format!("--only {word}: no cell and no participant is called so"));
            }
            filter.cells.extend(fits_cell.then(|| word.clone()));
            filter.participants.extend(fits_participant.then(|| word.clone()));
        }
        Ok(filter)
    }

    /// Whether this cell is wanted.
    pub(super) fn wants_cell(&self, cell: &Cell) -> bool {
        self.cells.is_empty() || self.cells.iter().any(|word| fits(word, &cell.name()))
    }

    /// Whether this participant is.
    pub(super) fn wants(&self, participant: Participant) -> bool {
        self.participants.is_empty()
            || self.participants.iter().any(|word| picks(word, participant))
    }
}

fn picks(word: &str, participant: Participant) -> bool {
    let name = participant.to_string();
    match Participant::all().any(|one| one.to_string() == word) {
        true => name == word,
        false => fits(word, &name),
    }
}

fn fits(word: &str, name: &str) -> bool {
    if word.contains(['*', '?']) {
        matches(word.as_bytes(), name.as_bytes())
    } else {
        name.contains(word)
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
    use crate::commands::bench::cell;

    fn picked(words: &[&str]) -> (usize, Vec<String>) {
        let cells = cell::all(false);
        let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
        let filter = Filter::new(&words, &cells).unwrap();
        let names = Participant::all().filter(|one| filter.wants(*one)).map(String::from).collect();
        (cells.iter().filter(|cell| filter.wants_cell(cell)).count(), names)
    }

    #[test]
    fn parts_and_patterns_pick_cells_and_participants() {
        let all = cell::all(false).len();
        assert_eq!(picked(&["uring"]), (all, vec!["uring".to_owned()]));
        assert_eq!(picked(&["*-alone"]).1.len(), 4);
        assert_eq!(picked(&["lines", "pread"]), (1, vec!["pread".to_owned()]));
        assert_eq!(picked(&["random-read-direct-4k-q?"]).0, 2);
        assert_eq!(picked(&[]).0, all);
    }

    #[test]
    fn a_word_that_fits_nothing_is_refused() {
        let error = Filter::new(&["glommio".to_owned()], &cell::all(false)).unwrap_err();
        assert!(error.contains("glommio"), "{error}");
    }
}
