//! Syncs of one file that share a system call.
//!
//! A sync covers everything that was written before it began. So while one is running, all who
//! ask meanwhile wait for it to end, and then a single one covers them all: many tasks that each
//! write and sync pay for few syncs. Who asks alone pays for one, at once.

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use crate::sync::lock;

#[derive(Debug, Default)]
pub(crate) struct SyncGroup {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the latest request.
    requested: u64,
    /// Requests up to this one have their data on the device.
    data_covered: u64,
    /// Requests up to this one have all metadata there, too.
    all_covered: u64,
    running: bool,
    /// Whether somebody who waits needs more than the data.
    all_wanted: bool,
    waiting: Vec<Waker>,
}

/// A request to sync, with its number.
#[derive(Debug)]
pub(crate) struct SyncRequest<'a> {
    group: &'a SyncGroup,
    number: u64,
    data_only: bool,
}

/// What a request has to do next.
#[derive(Debug)]
pub(crate) enum Turn<'a> {
    /// Somebody else's sync has covered it.
    Covered,
    /// It is its turn to sync.
    Lead(Lead<'a>),
}

/// The right to sync, for all requests made so far. Dropping it passes the turn on.
#[derive(Debug)]
pub(crate) struct Lead<'a> {
    group: &'a SyncGroup,
    until: u64,
    pub(crate) data_only: bool,
}

impl SyncGroup {
    pub(crate) fn request(&self, data_only: bool) -> SyncRequest<'_> {
        let mut state = lock(&self.state);
        state.requested += 1;
        SyncRequest { group: self, number: state.requested, data_only }
    }
}

impl<'a> Future for SyncRequest<'a> {
    type Output = Turn<'a>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Turn<'a>> {
        let mut state = lock(&self.group.state);
        let covered = if self.data_only { state.data_covered } else { state.all_covered };
        if covered >= self.number {
            return Poll::Ready(Turn::Covered);
        }
        if state.running {
            state.all_wanted |= !self.data_only;
            state.waiting.push(cx.waker().clone());
            return Poll::Pending;
        }
        state.running = true;
        let data_only = self.data_only && !std::mem::take(&mut state.all_wanted);
        let until = state.requested;
        Poll::Ready(Turn::Lead(Lead { group: self.group, until, data_only }))
    }
}

impl Lead<'_> {
    /// The sync has succeeded: it covers all requests that were made before it began.
    pub(crate) fn succeeded(self) {
        let mut state = lock(&self.group.state);
        state.data_covered = state.data_covered.max(self.until);
        if !self.data_only {
            state.all_covered = state.all_covered.max(self.until);
        }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.group.state);
        state.running = false;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll<'a>(request: &mut SyncRequest<'a>) -> Option<Turn<'a>> {
        match Pin::new(request).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    fn lead<'a>(request: &mut SyncRequest<'a>) -> Lead<'a> {
        match poll(request) {
            Some(Turn::Lead(lead)) => lead,
            other => panic!("{other:?} instead of the lead"),
        }
    }

    #[test]
    fn one_sync_covers_all_who_asked_before_it_began_and_none_after() {
        let group = SyncGroup::default();
        let (mut first, mut second, mut third) =
            (group.request(true), group.request(true), group.request(true));
        let running = lead(&mut first);
        let mut late = group.request(true);
        assert!(poll(&mut second).is_none() && poll(&mut late).is_none());
        running.succeeded();
        assert!(matches!(poll(&mut second), Some(Turn::Covered)));
        assert!(matches!(poll(&mut third), Some(Turn::Covered)));
        lead(&mut late);
    }

    #[test]
    fn a_sync_of_the_data_covers_nobody_who_wants_all() {
        let group = SyncGroup::default();
        let mut first = group.request(true);
        let running = lead(&mut first);
        let (mut data, mut all) = (group.request(true), group.request(false));
        assert!(poll(&mut data).is_none() && poll(&mut all).is_none());
        running.succeeded();
        let next = lead(&mut data);
        assert!(!next.data_only, "one of those who wait wants all");
        next.succeeded();
        assert!(matches!(poll(&mut all), Some(Turn::Covered)));
    }

    #[test]
    fn who_gives_up_while_leading_passes_the_turn_on() {
        let group = SyncGroup::default();
        let (mut first, mut second) = (group.request(true), group.request(true));
        let running = lead(&mut first);
        assert!(poll(&mut second).is_none());
        drop(running);
        lead(&mut second);
    }
}
