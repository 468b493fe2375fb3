//! What a file is meant to hold, and what of it would survive a loss of power.

use crate::random::Random;

/// A file as plain bytes, with its durable past: the reference that a program or a backend is
/// compared with.
///
/// ```
/// use caio_testkit::{Model, Random};
///
/// let mut model = Model::default();
/// model.write(0, b"safe");
/// model.sync();
/// model.write(4, b"?");
/// assert_eq!(model.contents(), b"safe?");
/// assert!(model.after_power_loss(&mut Random::new(1)).starts_with(b"safe"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Model {
    contents: Vec<u8>,
    durable: Vec<u8>,
    /// What changed since the last sync, in order.
    unsynced: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Model {
    /// A file with these contents, all of them durable.
    ///
    /// ```
    /// let model = caio_testkit::Model::new(b"some text".to_vec());
    /// assert_eq!(model.contents(), model.durable());
    /// ```
    #[must_use]
    pub fn new(contents: Vec<u8>) -> Self {
        Self { durable: contents.clone(), contents, unsynced: Vec::new() }
    }

    /// What a reader sees.
    ///
    /// ```
    /// let mut model = caio_testkit::Model::new(b"some data".to_vec());
    /// model.write(5, b"text");
    /// assert_eq!(model.contents(), b"some text");
    /// ```
    #[must_use]
    pub fn contents(&self) -> &[u8] {
        &self.contents
    }

    /// What the last sync made durable.
    ///
    /// ```
    /// let mut model = caio_testkit::Model::new(b"some data".to_vec());
    /// model.write(5, b"text");
    /// assert_eq!(model.durable(), b"some data");
    /// model.sync();
    /// assert_eq!(model.durable(), b"some text");
    /// ```
    #[must_use]
    pub fn durable(&self) -> &[u8] {
        &self.durable
    }

    /// The bytes at `offset`, at most `length`, fewer at the end.
    ///
    /// ```
    /// let model = caio_testkit::Model::new(b"some text".to_vec());
    /// assert_eq!(model.read(5, 100), b"text");
    /// assert_eq!(model.read(100, 1), b"");
    /// ```
    #[must_use]
    pub fn read(&self, offset: usize, length: usize) -> &[u8] {
        let start = offset.min(self.contents.len());
        let end = start.saturating_add(length).min(self.contents.len());
        &self.contents[start..end]
    }

    /// Writes, with zeros in a gap before `offset`. Writing nothing changes nothing.
    ///
    /// ```
    /// let mut model = caio_testkit::Model::new(b"ab".to_vec());
    /// model.write(4, b"ef");
    /// assert_eq!(model.contents(), b"ab\0\0ef");
    /// ```
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        let change = Change::Write { offset, bytes: bytes.to_vec() };
        change.apply(&mut self.contents);
        self.unsynced.push(change);
    }

    /// Cuts or extends with zeros.
    ///
    /// ```
    /// let mut model = caio_testkit::Model::new(b"some text".to_vec());
    /// model.set_len(4);
    /// model.set_len(6);
    /// assert_eq!(model.contents(), b"some\0\0");
    /// ```
    pub fn set_len(&mut self, length: usize) {
        let change = Change::Length(length);
        change.apply(&mut self.contents);
        self.unsynced.push(change);
    }

    /// Makes everything durable.
    ///
    /// ```
    /// use caio_testkit::{Model, Random};
    ///
    /// let mut model = Model::default();
    /// model.write(0, b"some text");
    /// model.sync();
    /// assert_eq!(model.after_power_loss(&mut Random::new(1)), b"some text");
    /// ```
    pub fn sync(&mut self) {
        self.durable.clone_from(&self.contents);
        self.unsynced.clear();
    }

    /// A state in which the disk may be found after the power went: what was synced, and of the
    /// changes since then any of them, in their order. Each call with another state of `random`
    /// gives another such state.
    ///
    /// ```
    /// use caio_testkit::{Model, Random};
    ///
    /// let mut model = Model::new(b"old".to_vec());
    /// model.write(0, b"new");
    /// let mut random = Random::new(1);
    /// let states: Vec<_> = (0..64).map(|_| model.after_power_loss(&mut random)).collect();
    /// assert!(states.contains(&b"old".to_vec()) && states.contains(&b"new".to_vec()));
    /// ```
    #[must_use]
    pub fn after_power_loss(&self, random: &mut Random) -> Vec<u8> {
        let mut disk = self.durable.clone();
        for change in &self.unsynced {
            if random.chance(0.5) {
                change.apply(&mut disk);
            }
        }
        disk
    }
}

impl Change {
    fn apply(&self, contents: &mut Vec<u8>) {
        match self {
            Self::Write { bytes, .. } if bytes.is_empty() => {}
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if contents.len() < end {
                    contents.resize(end, 0);
                }
                contents[*offset..end].copy_from_slice(bytes);
            }
            Self::Length(length) => contents.resize(*length, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_zeros_and_reads_stop_at_the_end() {
        let mut model = Model::new(b"ab".to_vec());
        model.write(4, b"cd");
        model.write(9, b"");
        assert_eq!(model.contents(), b"ab\0\0cd");
        assert_eq!(model.read(5, 9), b"d");
        assert_eq!(model.read(7, 9), b"");
        model.set_len(1);
        assert_eq!((model.contents(), model.durable()), (&b"a"[..], &b"ab"[..]));
    }

    #[test]
    fn only_what_was_synced_survives_for_sure() {
        let mut model = Model::new(b"old!".to_vec());
        model.write(0, b"new");
        let states: std::collections::BTreeSet<_> =
            (0..64).map(|seed| model.after_power_loss(&mut Random::new(seed))).collect();
        assert_eq!(states, [b"new!".to_vec(), b"old!".to_vec()].into());
        model.sync();
        assert_eq!(model.after_power_loss(&mut Random::new(1)), b"new!");
    }
}
