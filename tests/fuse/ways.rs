//! The ways to a file of the mount: each backend as a user gets it, and the kernel's own queues
//! with what the engine would send to a pool.

use std::io::Write as _;
use std::sync::Arc;

use aiofile::{BackendKind, Context, Error};
use caio::backend::pool::ThreadPool;
use caio::{Backend, BufferedWrites, Config};
use caio_testkit::{required_backend, variant};

use crate::planted_backend::{Defect, Planted};

/// A backend, and how a context is made with it.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) kind: BackendKind,
    /// Whether the requests wait in the backend's queue, not in a pool beside it.
    pub(crate) is_queue: bool,
    /// Whether a write may wait for one to another file. A ring's workers in the kernel write one
    /// after the other to files whose inodes have the same hash, of which there are 64.
    pub(crate) has_one_write: bool,
    build: fn() -> Result<Context, Error>,
}

impl Way {
    pub(crate) fn build(&self) -> Result<Context, Error> {
        (self.build)()
    }
}

const WAYS: [Way; 6] = [
    of("uring", BackendKind::Uring, || of_variant("uring")),
    of("linux", BackendKind::Linux, || of_variant("linux")),
    of("thread", BackendKind::Thread, || of_variant("thread")),
    of("rust", BackendKind::Rust, || of_variant("rust")),
    queue("uring_queue", BackendKind::Uring, queues::uring),
    queue("linux_queue", BackendKind::Linux, queues::linux),
];

const fn of(name: &'static str, kind: BackendKind, build: fn() -> Result<Context, Error>) -> Way {
    Way { name, kind, is_queue: false, has_one_write: false, build }
}

const fn queue(
    name: &'static str,
    kind: BackendKind,
    build: fn() -> Result<Context, Error>,
) -> Way {
    let has_one_write = matches!(kind, BackendKind::Uring);
    Way { name, kind, is_queue: true, has_one_write, build }
}

/// Each that works here. What does not is told, and is a failure where it is required.
pub(crate) fn each(test: impl Fn(&Way)) {
    for way in &WAYS {
        match way.build() {
            Ok(_) => test(way),
            Err(error) => {
                let name = way.name;
                assert!(!required_backend(way.kind), "{name} is required: {error}");
                // Written directly, since the harness hides what a passing test prints.
                let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {error}");
            }
        }
    }
}

/// A context over a pool of threads with a defect.
pub(crate) fn planted(defect: Defect, threads: usize) -> Result<Context, Error> {
    let mut config = Config::default();
    config.threads_max = threads;
    over(Arc::new(ThreadPool::open(&config)?), defect)
}

/// A context in which everything goes through this backend, files of a server, too.
fn over(inner: Arc<dyn Backend>, defect: Defect) -> Result<Context, Error> {
    let planted = Arc::new(Planted::always(inner, defect));
    let builder = aiofile::context().custom(planted).in_place(false);
    builder.configure(|config| config.buffered_writes = BufferedWrites::Backend).build()
}

fn of_variant(name: &str) -> Result<Context, Error> {
    variant(name).expect("there is such a variant").build(aiofile::context())
}

/// The kernel's queues themselves. The engine keeps files of a server away from them, since some
/// that hang would hold up all others; what is in flight in them has to be as safe.
#[cfg(all(target_os = "linux", not(caio_portable)))]
mod queues {
    use std::sync::Arc;

    use aiofile::{Context, Error};
    use caio::Config;
    use caio::backend::linux_aio::LinuxAio;
    use caio::backend::uring::Uring;

    use super::over;
    use crate::planted_backend::Defect;

    /// More than a test holds at once: each request that is held takes one.
    const WORKERS: u32 = 64;

    pub(super) fn uring() -> Result<Context, Error> {
        let mut config = Config::default();
        config.uring.kernel_workers_max = WORKERS;
        over(Arc::new(Uring::open(&config)?), Defect::None)
    }

    pub(super) fn linux() -> Result<Context, Error> {
        over(Arc::new(LinuxAio::open(&Config::default())?), Defect::None)
    }
}

#[cfg(not(all(target_os = "linux", not(caio_portable))))]
mod queues {
    use aiofile::{Context, Error, ErrorKind};

    pub(super) fn uring() -> Result<Context, Error> {
        Err(Error::new(ErrorKind::Backend, "it works on Linux only"))
    }

    pub(super) fn linux() -> Result<Context, Error> {
        uring()
    }
}
