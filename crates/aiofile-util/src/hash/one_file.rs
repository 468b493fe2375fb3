//! The hash of one file: one job for a small one, one for each few MiB of a large one.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aiofile::Context;
use caio::{Buffer, Result, flags};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::digest::Digest;
use super::{Hash, HashKind, tree};
use crate::steps::{Doing, JOB_BYTES, READ_BYTES, Step, Watch, in_steps};

/// How many bytes of a stream are waited for and hashed at once.
const STREAM_BYTES: usize = 256 << 10;

/// What the first job found.
enum Begun {
    /// The file was small.
    Done(Hash),
    /// There is more of it.
    More(Running),
    /// A regular file that can be hashed in pieces at once.
    Large(File, u64),
    /// What would make a thread wait, such as a pipe.
    Stream,
}

/// A file that is being read.
struct Running {
    file: File,
    digest: Option<Digest>,
    buffer: Vec<u8>,
}

/// Hashes the file.
pub(super) async fn hash(context: &Context, kind: HashKind, path: &Path) -> Result<Hash> {
    if context.info().capability.own_files {
        return stream(context, kind, path).await.map_err(|error| error.on(path));
    }
    let owned = path.to_owned();
    finish(context, kind, path, move || begin(kind, &owned)).await
}

/// Hashes the regular file that `open` opens on the pool; the path is for messages.
pub(crate) async fn hash_opened(
    context: &Context,
    kind: HashKind,
    path: &Path,
    open: impl FnOnce() -> Result<File> + Send + 'static,
) -> Result<Hash> {
    let owned = path.to_owned();
    finish(context, kind, path, move || begin_opened(kind, open()?, &owned)).await
}

async fn finish(
    context: &Context,
    kind: HashKind,
    path: &Path,
    begin: impl FnOnce() -> Result<Begun> + Send + 'static,
) -> Result<Hash> {
    let outcome = match context.run_on("hash", path, begin).await? {
        Begun::Done(hash) => Ok(hash),
        Begun::More(running) => go_on(context, running, path).await,
        Begun::Stream => stream(context, kind, path).await,
        Begun::Large(file, length) => {
            // No read of the pieces moves the position that both have.
            let again = file.try_clone().doing("hash", path)?;
            match tree::hash(context, file, path, length).await {
                Ok(Some(hash)) => Ok(hash),
                // It grows or shrinks: what is there when the end is reached counts.
                Ok(None) => go_on(context, Running::new(kind, again, READ_BYTES), path).await,
                Err(error) => Err(error),
            }
        }
    };
    outcome.map_err(|error| error.on(path))
}

fn begin(kind: HashKind, path: &Path) -> Result<Begun> {
    // Before it is opened: whoever waits to write to a FIFO would take that for a reader.
    let looked = fs::metadata(path).doing("stat", path)?;
    if !looked.is_file() && !looked.is_dir() {
        return Ok(Begun::Stream);
    }
    let mut options = File::options();
    let nonblock = OFlags::NONBLOCK.bits().cast_signed();
    let opened = options.read(true).custom_flags(nonblock).open(path);
    let file = match opened {
        Ok(file) => file,
        // Somebody holds a lease of it, for whose end the stream waits.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::WOULDBLOCK) => {
            return Ok(Begun::Stream);
        }
        Err(error) => return Err(error).doing("open", path),
    };
    begin_opened(kind, file, path)
}

fn begin_opened(kind: HashKind, file: File, path: &Path) -> Result<Begun> {
    let length = file.metadata().doing("stat", path)?.len();
    if kind == HashKind::Blake3 && length > tree::PIECE_BYTES {
        return Ok(Begun::Large(file, length));
    }
    // A byte more than the file has, so that the end is seen by the read that comes to it.
    let room = usize::try_from(length).map_or(READ_BYTES, |length| length.saturating_add(1));
    let mut running = Running::new(kind, file, room.clamp(4096, READ_BYTES));
    match running.step().doing("read", path)? {
        Step::Done(_, hash) => Ok(Begun::Done(hash)),
        Step::More(_) => Ok(Begun::More(running)),
    }
}

async fn go_on(context: &Context, running: Running, path: &Path) -> Result<Hash> {
    let step = |running: &mut Running| Ok(running.step()?);
    in_steps(context, ("read", path), running, &Watch::default(), step).await
}

impl Running {
    fn new(kind: HashKind, file: File, room: usize) -> Self {
        Self { file, digest: Some(Digest::new(kind)), buffer: vec![0; room] }
    }

    /// Hashes the next few MiB.
    fn step(&mut self) -> io::Result<Step<Hash>> {
        let mut done = 0;
        while done < JOB_BYTES {
            match self.file.read(&mut self.buffer) {
                Ok(0) => {
                    let digest = self.digest.take().expect("there is one until the end");
                    return Ok(Step::Done(done, digest.finish()));
                }
                Ok(read) => {
                    let digest = self.digest.as_mut().expect("there is one until the end");
                    digest.update(&self.buffer[..read]);
                    done += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Step::More(done))
    }
}

/// Waits in the engine for what comes, and hashes it on the pool.
async fn stream(context: &Context, kind: HashKind, path: &Path) -> Result<Hash> {
    let file = context.open(path, flags::O_RDONLY, 0).await?;
    let mut digest = Digest::new(kind);
    let mut buffer = Buffer::from(Vec::with_capacity(STREAM_BYTES));
    let mut offset = 0;
    loop {
        let (read, filled) = context.read(&file, buffer, 0..STREAM_BYTES, offset).await;
        let read = read?;
        if read == 0 {
            context.close(file, true).await?;
            return Ok(digest.finish());
        }
        offset += read as u64;
        (digest, buffer) = context
            .run_on("hash", path, move || {
                digest.update(&filled.as_slice()[..read]);
                Ok((digest, filled))
            })
            .await?;
    }
}
