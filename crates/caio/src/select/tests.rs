//! Every way to ask for a backend, and every way to be refused one.

mod files;
mod kinds;
mod precedence;
mod raised_rights;
mod refusals;
mod report;
mod secrets;
mod trust;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::environment::tests::with;
use super::*;
use crate::backend::pool::ThreadPool;
use crate::backend::{BackendKind, QueueId};
use crate::capability::Capability;
use crate::request::{Request, Token};
use crate::testing::HANGS;

/// A directory of its own for each test, gone with it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("caio-select-{}-{number}", std::process::id()));
        make_all(&path);
        Self(path)
    }

    /// Writes a file in it, making its directories, and returns its path.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        make_all(path.parent().unwrap());
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o644);
        self.at(name)
    }

    fn at(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// What is found with these variables, the user's home and the system's directory being here.
    fn find(&self, variables: &[(&str, &str)]) -> Result<Found> {
        let home = self.at("home");
        let mut all = vec![("HOME", home.as_str())];
        all.extend(variables);
        with(&all, self.0.join("etc"), |environment| Found::find(environment))
    }

    /// Opens with these variables; every backend works, and calls itself as it was asked for.
    fn open(&self, variables: &[(&str, &str)], explicit: Option<Choice>) -> Result<Info> {
        let found = self.find(variables)?;
        let config = found.config.clone();
        let openers = Openers { open: &|backend, _| Ok(named(backend)), timeout: TIMEOUT };
        found.open(&config, explicit, &openers).map(|(_, info)| info)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes a directory and those above it, which nobody else may write to, whatever the umask is.
fn make_all(path: &Path) {
    if !path.exists() {
        make_all(path.parent().unwrap());
        fs::create_dir(path).unwrap();
        set_mode(path, 0o755);
    }
}

fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// How long a backend in these tests may take: far more than a working one needs.
const TIMEOUT: Duration = HANGS;

/// A backend under another name, which can be made not to answer.
#[derive(Debug)]
struct Fake {
    kind: BackendKind,
    pool: ThreadPool,
    capability: Capability,
    answers: bool,
    kept: std::sync::Mutex<Vec<Request>>,
}

fn fake(kind: BackendKind, answers: bool) -> Arc<dyn Backend> {
    let pool = ThreadPool::open(&Config::default()).unwrap();
    let capability = pool.capability().clone();
    Arc::new(Fake { kind, pool, capability, answers, kept: Default::default() })
}

fn named(kind: BackendKind) -> Arc<dyn Backend> {
    fake(kind, true)
}

impl Backend for Fake {
    fn kind(&self) -> BackendKind {
        self.kind
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn queue(&self, request: Request) -> QueueId {
        if self.answers {
            return self.pool.queue(request);
        }
        self.kept.lock().unwrap().push(request);
        QueueId(0)
    }

    fn commit(&self, queue: QueueId) {
        self.pool.commit(queue);
    }

    fn cancel(&self, _token: Token) {}

    fn reap(&self, _queue: QueueId) -> usize {
        0
    }

    fn descriptor(&self, _queue: QueueId) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }

    fn shutdown(&self, deadline: std::time::Instant) -> usize {
        self.pool.shutdown(deadline)
    }
}
