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
    pub(crate) context: Context,
}

impl Disk {
    pub(crate) fn new(plan: Plan) -> Self {
        Self::with_seed(7, plan)
    }

    pub(crate) fn with_seed(seed: u64, plan: Plan) -> Self {
        Self::over(Arc::new(Simulated::new(seed)), plan)
    }

    /// What is on a disk that there is, failing by another plan.
    pub(crate) fn over(simulated: Arc<Simulated>, plan: Plan) -> Self {
        let backend = Arc::clone(&simulated) as Arc<dyn Backend>;
        let faulty = Arc::new(Faulty::new(backend, plan));
        let builder = Context::builder().custom(Arc::clone(&faulty) as Arc<dyn Backend>);
        let context = builder.in_place(false).build().unwrap();
        Self { simulated, faulty, context }
    }

    /// Polls the future and steps until it is ready; what a thread of the pool does is waited for.
    pub(crate) fn drive<T>(&self, future: impl Future<Output = T>) -> T {
        self.drive_and(future, || {})
    }

    /// The same, with a look at the disk after each step.
    pub(crate) fn drive_and<T>(
        &self,
        future: impl Future<Output = T>,
        mut after_step: impl FnMut(),
    ) -> T {
        let mut future = pin!(future);
        let begun = Instant::now();
        loop {
            if let Some(value) = poll(&mut future) {
                return value;
            }
            if self.simulated.step() {
                after_step();
            } else {
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

    /// Nothing where the power has taken its name.
    pub(crate) fn contents(&self) -> Vec<u8> {
        let model = self.simulated.model(path().to_str().unwrap());
        model.map_or_else(Vec::new, |model| model.contents().to_vec())
    }
}

/// A name on the simulated disk, in a directory that there is nowhere else.
pub(crate) fn path() -> PathBuf {
    PathBuf::from("/simulated/journal")
}
