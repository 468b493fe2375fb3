//! A backend around another one, where a test looks at what comes by.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use caio::{Backend, BackendKind, QueueId, Request};

type Look = Box<dyn Fn(&mut Request) + Send + Sync>;

/// Shows each request to the test before the inner backend gets it.
pub(crate) struct Observed {
    inner: Arc<dyn Backend>,
    look: Look,
    commits: AtomicUsize,
}

impl Observed {
    pub(crate) fn new(
        inner: Arc<dyn Backend>,
        look: impl Fn(&mut Request) + Send + Sync + 'static,
    ) -> Self {
        Self { inner, look: Box::new(look), commits: AtomicUsize::new(0) }
    }

    /// How often something was committed.
    pub(crate) fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observed").field(&self.inner).finish()
    }
}

impl Backend for Observed {
    fn kind(&self) -> BackendKind {
        BackendKind::Other("observed")
    }

    fn queue(&self, mut request: Request) -> QueueId {
        (self.look)(&mut request);
        self.inner.queue(request)
    }

    fn commit(&self, queue: QueueId) {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.inner.commit(queue);
    }

    caio_testkit::forward!(inner: capability, cancel, reap, descriptor, shutdown);
}
