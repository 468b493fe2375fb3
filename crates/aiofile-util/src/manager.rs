//! A program's files under one configuration, from the first operation to an orderly end.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aiofile::{Context, ContextBuilder};
use caio::{Admission, Config, Ending, Error, ErrorKind, Layer, OpInfo, OpKind, Stage};

use crate::layer::Configured;

/// One context with all that a `caio.toml` describes: backend, pool and limits of the engine, and
/// the [layers](crate::layer) for limits, rates, retries, a breaker, timeouts and metrics. It knows
/// which operations are under way, so that [`shutdown`](Self::shutdown) can say which of them it
/// gave up.
///
/// Costs: a lock and an entry for each operation, beside what the layers cost.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let place = tempfile::tempdir()?; let path = place.path().join("data");
/// use std::time::Duration;
/// use aiofile::{fs, with_context};
/// use aiofile_util::FileManager;
///
/// let settings = place.path().join("caio.toml");
/// std::fs::write(&settings, "max_requests = 64\n[limits]\nreads = 8\n[metrics]\nenabled = true")?;
/// let manager = FileManager::open(&settings)?;
///
/// // Whatever is done below this has the limits, and is counted.
/// with_context(manager.context(), fs::write(&path, "contents")).await?;
/// assert!(manager.layers().metrics().is_some_and(|metrics| !metrics.summaries().is_empty()));
///
/// let report = manager.shutdown(Duration::from_secs(10)).await;
/// assert!(report.given_up.is_empty(), "{report}");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct FileManager {
    context: Context,
    configured: Configured,
    under_way: Arc<UnderWay>,
}

impl FileManager {
    /// From the file of this path, which is a `caio.toml`, whatever else there is.
    ///
    /// It reads the file and tries a backend out, on the calling thread.
    ///
    /// # Errors
    /// As for [`Config::from_file`], with line and column for nonsense in the file, and for
    /// [`ContextBuilder::build`].
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::build(aiofile::context().config(Config::from_file(path.as_ref())?))
    }

    /// From a context in the making, with the layers of its configuration added. The same, by other
    /// words, is [`ContextBuilder::build`] with [`Configured::layers`].
    ///
    /// # Errors
    /// As for [`ContextBuilder::build`].
    pub fn build(builder: ContextBuilder) -> io::Result<Self> {
        let (configured, under_way) = (Configured::new(), Arc::<UnderWay>::default());
        let layers = configured.clone();
        let builder = builder.layer(under_way.clone()).layers(move |config| layers.layers(config));
        Ok(Self { context: builder.build()?, configured, under_way })
    }

    /// The context, for [`with_context`](aiofile::with_context), [`Fs`](aiofile::fs::Fs) and the
    /// options of everything.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The layers, which tell counts and states.
    #[must_use]
    pub fn layers(&self) -> &Configured {
        &self.configured
    }

    /// Begins nothing new, waits for what is under way, for at most `patience`, and tells what was
    /// given up then. A program that has tasks of several operations waits for the tasks first.
    ///
    /// What waits for a rate or a limit has not begun and does not begin: it is given up. The
    /// second call tells nothing.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop the shutdown. The next call then tells what was given up.
    pub async fn shutdown(&self, patience: Duration) -> ShutdownReport {
        let before = self.under_way.close();
        self.context.shutdown(patience).await;
        let given_up = self.under_way.given_up();
        ShutdownReport { ended: before.saturating_sub(given_up.len()), given_up }
    }
}

/// What became of the operations that were under way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// How many have ended, as they would have ended otherwise.
    pub ended: usize,
    /// Those whose futures fail, and which may have happened or not.
    pub given_up: Vec<GivenUp>,
}

/// An operation that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GivenUp {
    /// What it was to do, by kind.
    pub kind: OpKind,
    /// The same by name, which says more of a closure.
    pub name: &'static str,
    /// With which file, as far as that is known.
    pub path: Option<PathBuf>,
    /// At which byte offset, where it has one.
    pub offset: Option<u64>,
    /// With how many bytes at most.
    pub bytes: usize,
}

impl fmt::Display for ShutdownReport {
    /// A line for the count, and one for each operation that was given up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} operations ended, {} were given up", self.ended, self.given_up.len())?;
        self.given_up.iter().try_for_each(|one| write!(f, "\n{one}"))
    }
}

impl GivenUp {
    fn of(op: &OpInfo) -> Self {
        let path = op.path().map(Path::to_owned);
        Self { kind: op.kind(), name: op.name(), path, offset: op.offset(), bytes: op.bytes() }
    }
}

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if let Some(path) = &self.path {
            write!(f, " {}", path.display())?;
        }
        if let Some(offset) = self.offset {
            write!(f, " at offset {offset}")?;
        }
        match self.bytes {
            0 => Ok(()),
            bytes => write!(f, ", {bytes} bytes"),
        }
    }
}

/// The operations under way, as a layer around all others.
#[derive(Debug, Default)]
struct UnderWay(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    operations: BTreeMap<u64, OpInfo>,
    given_up: Vec<GivenUp>,
    is_closed: bool,
}

impl UnderWay {
    /// Lets nothing more in. How many are under way.
    fn close(&self) -> usize {
        let mut state = self.state();
        state.is_closed = true;
        state.operations.len()
    }

    fn given_up(&self) -> Vec<GivenUp> {
        let mut state = self.state();
        let never_begun = mem::take(&mut state.operations);
        let mut given_up = mem::take(&mut state.given_up);
        given_up.extend(never_begun.values().map(GivenUp::of));
        given_up
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layer for UnderWay {
    fn stage(&self) -> Stage {
        Stage::Observe
    }

    fn admit(&self, op: &OpInfo) -> Admission {
        let mut state = self.state();
        if state.is_closed {
            let error = Error::new(ErrorKind::Shutdown, "the files are being shut down");
            return Admission::Refused(error);
        }
        state.operations.insert(op.id(), op.clone());
        Admission::Now
    }

    fn finished(&self, op: &OpInfo, ending: &Ending<'_>) {
        let mut state = self.state();
        let Some(operation) = state.operations.remove(&op.id()) else { return };
        let is_shut_down = |error: &Error| error.kind() == ErrorKind::Shutdown;
        if state.is_closed && ending.result.is_err_and(is_shut_down) {
            state.given_up.push(GivenUp::of(&operation));
        }
    }
}
