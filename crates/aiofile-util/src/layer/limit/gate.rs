//! So many at once, and a queue for each priority.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;

use caio::Priority;

/// A place in the order of coming.
pub(super) type Number = u64;

/// It lets operations in as long as there is room. Whoever waits is called when there is, and has
/// its turn kept until [`end_turns`](Self::end_turns): only by being polled does it enter.
#[derive(Debug)]
pub(super) struct Gate {
    most: usize,
    /// So many more are called than there is room for, since others have not come.
    extra: usize,
    lanes: [Lane; Priority::ALL.len()],
}

/// The operations of one priority.
#[derive(Debug)]
struct Lane {
    most: usize,
    held: usize,
    /// What has its turn and has not come yet.
    called: BTreeSet<Number>,
    waiting: BTreeMap<Number, Waker>,
}

impl Gate {
    pub(super) fn set_most(&mut self, most: usize) {
        self.most = most;
    }

    pub(super) fn set_most_of(&mut self, priority: Priority, most: usize) {
        self.lanes[priority as usize].most = most;
    }

    pub(super) fn held(&self) -> usize {
        self.lanes.iter().map(|lane| lane.held).sum()
    }

    pub(super) fn waiting(&self) -> usize {
        self.lanes.iter().map(|lane| lane.waiting.len() + lane.called.len()).sum()
    }

    pub(super) fn has_called(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.called.is_empty())
    }

    /// Enters if there is room beside those that are in and those that are called. Then nobody of
    /// this priority waits, since it would have been called.
    pub(super) fn try_enter(&mut self, priority: Priority) -> bool {
        let has_room = self.has_room(priority as usize, 0);
        if has_room {
            self.lanes[priority as usize].held += 1;
        }
        has_room
    }

    /// Enters, if it is this one's turn; else it waits in its place.
    pub(super) fn enter_or_wait(
        &mut self,
        priority: Priority,
        number: Number,
        waker: Waker,
    ) -> bool {
        let lane = priority as usize;
        let was_called = self.lanes[lane].called.remove(&number);
        let first = self.lanes[lane].waiting.keys().next().copied();
        let may_enter = match was_called {
            // Others that are called as well may have come earlier.
            true => self.is_free(lane),
            false => first.is_none_or(|first| number <= first) && self.has_room(lane, 0),
        };
        let lane = &mut self.lanes[lane];
        if may_enter {
            lane.waiting.remove(&number);
            lane.held += 1;
            self.extra = 0;
            return true;
        }
        lane.waiting.insert(number, waker);
        false
    }

    /// One that is in leaves.
    pub(super) fn leave(&mut self, priority: Priority) {
        let held = &mut self.lanes[priority as usize].held;
        *held = held.saturating_sub(1);
    }

    /// One that waits has gone.
    pub(super) fn forget(&mut self, priority: Priority, number: Number) -> Option<Waker> {
        let lane = &mut self.lanes[priority as usize];
        lane.called.remove(&number);
        lane.waiting.remove(&number)
    }

    /// Those whose turn has come now, the more urgent first; they are to be woken.
    pub(super) fn call(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for lane in 0..self.lanes.len() {
            while self.has_room(lane, self.extra)
                && let Some((number, waker)) = self.lanes[lane].waiting.pop_first()
            {
                self.lanes[lane].called.insert(number);
                wakers.push(waker);
            }
        }
        wakers
    }

    /// What was called and has not come has no turn any more, until it comes. Each time in a row
    /// twice as many are called.
    pub(super) fn end_turns(&mut self) {
        if self.has_called() {
            self.extra = self.extra.saturating_mul(2).max(1);
        }
        self.lanes.iter_mut().for_each(|lane| lane.called.clear());
    }

    /// Whether there is room for one more beside those that are in.
    fn is_free(&self, lane: usize) -> bool {
        self.held() < self.most && self.lanes[lane].held < self.lanes[lane].most
    }

    /// The same beside those that are called as well, or for so many more.
    fn has_room(&self, lane: usize, extra: usize) -> bool {
        let taken = |lane: &Lane| lane.held + lane.called.len();
        let is_free = self.is_free(lane);
        let lane = &self.lanes[lane];
        is_free
            && self.lanes.iter().map(taken).sum::<usize>() < self.most.saturating_add(extra)
            && taken(lane) < lane.most.saturating_add(extra)
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self { most: usize::MAX, extra: 0, lanes: Default::default() }
    }
}

impl Default for Lane {
    fn default() -> Self {
        let (called, waiting) = (BTreeSet::new(), BTreeMap::new());
        Self { most: usize::MAX, held: 0, called, waiting }
    }
}
