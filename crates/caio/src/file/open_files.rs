//! How many files may be open at once.
//!
//! A file that is being opened or read whole gives its place back by itself, so others wait for
//! it. A place that an open file holds comes back when the program closes that file, and where all
//! places are held so, waiting may last for ever: that is an error at once.

use std::fmt;
use std::sync::Arc;

use crate::sync::{Mutex, lock};

/// The places of one context.
pub(crate) struct OpenFiles {
    max: usize,
    state: Mutex<State>,
    /// Called after a place came back or was taken for long, while something waits.
    changed: Box<dyn Fn() + Send + Sync>,
}

#[derive(Debug, Default)]
struct State {
    /// Places of files that are open.
    held: usize,
    /// Places of files that are being opened, or read whole.
    passing: usize,
    /// Whether something waits for a place.
    waits: bool,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// One comes back without anybody's doing.
    Now,
    /// All are held by open files.
    UntilOneIsClosed,
}

/// A place, given back on drop.
#[derive(Debug)]
pub(crate) struct OpenPermit {
    files: Arc<OpenFiles>,
    held: bool,
}

impl OpenFiles {
    pub(crate) fn new(max: usize, changed: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { max, state: Mutex::default(), changed: Box::new(changed) })
    }

    /// Takes a place for a file that is to be opened. Where there is none now, `changed` will be
    /// called when it is worth asking again.
    pub(crate) fn try_open(self: &Arc<Self>) -> Result<OpenPermit, NoPlace> {
        let mut state = lock(&self.state);
        if state.held + state.passing < self.max {
            state.passing += 1;
            return Ok(OpenPermit { files: Arc::clone(self), held: false });
        }
        if state.passing == 0 {
            return Err(NoPlace::UntilOneIsClosed);
        }
        state.waits = true;
        Err(NoPlace::Now)
    }

    /// The most files that may be open.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = lock(&self.state);
        change(&mut state);
        let waits = std::mem::take(&mut state.waits);
        drop(state);
        if waits {
            (self.changed)();
        }
    }
}

impl OpenPermit {
    /// The file is open: its place comes back when it is closed.
    pub(crate) fn hold(mut self) -> Self {
        if !self.held {
            self.held = true;
            self.files.change(|state| {
                state.passing -= 1;
                state.held += 1;
            });
        }
        self
    }
}

impl Drop for OpenPermit {
    fn drop(&mut self) {
        let held = self.held;
        self.files.change(|state| match held {
            true => state.held -= 1,
            false => state.passing -= 1,
        });
    }
}

impl fmt::Debug for OpenFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFiles")
            .field("max", &self.max)
            .field("state", &lock(&self.state))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn places_that_pass_are_waited_for_and_held_ones_are_not() {
        let changes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&changes);
        let files = OpenFiles::new(2, move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let first = files.try_open().unwrap().hold();
        let second = files.try_open().unwrap();
        assert_eq!(changes.load(Ordering::Relaxed), 0);
        assert_eq!(files.try_open().unwrap_err(), NoPlace::Now);
        let second = second.hold();
        assert_eq!(changes.load(Ordering::Relaxed), 1, "who waits is told");
        assert_eq!(files.try_open().unwrap_err(), NoPlace::UntilOneIsClosed);
        drop((first, second));
        let passing = [files.try_open().unwrap(), files.try_open().unwrap()];
        assert_eq!(files.try_open().unwrap_err(), NoPlace::Now);
        drop(passing);
        let again = [files.try_open().unwrap(), files.try_open().unwrap()];
        assert_eq!((again.len(), files.try_open().is_err()), (files.max(), true));
    }
}
