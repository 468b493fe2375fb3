//! One attempt at an operation, from its admission to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::chain::Chain;
use super::info::OpInfo;
use super::{Ending, OpRoute};
use crate::error::{Error, ErrorKind, Result};
use crate::op::Output;
use crate::route::Route;

/// An attempt that layers have let in. Whoever ends it first has them told; dropping it says that
/// it was given up before it began.
#[derive(Debug)]
pub(crate) struct Attempt {
    chain: Chain,
    info: OpInfo,
    number: u32,
    /// How many layers have let it in.
    entered: usize,
    /// `None` until all layers have let it in.
    begun: Option<Instant>,
    ended: AtomicBool,
    retry_after: OnceLock<Duration>,
}

impl Attempt {
    pub(super) fn new(chain: Chain, info: OpInfo, number: u32) -> Self {
        let (ended, retry_after) = (AtomicBool::new(false), OnceLock::new());
        Self { chain, info, number, entered: 0, begun: None, ended, retry_after }
    }

    pub(crate) fn info(&self) -> &OpInfo {
        &self.info
    }

    /// One more layer has let it in.
    pub(super) fn enter(&mut self) {
        self.entered += 1;
    }

    /// All layers have let it in, and it begins.
    pub(super) fn begin(&mut self) {
        self.begun = Some(self.info.clock().now());
    }

    /// It has ended on this way, or has never begun. `is_awaited` says whether its future is still
    /// there.
    pub(crate) fn end(&self, result: &Result<Output>, route: Option<Route>, is_awaited: bool) {
        let route = route.map(|route| match route {
            Route::Backend => OpRoute::Backend,
            Route::Pool => OpRoute::Pool,
        });
        self.tell(moved(result), route, is_awaited);
    }

    /// It has been done in place.
    pub(crate) fn end_in_place(&self, result: &Result<Output>) {
        self.tell(moved(result), Some(OpRoute::InPlace), true);
    }

    /// The pause after which there is to be another attempt.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after.get().copied()
    }

    fn tell(&self, result: Result<u64, &Error>, route: Option<OpRoute>, is_awaited: bool) {
        if self.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        let described = result.map_err(|error| self.info.describe(error.clone()));
        let mut retry_after = None;
        if let Err(error) = &described
            && is_awaited
            && self.info.is_repeatable()
            // Nothing begins any more.
            && error.kind() != ErrorKind::Shutdown
        {
            retry_after = self.chain.retry(&self.info, self.number, error);
        }
        if let Some(pause) = retry_after {
            self.retry_after.get_or_init(|| pause);
        }
        let since = |begun| self.info.clock().now().saturating_duration_since(begun);
        let ending = Ending {
            result: described.as_ref().map(|bytes| *bytes),
            duration: self.begun.map_or(Duration::ZERO, since),
            route,
            attempt: self.number,
            retry_after,
            is_awaited,
        };
        for layer in self.chain.layers()[..self.entered].iter().rev() {
            let finished = || layer.finished(&self.info, &ending);
            let _ = catch_unwind(AssertUnwindSafe(finished));
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if *self.ended.get_mut() {
            return;
        }
        let message = "it was given up before it began";
        self.tell(Err(&Error::new(ErrorKind::Cancelled, message)), None, false);
    }
}

/// The bytes that came or went.
fn moved(result: &Result<Output>) -> Result<u64, &Error> {
    match result {
        Ok(Output::Bytes(bytes)) => Ok(*bytes as u64),
        Ok(Output::Contents(contents)) => Ok(contents.len() as u64),
        Ok(_) => Ok(0),
        Err(error) => Err(error),
    }
}
