//! What one user does to files of its own, several operations at a time, against a model. Whatever
//! fails, each operation has one end, the buffer comes back with it, and the files hold what was
//! acknowledged, and of the rest what was there before or what was to be written.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiofile::{Context, with_context};
use caio::{Buffer, Error, OpKind, SharedFile, Transfer, flags};
use caio_testkit::{Guards, Model, Random};
use futures_util::future::join_all;
use nix::libc;

/// The parts of the file that are transferred at the same time.
const SLOTS: usize = 8;

/// The bytes of such a part.
const SLOT: usize = (BUFFERS + 1) * BUFFER;

/// The bytes of a buffer, which suit O_DIRECT.
pub(crate) const BUFFER: usize = 4096;

/// The buffers of a transfer that has several.
const BUFFERS: usize = 3;

/// One user.
pub(crate) struct User {
    pub(crate) context: Context,
    pub(crate) guards: Arc<Guards>,
    /// The errnos that an operation may end with; without any, all have to succeed but syncs.
    pub(crate) may_fail: Vec<i32>,
    random: Random,
    path: PathBuf,
    file: SharedFile,
    /// It bypasses the page cache, so that whole buffers are transferred.
    is_direct: bool,
    /// The same, to look at it.
    seen: File,
    model: Model,
    log: SharedFile,
    logged: Vec<u8>,
    operations: u64,
    failed: u64,
}

/// What a user did.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) operations: u64,
    pub(crate) failed: u64,
}

/// A transfer that has ended.
struct Ended {
    kind: OpKind,
    offset: usize,
    /// What was to be written; of a read, what it gave.
    bytes: Vec<u8>,
    length: usize,
    result: Result<usize, Error>,
}

impl User {
    /// A user whose file bypasses the page cache, where that can be and is wanted.
    pub(crate) fn new(
        context: &Context,
        guards: &Arc<Guards>,
        place: &Path,
        seed: u64,
        is_direct: bool,
    ) -> Self {
        let (path, log) = (place.join(format!("data-{seed}")), place.join(format!("log-{seed}")));
        let contents: Vec<u8> = (0..SLOTS * SLOT).map(|at| plain((at / 256) as u64)).collect();
        std::fs::write(&path, &contents).unwrap();
        let open = |flags| File::options().read(true).write(true).custom_flags(flags).open(&path);
        let direct = if is_direct { open(libc::O_DIRECT).ok() } else { None };
        let is_direct = direct.is_some();
        let file = direct.unwrap_or_else(|| open(0).unwrap());
        let append = File::options().append(true).create(true).open(&log).unwrap();
        Self {
            context: context.clone(),
            guards: Arc::clone(guards),
            may_fail: Vec::new(),
            random: Random::new(seed),
            file: SharedFile::new(file, &path).unwrap(),
            is_direct,
            seen: open(0).unwrap(),
            path,
            model: Model::new(contents),
            log: SharedFile::new(append, &log).unwrap(),
            logged: Vec::new(),
            operations: 0,
            failed: 0,
        }
    }

    /// Takes so many steps.
    ///
    /// # Errors
    /// What does not hold.
    pub(crate) async fn work(mut self, steps: usize) -> Result<Done, String> {
        for step in 0..steps {
            match self.random.below(20) {
                0 => self.cut().await?,
                1 => self.open().await?,
                2 => self.read_whole().await?,
                3 => self.write_whole().await?,
                4..8 => self.append().await?,
                _ => self.transfers().await?,
            }
            if step % 8 == 0 || step + 1 == steps {
                self.compare(step)?;
            }
        }
        Ok(Done { operations: self.operations, failed: self.failed })
    }

    /// Some transfers of different slots, at the same time, perhaps with a sync beside them.
    async fn transfers(&mut self) -> Result<(), String> {
        let mut slots: Vec<usize> = (0..SLOTS).collect();
        self.random.shuffle(&mut slots);
        slots.truncate(1 + self.random.below(6));
        let (file, context) = (self.file.clone(), self.context.clone());
        let random = &mut self.random;
        let transfers = slots.into_iter().map(|slot| {
            let kind = match random.below(4) {
                0 => OpKind::Read,
                1 => OpKind::ReadVectored,
                2 => OpKind::Write,
                _ => OpKind::WriteVectored,
            };
            let parts = parts(random, kind, self.is_direct);
            let start = if self.is_direct { 0 } else { random.below(SLOT - BUFFERS * BUFFER) };
            transfer(&context, &file, &self.guards, kind, slot * SLOT + start, parts)
        });
        let transfers: Vec<_> = transfers.collect();
        let (syncs, data_only) = (random.chance(0.1), random.chance(0.5));
        let sync = async {
            match syncs {
                true => Some(context.sync(&file, data_only).await),
                false => None,
            }
        };
        let (ended, synced) = futures_util::join!(join_all(transfers), sync);
        for transfer in ended {
            self.settle(&transfer?)?;
        }
        if let Some(synced) = synced {
            self.operations += 1;
            self.synced(synced).await?;
        }
        Ok(())
    }

