//! A disk in memory below a context, failing by a plan, and the one file on it.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use aiofile::Context;
use aiofile_util::{BatchOptions, BatchWriter};
use caio::Backend;
use caio_testkit::{Faulty, Model, Plan, Simulated};

use super::{LIMIT, poll};

pub(crate) struct Disk {
    pub(crate) simulated: Arc<Simulated>,
    pub(crate) faulty: Arc<Faulty>,
    context: Context,
}

impl Disk {
    pub(crate) fn new(plan: Plan) -> Self {
        Self::with_seed(7, plan)
    }

    pub(crate) fn with_seed(seed: u64, plan: Plan) -> Self {
        let simulated = Arc::new(Simulated::new(seed));
        let backend = Arc::clone(&simulated) as Arc<dyn Backend>;
        let faulty = Arc::new(Faulty::new(backend, plan));
        let builder = Context::builder().custom(Arc::clone(&faulty) as Arc<dyn Backend>);
        let context = builder.in_place(false).build().unwrap();
        Self { simulated, faulty, context }
    }

    /// Polls the future and steps until it is ready; what a thread of the pool does is waited for.
    pub(crate) fn drive<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let begun = Instant::now();
        loop {
            if let Some(value) = poll(&mut future) {
                return value;
            }
            if !self.simulated.step() {
                thread::yield_now();
            }
            assert!(begun.elapsed() < LIMIT, "it is never ready");
        }
    }

    /// The same options on this disk.
    pub(crate) fn options(&self, options: &BatchOptions) -> BatchOptions {
        options.clone().context(&self.context)
    }

    pub(crate) fn open(&self, options: &BatchOptions) -> BatchWriter {
        self.drive(self.options(options).open(path())).unwrap()
    }

    pub(crate) fn model(&self) -> Model {
        self.simulated.model(path().to_str().unwrap()).unwrap()
    }

    pub(crate) fn contents(&self) -> Vec<u8> {
        self.model().contents().to_vec()
    }
}

/// A name on the simulated disk. Its directory is a real one, which is synced.
pub(crate) fn path() -> PathBuf {
    std::env::temp_dir().join("journal")
}
