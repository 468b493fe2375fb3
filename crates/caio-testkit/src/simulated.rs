//! Files in memory, on a disk that does nothing until it is told to.
//!
//! An operation takes effect in the step that completes it, all at once. So the order of the steps
//! is the order in which things happened, and a seed decides it: a failure is a seed.
//!
//! It is no disk with faults: wrap it in [`Faulty`](crate::Faulty) for these.

mod names;
mod state;

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use caio::{
    Backend, BackendKind, Capability, Error, ErrorKind, Op, Output, QueueId, Request, Result,
    SharedFile, Token,
};
use nix::errno::Errno;
use nix::libc;

use crate::held::lock;
use crate::model::Model;
use crate::random::Random;
use names::Names;
use state::{Entry, State};

/// A backend whose files live in memory, and whose operations wait for [`step`](Self::step).
///
/// Nothing of it is done in place. Files are opened with `O_CREAT`, `O_EXCL`, `O_TRUNC` and
/// `O_APPEND`, read whole, and named by a [`PathCall`](caio::PathCall), which is what opening,
/// reading, writing, renaming, removing, listing and looking at a path in `aiofile::fs` are here.
/// Directories need not be made and are there as long as something is in them; there are no links.
/// A closure runs in its step, on the thread that steps, and what it does with paths is done to the
/// real files: it must not wait for another step. Lengths and offsets are limited to what fits in
/// memory.
///
/// ```
/// use std::sync::Arc;
/// use caio::{Buffer, Context};
/// use caio_testkit::Simulated;
/// use futures_util::FutureExt;
///
/// let disk = Arc::new(Simulated::new(7));
/// let context =
///     Context::builder().custom(Arc::<Simulated>::clone(&disk)).in_place(false).build()?;
/// let file = disk.create("journal")?;
///
/// let mut write = context.write(&file, Buffer::from(&b"entry"[..]), 0..5, 0).boxed();
/// assert!((&mut write).now_or_never().is_none());
/// assert!(disk.step());
/// assert_eq!(write.now_or_never().expect("the step completed it").0?, 5);
/// assert_eq!(disk.model("journal").expect("it exists").contents(), b"entry");
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug)]
pub struct Simulated {
    capability: Capability,
    state: Mutex<State>,
}