    /// A sync that lost what was written is told to everybody, until somebody says that he knows.
    async fn synced(&mut self, synced: Result<(), Error>) -> Result<(), String> {
        let Err(error) = synced else { return Ok(()) };
        self.failed += 1;
        if error.raw_os_error() != Some(libc::EIO) {
            self.file.clear_sync_error();
            return Ok(());
        }
        let again = self.context.sync(&self.file, false).await;
        self.operations += 1;
        if again.is_ok() {
            return Err(format!("a sync after one that failed is well: {error}"));
        }
        self.file.clear_sync_error();
        Ok(())
    }

    /// Takes a transfer into the model.
    fn settle(&mut self, ended: &Ended) -> Result<(), String> {
        let Ended { kind, offset, bytes, length, .. } = ended;
        let moved = self.moved(&ended.result, *length)?;
        if matches!(kind, OpKind::Read | OpKind::ReadVectored) {
            let expected = &self.model.read(*offset, *length)[..moved];
            let found = &bytes[..moved.min(bytes.len())];
            return same(&format!("a {kind} at {offset}"), found, expected);
        }
        self.model.write(*offset, &bytes[..moved]);
        let mut found = vec![0; length - moved];
        self.seen.read_exact_at(&mut found, (offset + moved) as u64).unwrap();
        let before = self.model.read(offset + moved, length - moved);
        let either =
            |(at, found): (usize, &u8)| *found == before[at] || *found == bytes[moved + at];
        if !found.iter().enumerate().all(either) {
            return Err(format!("a {kind} of {moved} of {length} bytes at {offset} left others"));
        }
        self.model.write(offset + moved, &found);
        Ok(())
    }

    /// How much an operation has moved; fails where it had to succeed.
    fn moved(&mut self, result: &Result<usize, Error>, length: usize) -> Result<usize, String> {
        self.operations += 1;
        match result {
            Ok(moved) if *moved == length => Ok(*moved),
            Ok(moved) if !self.may_fail.is_empty() && *moved < length => Ok(*moved),
            Ok(moved) => Err(format!("{moved} of {length} bytes, and no error")),
            Err(error) => self.may_fail(error).map(|()| 0),
        }
    }

    fn may_fail(&mut self, error: &Error) -> Result<(), String> {
        self.failed += 1;
        match error.raw_os_error() {
            Some(errno) if self.may_fail.contains(&errno) => Ok(()),
            _ => Err(format!("nothing made it fail so: {error}")),
        }
    }

    /// A record at the end of a file.
    async fn append(&mut self) -> Result<(), String> {
        let kind = if self.random.chance(0.5) { OpKind::Write } else { OpKind::WriteVectored };
        let record = parts(&mut self.random, kind, false);
        let appended = transfer(&self.context, &self.log, &self.guards, kind, 0, record).await?;
        let length = appended.length;
        let moved = self.moved(&appended.result, length)?;
        let found = std::fs::read(self.log.path()).unwrap();
        let at_most = [&self.logged, &appended.bytes[..]].concat();
        if found.len() < self.logged.len() + moved || !at_most.starts_with(&found) {
            let (now, before) = (found.len(), self.logged.len());
            return Err(format!("{moved} of {length} bytes are appended to {before}: {now} now"));
        }
        self.logged = found;
        Ok(())
    }

    /// The file is cut, and as long as before again.
    async fn cut(&mut self) -> Result<(), String> {
        for length in [self.random.below(SLOTS * SLOT), SLOTS * SLOT] {
            // What fails is tried again: a file that is shorter is no use.
            while let Err(error) = {
                self.operations += 1;
                self.context.set_length(&self.file, length as u64).await
            } {
                self.may_fail(&error)?;
                let found = self.seen.metadata().unwrap().len();
                if found != self.model.contents().len() as u64 {
                    return Err(format!("it was cut to {found} bytes, and an error: {error}"));
                }
            }
            self.model.set_len(length);
        }
        Ok(())
    }

