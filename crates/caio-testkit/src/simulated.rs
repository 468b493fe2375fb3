//! Files in memory, on a disk that does nothing until it is told to.
//!
//! An operation takes effect in the step that completes it, all at once. So the order of the steps
//! is the order in which things happened, and a seed decides it: a failure is a seed.
//!
//! It is no disk with faults: wrap it in [`Faulty`](crate::Faulty) for these.

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use caio::{
    Backend, BackendKind, Buffer, Capability, Error, ErrorKind, Op, OpKind, OpSet, Output, QueueId,
    Request, Result, SharedFile, Token,
};
use nix::errno::Errno;
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::held::lock;
use crate::model::Model;
use crate::random::Random;

/// A backend whose files live in memory, one flat directory of them, and whose operations wait for
/// [`step`](Self::step).
///
/// Build the context with `in_place(false)`. Opening with `O_CREAT`, `O_EXCL` and `O_TRUNC` works,
/// `O_APPEND` does not. Closures, and so whatever is done with paths but opening files and reading
/// them whole, go to the context's pool and to the real files. Lengths and offsets are limited to
/// what fits in memory.
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

#[derive(Debug)]
struct State {
    random: Random,
    pending: Vec<Request>,
    names: HashMap<CString, u64>,
    files: HashMap<u64, Entry>,
    closed: bool,
}

/// Remembers that somebody was woken.
#[derive(Debug, Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// A file: its bytes, and the empty file that stands for it among descriptors.
#[derive(Debug)]
struct Entry {
    model: Model,
    stand_in: File,
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
        let capability = Capability {
            operations: OpKind::ALL
                .into_iter()
                .filter(|kind| *kind != OpKind::Run)
                .fold(OpSet::default(), OpSet::with),
            features: vec![format!("in memory, seed {seed}")],
            ..Capability::all(usize::MAX)
        };
        let state = State {
            random: Random::new(seed),
            pending: Vec::new(),
            names: HashMap::new(),
            files: HashMap::new(),
            closed: false,
        };
        Self { capability, state: Mutex::new(state) }
    }

    /// Creates a file at once, or opens the one of that name.
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
        let descriptor = lock(&self.state).open(&path, libc::O_CREAT)?;
        SharedFile::new(File::from(descriptor), name)
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
        let inode = state.names.get(&CString::new(name).ok()?)?;
        Some(state.files[inode].model.clone())
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
            Err(Error::new(ErrorKind::Cancelled, "its future is gone").into())
        } else {
            state.perform(&mut request)
        };
        // The waker may submit again: the lock is gone by then.
        drop(state);
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
    /// disk may be in then.
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
        let State { random, pending, files, .. } = &mut *guard;
        let pending = std::mem::take(pending);
        for entry in files.values_mut() {
            entry.model = Model::new(entry.model.after_power_loss(random));
            entry.show_length();
        }
        drop(guard);
        for request in pending {
            request.complete(Err(Errno::EIO.into()));
        }
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

impl State {
    fn perform(&mut self, request: &mut Request) -> io::Result<Output> {
        let (op, file) = request.parts_mut();
        match op {
            Op::Open { path, flags, .. } => {
                let name = path.to_string_lossy().into_owned();
                let file = File::from(self.open(path, *flags)?);
                return Ok(Output::File(SharedFile::new(file, name)?));
            }
            Op::ReadFile { path } => {
                let inode = self.names.get(path).ok_or(Errno::ENOENT)?;
                let entry = self.files.get(inode).ok_or(Errno::ENOENT)?;
                return Ok(Output::Contents(entry.model.contents().to_vec()));
            }
            Op::Close { .. } => {
                // Replaced, so that the descriptor is closed here and not with the answer.
                drop(std::mem::replace(op, Op::Metadata));
                return Ok(Output::Done);
            }
            _ => {}
        }
        let file = file.ok_or(Errno::EBADF)?.file();
        let inode = file.metadata()?.ino();
        let entry = self.files.get_mut(&inode).ok_or(Errno::EBADF)?;
        entry.perform(op)
    }

