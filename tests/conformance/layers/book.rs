//! A layer that notes what it sees.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use caio::{Admission, Ending, ErrorKind, Layer, OpInfo, OpKind, OpRoute};

/// Notes what it let in and how that ended.
#[derive(Debug, Default)]
pub(super) struct Book(Mutex<Notes>);

#[derive(Debug, Default, Clone)]
pub(super) struct Notes {
    pub(super) admitted: BTreeMap<OpKind, usize>,
    pub(super) ended: Vec<End>,
}

#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) kind: OpKind,
    pub(super) result: Result<u64, ErrorKind>,
    pub(super) route: Option<OpRoute>,
    pub(super) attempt: u32,
    pub(super) is_awaited: bool,
}

impl Book {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn notes(&self) -> Notes {
        self.0.lock().unwrap().clone()
    }

    /// Whether all that was let in has ended, each once.
    pub(super) fn is_even(&self) -> bool {
        let notes = self.notes();
        let mut ended = BTreeMap::new();
        notes.ended.iter().for_each(|end| *ended.entry(end.kind).or_default() += 1);
        for (kind, count) in &ended {
            let admitted = notes.admitted.get(kind).copied().unwrap_or_default();
            assert!(*count <= admitted, "{kind} ended more often than it was let in: {notes:?}");
        }
        ended == notes.admitted
    }
}

impl Layer for Book {
    fn admit(&self, op: &OpInfo) -> Admission {
        *self.0.lock().unwrap().admitted.entry(op.kind()).or_default() += 1;
        Admission::Now
    }

    fn finished(&self, op: &OpInfo, ending: &Ending<'_>) {
        self.0.lock().unwrap().ended.push(End {
            kind: op.kind(),
            result: ending.result.map_err(|error| error.kind()),
            route: ending.route,
            attempt: ending.attempt,
            is_awaited: ending.is_awaited,
        });
    }
}
