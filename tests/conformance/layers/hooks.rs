//! A layer whose parts are closures.

use std::fmt;
use std::time::Duration;

use caio::{Admission, Ending, Error, Layer, OpInfo, Stage};

/// It does what a case says, and nothing where that says nothing.
#[derive(Default)]
pub(super) struct Hooks {
    pub(super) stage: Option<Stage>,
    pub(super) admit: Hook<Admission>,
    pub(super) finished: Hook<()>,
    pub(super) retry: Option<fn(u32, &Error) -> Option<Duration>>,
    pub(super) deadline: Hook<Option<Duration>>,
}

type Hook<T> = Option<Box<dyn Fn(&OpInfo) -> T + Send + Sync>>;

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

impl Layer for Hooks {
    fn stage(&self) -> Stage {
        self.stage.unwrap_or(Stage::Custom)
    }

    fn admit(&self, op: &OpInfo) -> Admission {
        self.admit.as_ref().map_or(Admission::Now, |admit| admit(op))
    }

    fn finished(&self, op: &OpInfo, _ending: &Ending<'_>) {
        self.finished.iter().for_each(|finished| finished(op));
    }

    fn retry(&self, _op: &OpInfo, attempt: u32, error: &Error) -> Option<Duration> {
        self.retry.and_then(|retry| retry(attempt, error))
    }

    fn deadline(&self, op: &OpInfo) -> Option<Duration> {
        self.deadline.as_ref().and_then(|deadline| deadline(op))
    }
}

pub(super) fn admitting(admit: impl Fn(&OpInfo) -> Admission + Send + Sync + 'static) -> Hooks {
    Hooks { admit: Some(Box::new(admit)), ..Hooks::default() }
}
