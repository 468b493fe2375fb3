//! What the calls on a handle have in common: queueing, and telling what has become of it.

use std::sync::atomic::Ordering;

use caio::Result;

use super::BatchWriter;
use super::batch::Place;
use super::state::State;

/// For what an append waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Queued,
    Written,
    Durable,
}

impl BatchWriter {
    pub(super) async fn queue(&self, record: &[u8], until: Until) -> Result<Place> {
        self.shared().proceed(record.len()).await;
        let place = |state: &mut State| {
            if let Err(error) = self.admit(state, until == Until::Durable) {
                return Some(Err(error));
            }
            state.has_room().then(|| {
                let place = state.push(record);
                if until != Until::Queued {
                    state.want(place.number + 1, until == Until::Durable);
                }
                Ok(place)
            })
        };
        self.shared().wait_for(place).await
    }

    /// Has all that is queued written, and made durable if that is wanted.
    pub(super) fn want(&self, durable: bool) -> Result<u64> {
        self.shared().with(|state| {
            self.admit(state, durable)?;
            let until = state.end_of_queue();
            state.want(until, durable);
            Ok(until)
        })
    }

    /// Whether there is something to tell in place of doing what is asked for.
    fn admit(&self, state: &State, durable: bool) -> Result<()> {
        self.news(state)?;
        if state.is_closing() {
            return Err(state.closed().doing("write").on(self.path()));
        }
        match &state.sync_error {
            Some(error) if durable => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// A write that failed and of which this handle has not told yet.
    pub(super) fn news(&self, state: &State) -> Result<()> {
        let told = self.told.swap(state.failures, Ordering::Relaxed);
        match &state.failure {
            Some(error) if told < state.failures => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// What has become of a record, if that is known.
    pub(super) fn outcome(&self, state: &State, place: &Place) -> Option<Result<()>> {
        let outcome = match place.outcome.get() {
            Some(outcome) => outcome.clone(),
            None if state.ended.is_some() => Err(state.closed()),
            None => return None,
        };
        if outcome.is_err() {
            self.told.store(state.failures, Ordering::Relaxed);
        }
        Some(outcome)
    }
}

/// Whether what is before this batch is durable, or will never be known to be.
pub(super) fn durability(state: &State, until: u64) -> Option<Result<()>> {
    if state.is_durable(until) {
        return Some(Ok(()));
    }
    let ended = || state.ended.is_some().then(|| state.closed());
    state.sync_error.clone().or_else(ended).map(Err)
}