    fn open(&mut self, path: &CString, flags: i32) -> io::Result<OwnedFd> {
        if flags & libc::O_APPEND != 0 {
            return Err(Errno::EINVAL.into());
        }
        let inode = match self.names.get(path) {
            Some(_) if flags & libc::O_CREAT != 0 && flags & libc::O_EXCL != 0 => {
                return Err(Errno::EEXIST.into());
            }
            Some(inode) => *inode,
            None if flags & libc::O_CREAT == 0 => return Err(Errno::ENOENT.into()),
            None => {
                let stand_in = File::from(memfd_create(path.as_c_str(), MFdFlags::MFD_CLOEXEC)?);
                let inode = stand_in.metadata()?.ino();
                self.files.insert(inode, Entry { model: Model::default(), stand_in });
                self.names.insert(path.clone(), inode);
                inode
            }
        };
        let entry = self.files.get_mut(&inode).ok_or(Errno::ENOENT)?;
        if flags & libc::O_TRUNC != 0 {
            entry.model.set_len(0);
            entry.show_length();
        }
        Ok(entry.stand_in.try_clone()?.into())
    }
}

impl Entry {
    fn perform(&mut self, op: &mut Op) -> io::Result<Output> {
        let output = match op {
            Op::Read { buffer, range, offset } => {
                let bytes = self.model.read(place(*offset)?, range.len());
                let start = range.start;
                buffer.writable(start..start + bytes.len()).copy_from_slice(bytes);
                Output::Bytes(bytes.len())
            }
            Op::Write { buffer, range, offset } => {
                self.model.write(place(*offset)?, &buffer.as_slice()[range.clone()]);
                Output::Bytes(range.len())
            }
            Op::ReadVectored { buffers, skip, offset } => {
                Output::Bytes(self.read_vectored(buffers, *skip, place(*offset)?))
            }
            Op::WriteVectored { buffers, skip, offset } => {
                let joint: Vec<u8> =
                    buffers.iter().flat_map(|buffer| buffer.as_slice()).copied().collect();
                self.model.write(place(*offset)?, &joint[*skip..]);
                Output::Bytes(joint.len() - *skip)
            }
            Op::Fsync | Op::Fdatasync => {
                self.model.sync();
                Output::Done
            }
            Op::SetLength { length } => {
                self.model.set_len(place(*length)?);
                Output::Done
            }
            Op::Metadata => Output::Metadata(Box::new(self.stand_in.metadata()?)),
            Op::Open { .. } | Op::ReadFile { .. } | Op::Close { .. } | Op::Run { .. } => {
                return Err(Errno::EINVAL.into());
            }
        };
        self.show_length();
        Ok(output)
    }

    fn read_vectored(&self, buffers: &mut [Buffer], mut skip: usize, offset: usize) -> usize {
        let mut done = 0;
        for buffer in buffers {
            let capacity = buffer.capacity();
            let start = skip.min(capacity);
            skip -= start;
            let bytes = self.model.read(offset + done, capacity - start);
            buffer.writable(start..start + bytes.len()).copy_from_slice(bytes);
            done += bytes.len();
        }
        done
    }

    /// Lets the stand-in have the file's length, so that fstat(2) tells it.
    fn show_length(&self) {
        let length = self.model.contents().len() as u64;
        // A hole needs no room, so that only an absurd length can fail; it is told by reads then.
        let _ = self.stand_in.set_len(length);
    }
}

/// An offset in memory. Beyond 1 TiB it is surely a mistake of the test.
fn place(offset: u64) -> io::Result<usize> {
    match usize::try_from(offset) {
        Ok(place) if place < 1 << 40 => Ok(place),
        _ => Err(Errno::EFBIG.into()),
    }
}

#[cfg(test)]
#[path = "simulated/tests.rs"]
mod tests;
