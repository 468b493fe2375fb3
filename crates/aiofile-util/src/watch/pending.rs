//! What has changed and was not told yet: for each path what it comes to in the end.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Change, ChangeKind};

#[derive(Debug, Default)]
pub(super) struct Pending(BTreeMap<PathBuf, State>);

/// What happened to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// There was nothing of this name before.
    Created,
    /// There may have been something before: it was there, or was renamed to this name. With its
    /// first name, where that is known.
    Placed(Option<PathBuf>),
    Modified,
    Attributes,
    Removed,
    Rescan,
}

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Something more has happened to a path.
    pub(super) fn record(&mut self, path: &Path, new: State) {
        use State::{Attributes, Created, Modified, Placed, Removed, Rescan};
        let old = self.0.remove(path);
        let state = match (old, new) {
            (Some(Rescan), _) => Rescan,
            // It came and went, and nobody has to know.
            (Some(Created), Removed) => return,
            (Some(old @ (Created | Placed(_))), Modified | Attributes | Created) => old,
            (Some(Removed | Modified | Attributes), Created) => Placed(None),
            (Some(Modified), Attributes) => Modified,
            (_, new) => new,
        };
        self.0.insert(path.to_owned(), state);
    }

    /// A path loses its name to another. Gives the name that the other is told to come from.
    pub(super) fn leave(&mut self, path: &Path) -> Option<PathBuf> {
        let origin = match self.0.get(path) {
            Some(State::Placed(Some(origin))) => Some(origin.clone()),
            Some(State::Created | State::Placed(None)) => None,
            _ => Some(path.to_owned()),
        };
        self.record(path, State::Removed);
        origin
    }

    /// What is known of what is in a directory goes with it.
    pub(super) fn follow(&mut self, from: &Path, to: &Path) {
        let inside = self.0.range(from.to_owned()..).map(|(path, _)| path);
        let inside: Vec<_> = inside.take_while(|path| path.starts_with(from)).cloned().collect();
        for path in inside {
            if let Ok(relative) = path.strip_prefix(from)
                && !relative.as_os_str().is_empty()
                && let Some(state) = self.0.remove(&path)
            {
                self.0.insert(to.join(relative), state);
            }
        }
    }

    /// All of it, in the order of the paths.
    pub(super) fn take(&mut self) -> Vec<Change> {
        let states = std::mem::take(&mut self.0);
        let is_gone = |path: &Path| states.get(path) == Some(&State::Removed);
        let mut renamed = HashSet::new();
        for state in states.values() {
            if let State::Placed(Some(origin)) = state
                && is_gone(origin)
            {
                renamed.insert(origin.clone());
            }
        }
        let mut changes = Vec::new();
        for (path, state) in states {
            let kind = match state {
                State::Placed(Some(from)) if renamed.contains(&from) => {
                    ChangeKind::Renamed { from }
                }
                State::Removed if renamed.contains(&path) => continue,
                State::Created | State::Placed(_) => ChangeKind::Created,
                State::Modified => ChangeKind::Modified,
                State::Attributes => ChangeKind::Attributes,
                State::Removed => ChangeKind::Removed,
                State::Rescan => ChangeKind::Rescan,
            };
            changes.push(Change { path, kind });
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::State::{Attributes, Created, Modified, Placed, Removed, Rescan};
    use super::*;

    fn told(pending: &mut Pending) -> Vec<(String, ChangeKind)> {
        let changes = pending.take().into_iter();
        changes.map(|change| (change.path.to_str().unwrap().to_owned(), change.kind)).collect()
    }

    fn of(states: &[State]) -> Vec<ChangeKind> {
        let mut pending = Pending::default();
        states.iter().for_each(|state| pending.record(Path::new("a"), state.clone()));
        told(&mut pending).into_iter().map(|(_, kind)| kind).collect()
    }

    fn rename(pending: &mut Pending, from: &str, to: &str) {
        let origin = pending.leave(Path::new(from));
        pending.follow(Path::new(from), Path::new(to));
        pending.record(Path::new(to), Placed(origin));
    }

    fn renamed(from: &str) -> ChangeKind {
        ChangeKind::Renamed { from: from.into() }
    }

    #[test]
    fn each_path_is_told_once_with_what_it_came_to() {
        let cases: [(&[State], &[ChangeKind]); 11] = [
            (&[Created, Modified, Attributes], &[ChangeKind::Created]),
            (&[Created, Created], &[ChangeKind::Created]),
            (&[Created, Modified, Removed], &[]),
            (&[Modified, Attributes, Modified], &[ChangeKind::Modified]),
            (&[Attributes, Modified], &[ChangeKind::Modified]),
            (&[Attributes], &[ChangeKind::Attributes]),
            (&[Modified, Removed], &[ChangeKind::Removed]),
            (&[Removed, Created], &[ChangeKind::Created]),
            // Something of this name was known before.
            (&[Removed, Created, Removed], &[ChangeKind::Removed]),
            (&[Placed(None), Modified, Removed], &[ChangeKind::Removed]),
            (&[Rescan, Created, Removed], &[ChangeKind::Rescan]),
        ];
        for (states, expected) in cases {
            assert_eq!(of(states), expected, "{states:?}");
        }
    }

    #[test]
    fn renames_are_paired_over_several_steps() {
        let mut pending = Pending::default();
        rename(&mut pending, "a", "b");
        rename(&mut pending, "b", "c");
        // There may have been another b before.
        let expected = [("b".to_owned(), ChangeKind::Removed), ("c".to_owned(), renamed("a"))];
        assert_eq!(told(&mut pending), expected);
        assert!(pending.is_empty());
    }

    #[test]
    fn what_is_written_beside_and_renamed_is_one_change() {
        let mut pending = Pending::default();
        pending.record(Path::new("temporary"), Created);
        pending.record(Path::new("temporary"), Modified);
        rename(&mut pending, "temporary", "file");
        assert_eq!(told(&mut pending), [("file".to_owned(), ChangeKind::Created)]);
    }

    #[test]
    fn a_name_that_is_used_again_was_not_renamed() {
        let mut pending = Pending::default();
        rename(&mut pending, "a", "b");
        pending.record(Path::new("a"), Created);
        let expected = ["a", "b"].map(|path| (path.to_owned(), ChangeKind::Created));
        assert_eq!(told(&mut pending), expected);
    }

    #[test]
    fn what_is_in_a_directory_goes_with_it() {
        let mut pending = Pending::default();
        pending.record(Path::new("a/file"), Modified);
        pending.record(Path::new("a.txt"), Modified);
        rename(&mut pending, "a", "z");
        let expected = [
            ("a.txt".to_owned(), ChangeKind::Modified),
            ("z".to_owned(), renamed("a")),
            ("z/file".to_owned(), ChangeKind::Modified),
        ];
        assert_eq!(told(&mut pending), expected);
    }
}