/// Remembers that somebody was woken.
#[derive(Debug, Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Simulated {
    /// An empty disk; `seed` decides the order in which operations complete.
    ///
    /// ```
    /// use caio::Backend;
    /// use caio_testkit::Simulated;
    ///
    /// let disk = Simulated::new(7);
    /// assert_eq!(disk.capability().features, ["in memory, seed 7"]);
    /// assert!(disk.model("journal").is_none());
    /// ```
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with_files(seed, Names::default(), BTreeMap::new())
    }

    /// Creates a file at once, or opens the one of that name. The names that there are become
    /// durable.
    ///
    /// # Errors
    /// Where the descriptor that stands for the file cannot be had.
    ///
    /// ```
    /// use caio_testkit::Simulated;
    ///
    /// let disk = Simulated::new(7);
    /// let file = disk.create("journal")?;
    /// assert_eq!(file.path().to_str(), Some("journal"));
    /// assert_eq!(disk.model("journal").expect("it exists").contents(), b"");
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn create(&self, name: &str) -> Result<SharedFile> {
        let path = CString::new(name).map_err(|_| {
            Error::new(ErrorKind::InvalidInput, "the name of a file contains a NUL byte")
        })?;
        let mut state = lock(&self.state);
        let file = state.open(&path, libc::O_CREAT)?;
        state.names.sync_all();
        SharedFile::new(file, name)
    }

    /// The file of that name as it is now; `None` where there is none.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use caio_testkit::Simulated;
    ///
    /// let disk = Arc::new(Simulated::new(7));
    /// # let context = caio::Context::builder().custom(disk.clone()).in_place(false).build()?;
    /// let file = disk.create("journal")?;
    /// disk.drive(context.write(&file, b"entry".to_vec().into(), 0..5, 0)).0?;
    /// let model = disk.model("journal").expect("it exists");
    /// assert_eq!((model.contents(), model.durable()), (&b"entry"[..], &b""[..]));
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn model(&self, name: &str) -> Option<Model> {
        let state = lock(&self.state);
        let inode = state.names.get(name.as_ref())?;
        Some(state.files[&inode].model.clone())
    }

    /// Operations that wait for a step.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use caio::Op;
    /// use caio_testkit::Simulated;
    ///
    /// let disk = Arc::new(Simulated::new(7));
    /// # let context = caio::Context::builder().custom(disk.clone()).in_place(false).build()?;
    /// let file = disk.create("journal")?;
    /// let _operations = context.submit_all(&file, [Op::Fsync, Op::Fdatasync]);
    /// assert_eq!(disk.pending(), 2);
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn pending(&self) -> usize {
        lock(&self.state).pending.len()
    }

    /// Does one of the pending operations and completes it. False when there is none.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use caio::Op;
    /// use caio_testkit::Simulated;
    ///
    /// let disk = Arc::new(Simulated::new(7));
    /// # let context = caio::Context::builder().custom(disk.clone()).in_place(false).build()?;
    /// let file = disk.create("journal")?;
    /// let _operations = context.submit_all(&file, [Op::Fsync, Op::Fdatasync]);
    /// assert!(disk.step());
    /// assert_eq!(disk.pending(), 1);
    /// assert!(disk.step() && !disk.step());
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn step(&self) -> bool {
        let mut state = lock(&self.state);
        if state.pending.is_empty() {
            return false;
        }
        let count = state.pending.len();
        let index = state.random.below(count);
        let mut request = state.pending.swap_remove(index);
        let result = if request.is_cancelled() {
            drop(state);
            Err(Error::new(ErrorKind::Cancelled, "its future is gone").into())
        } else if let Op::Run { job } = request.op_mut() {
            drop(state);
            // What has panicked has sent no answer, and that is told.
            let _ = catch_unwind(AssertUnwindSafe(|| job.run()));
            Ok(Output::Done)
        } else {
            let result = state.perform(&mut request);
            drop(state);
            result
        };
        // The waker may submit again: the lock is gone by then.
        request.complete(result);
        true
    }

    /// Steps until nothing is pending, and returns the number of steps.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use caio::Op;
    /// use caio_testkit::Simulated;
    ///
    /// let disk = Arc::new(Simulated::new(7));
    /// # let context = caio::Context::builder().custom(disk.clone()).in_place(false).build()?;
    /// let file = disk.create("journal")?;
    /// let _operations = context.submit_all(&file, [Op::Fsync, Op::Fdatasync]);
    /// assert_eq!(disk.run(), 2);
    /// assert_eq!(context.in_flight(), (0, 0));
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn run(&self) -> usize {
        let mut steps = 0;
        while self.step() {
            steps += 1;
        }
        steps
    }

    /// Polls the future until it is ready, with a step of the disk wherever it waits.
    ///
    /// # Panics
    /// When the future waits, nothing has woken it and no operation is pending: it waits for
    /// something else than this disk.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use caio_testkit::Simulated;
    ///
    /// let disk = Arc::new(Simulated::new(7));
    /// # let context = caio::Context::builder().custom(disk.clone()).in_place(false).build()?;
    /// let file = disk.create("journal")?;
    /// let length = disk.drive(async {
    ///     context.write(&file, b"entry".to_vec().into(), 0..5, 0).await.0?;
    ///     context.metadata(&file).await.map(|metadata| metadata.len())
    /// });
    /// assert_eq!(length?, 5);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn drive<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(Arc::clone(&flag));
        loop {
            flag.0.store(false, Ordering::Relaxed);
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            // A task that had its share yields; that is no waiting.
            if !flag.0.load(Ordering::Acquire) {
                assert!(self.step(), "the future waits for nothing that this disk has");
            }
        }
    }

    /// Cuts the power: pending operations fail with EIO, and each file becomes a state that its
    /// disk may be in then, also as to its name.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use caio_testkit::Simulated;
    ///
    /// let disk = Arc::new(Simulated::new(7));
    /// # let context = caio::Context::builder().custom(disk.clone()).in_place(false).build()?;
    /// let file = disk.create("journal")?;
    /// disk.drive(context.write(&file, b"synced".to_vec().into(), 0..6, 0)).0?;
    /// disk.drive(context.sync(&file, true))?;
    /// disk.drive(context.write(&file, b"?".to_vec().into(), 0..1, 6)).0?;
    /// disk.lose_power();
    /// assert!(disk.model("journal").expect("it exists").contents().starts_with(b"synced"));
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn lose_power(&self) {
        let mut guard = lock(&self.state);
        let State { random, pending, names, files, .. } = &mut *guard;
        let pending = std::mem::take(pending);
        *names = Names::new(names.after_power_loss(random));
        for entry in files.values_mut() {
            entry.model = Model::new(entry.model.after_power_loss(random));
            entry.show_length();
        }
        drop(guard);
        for request in pending {
            request.complete(Err(Errno::EIO.into()));
        }
    }

    /// Another disk: this one as it may be found if the power went now. Each seed gives another
    /// state that may be. This one goes on as if nothing had happened.
    ///
    /// # Errors
    /// Where the descriptors that stand for the files cannot be had.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use caio::flags::{O_CREAT, O_WRONLY};
    /// use caio_testkit::Simulated;
    ///
    /// let disk = Arc::new(Simulated::new(7));
    /// # let context = caio::Context::builder().custom(disk.clone()).in_place(false).build()?;
    /// disk.drive(context.open("new".as_ref(), O_WRONLY | O_CREAT, 0o600))?;
    /// let after = |seed| disk.after_power_loss(seed).map(|disk| disk.model("new").is_some());
    /// let found: Vec<_> = (0..64).map(after).collect::<Result<_, _>>()?;
    /// assert!(found.contains(&true) && found.contains(&false), "its name was not synced");
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn after_power_loss(&self, seed: u64) -> io::Result<Self> {
        let mut random = Random::new(seed);
        let state = lock(&self.state);
        let (mut names, mut files) = (BTreeMap::new(), BTreeMap::new());
        for (path, inode) in state.names.after_power_loss(&mut random) {
            let model = Model::new(state.files[&inode].model.after_power_loss(&mut random));
            let (inode, entry) = Entry::new(model)?;
            names.insert(path, inode);
            files.insert(inode, entry);
        }
        Ok(Self::with_files(seed, Names::new(names), files))
    }

    /// The names of the files, sorted.
    ///
    /// ```
    /// use caio_testkit::Simulated;
    ///
    /// let disk = Simulated::new(7);
    /// (disk.create("b")?, disk.create("a")?);
    /// assert_eq!(disk.names(), ["a", "b"].map(std::path::PathBuf::from));
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn names(&self) -> Vec<PathBuf> {
        lock(&self.state).names.all().map(Path::to_owned).collect()
    }

    fn with_files(seed: u64, names: Names, files: BTreeMap<u64, Entry>) -> Self {
        let capability = Capability {
            own_files: true,
            features: vec![format!("in memory, seed {seed}")],
            ..Capability::all(usize::MAX)
        };
        let (random, pending) = (Random::new(seed), Vec::new());
        let state = State { random, pending, names, files, closed: false };
        Self { capability, state: Mutex::new(state) }
    }
}

impl Backend for Simulated {
    fn kind(&self) -> BackendKind {
        BackendKind::Other("simulated")
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn queue(&self, request: Request) -> QueueId {
        let mut state = lock(&self.state);
        if state.closed {
            drop(state);
            let error = Error::new(ErrorKind::Shutdown, "the simulated disk was shut down");
            request.complete(Err(error.into()));
        } else {
            state.pending.push(request);
        }
        QueueId(0)
    }

    /// A request whose future is gone is found when its turn comes.
    fn cancel(&self, _token: Token) {}

    fn commit(&self, _queue: QueueId) {}

    fn reap(&self, _queue: QueueId) -> usize {
        0
    }

    fn descriptor(&self, _queue: QueueId) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Does what is pending, in random order: nothing else would.
    fn shutdown(&self, _deadline: Instant) -> usize {
        lock(&self.state).closed = true;
        self.run();
        self.pending()
    }
}

#[cfg(test)]
#[path = "simulated/tests.rs"]
mod tests;