    async fn open(&mut self) -> Result<(), String> {
        self.operations += 1;
        let opened = self.context.open(&self.path, flags::O_RDONLY, 0).await;
        let file = match opened {
            Ok(file) => file,
            Err(error) => return self.may_fail(&error),
        };
        let wanted = parts(&mut self.random, OpKind::Read, false);
        let read = transfer(&self.context, &file, &self.guards, OpKind::Read, 0, wanted).await?;
        self.settle(&read)?;
        self.operations += 1;
        match self.context.close(file, true).await {
            Ok(()) => Ok(()),
            Err(error) => self.may_fail(&error),
        }
    }

    async fn read_whole(&mut self) -> Result<(), String> {
        self.operations += 1;
        match self.context.read_file(&self.path).await {
            Ok(contents) => same("the whole file", &contents, self.model.contents()),
            Err(error) => self.may_fail(&error),
        }
    }

    async fn write_whole(&mut self) -> Result<(), String> {
        self.operations += 1;
        let path = self.path.with_extension("whole");
        let bytes = vec![plain(self.random.bits()); self.random.below(3 * SLOT)];
        let written = with_context(&self.context, aiofile::fs::write(&path, bytes.clone())).await;
        match written {
            Ok(()) => same("a file written whole", &std::fs::read(&path).unwrap(), &bytes),
            Err(error) => self.may_fail(&error.into()),
        }
    }

    fn compare(&self, step: usize) -> Result<(), String> {
        let after = format!("after step {step}");
        same(&after, &std::fs::read(&self.path).unwrap(), self.model.contents())?;
        same(&after, &std::fs::read(self.log.path()).unwrap(), &self.logged)
    }
}

/// A byte that is not the paint of buffers that were given back.
fn plain(bits: u64) -> u8 {
    (bits % u64::from(Guards::PAINT)) as u8
}

fn same(what: &str, found: &[u8], expected: &[u8]) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => {
            let at = found.iter().zip(expected).position(|(one, other)| one != other);
            let (found, expected) = (found.len(), expected.len());
            Err(format!("{what}: {found} bytes, {expected} expected, byte {at:?} is another"))
        }
    }
}

/// What the buffers of a transfer have: a read of several fills them.
fn parts(random: &mut Random, kind: OpKind, are_full: bool) -> Vec<Vec<u8>> {
    let are_full = are_full || kind == OpKind::ReadVectored;
    let count = if matches!(kind, OpKind::Read | OpKind::Write) { 1 } else { BUFFERS };
    let part = |_| {
        let length = if are_full { BUFFER } else { 1 + random.below(BUFFER) };
        vec![plain(random.bits()); length]
    };
    (0..count).map(part).collect()
}

/// One transfer, by buffers that have to come back.
async fn transfer(
    context: &Context,
    file: &SharedFile,
    guards: &Guards,
    kind: OpKind,
    offset: usize,
    parts: Vec<Vec<u8>>,
) -> Result<Ended, String> {
    let bytes = parts.concat();
    let (length, at) = (bytes.len(), offset as u64);
    let lend = |part: &Vec<u8>| {
        let mut buffer = guards.lend();
        buffer.extend_from_slice(part);
        Buffer::from(buffer)
    };
    let mut buffers: Vec<Buffer> = parts.iter().map(lend).collect();
    let lent: HashSet<_> = buffers.iter().map(Buffer::as_ptr).collect();
    let one = |(result, buffer): Transfer| (result, vec![buffer]);
    let (result, buffers) = match kind {
        OpKind::Read => one(context.read(file, buffers.remove(0), 0..length, at).await),
        OpKind::Write => one(context.write(file, buffers.remove(0), 0..length, at).await),
        OpKind::ReadVectored => context.read_vectored(file, buffers, at).await,
        _ => context.write_vectored(file, buffers, at).await,
    };
    if buffers.iter().map(Buffer::as_ptr).collect::<HashSet<_>>() != lent {
        return Err(format!("a {kind} gave other buffers back than it got"));
    }
    let is_read = matches!(kind, OpKind::Read | OpKind::ReadVectored);
    let read = || buffers.iter().flat_map(Buffer::as_slice).copied().collect();
    let bytes = if is_read { read() } else { bytes };
    Ok(Ended { kind, offset, bytes, length, result })
}
