//! `aiofile cp`: one file, by parallel reads and writes at offsets.
//!
//! The copy grows in a temporary file beside its place and gets its name when it is complete.

mod attributes;
mod chunks;
mod extents;
mod kernel;
mod parallel;
mod progress;
mod scratch;
mod sequential;
mod summary;
mod target;
mod verify;

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use aiofile::{AioFile, Context, Error, ErrorKind, OpenOptions};
use caio::Choice;
use futures_util::future::select_all;
use rustix::fs::ioctl_ficlone;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{CpArgs, Reflink};
use crate::blocking::blocking;
use crate::failure::Failure;
use crate::signals;
use crate::size::Size;

use extents::Extents;
use parallel::Parallel;
use progress::Progress;
use scratch::Scratch;
use summary::{Summary, Way};
use target::Target;

/// How long an ended copy waits for operations that are still under way.
const PATIENCE: Duration = Duration::from_millis(500);

/// What every device and file system in common use accepts for O_DIRECT, in bytes.
const DIRECT_BYTES: u64 = 4096;

/// The most memory of all jobs together, in bytes: each holds one block, and two to compare.
const MEMORY_BYTES_MAX: u64 = 4 << 30;

pub(super) async fn run(backend: Option<Choice>, args: CpArgs) -> Result<(), Failure> {
    check(&args)?;
    let any_way = backend.is_none() && args.any_way();
    let context = super::context(backend)?;
    let scratch = Scratch::default();
    let result = tokio::select! {
        failure = interrupted() => Err(failure),
        result = copy(&context, &args, any_way, &scratch) => result,
    };
    match result {
        Ok(summary) => summary.print(&context, &args),
        Err(failure) => {
            // An opening under way may still create the temporary file: removed after it.
            context.shutdown(PATIENCE).await;
            scratch.remove().await;
            Err(failure)
        }
    }
}

/// Refuses flags that do not go together.
fn check(args: &CpArgs) -> Result<(), Failure> {
    let (block, jobs) = (args.block(), args.jobs());
    if args.direct && !block.0.is_multiple_of(DIRECT_BYTES) {
        return Err(Failure::Usage(format!(
            "--block {block} with --direct: O_DIRECT moves multiples of {DIRECT_BYTES} bytes"
        )));
    }
    if block.0 * u64::from(jobs) > MEMORY_BYTES_MAX {
        let most = Size(MEMORY_BYTES_MAX);
        return Err(Failure::Usage(format!(
            "--jobs {jobs} --block {block}: all blocks together may take {most} of memory"
        )));
    }
    Ok(())
}

/// Waits for a signal that ends the copy.
async fn interrupted() -> Failure {
    let watch = |number| Ok((number, signal(SignalKind::from_raw(number as i32))?));
    let watched: io::Result<Vec<_>> = signals::ending().into_iter().map(watch).collect();
    let mut watched = match watched {
        Ok(watched) => watched,
        Err(error) => return Failure::during("watch for signals", error),
    };
    let arrivals = watched.iter_mut().map(|(number, arrival)| {
        Box::pin(async move {
            arrival.recv().await;
            *number as i32
        })
    });
    let (number, ..) = select_all(arrivals).await;
    Failure::Interrupted(u8::try_from(number).expect("signals are small numbers"))
}

async fn copy(
    context: &Context,
    args: &CpArgs,
    any_way: bool,
    scratch: &Scratch,
) -> Result<Summary, Failure> {
    let (from, to) = (args.source.clone(), args.target.clone());
    let (kind, target) = blocking(move || target::resolve(&from, &to)).await?;
    if args.verify && !(kind.is_file() && target.is_replaced) {
        let source = args.source.display();
        return Err(Failure::Failed(format!(
            "cp {source} --verify: only regular files can be read again and compared"
        )));
    }
    let direct = args.direct && has_size(&kind);
    let mut options = OpenOptions::new();
    options.context(context);
    let source = options.clone().read(true).direct(direct).open_aio(&args.source).await?;
    let metadata = source.metadata().await?;
    let progress = Progress::new(args, metadata.len());
    if !target.is_replaced {
        let file = options.write(true).open_aio(&target.path).await?;
        let started = Instant::now();
        let copied = sequential::copy(&source, &file, args.block(), &progress).await?;
        progress.finish();
        let mut summary = Summary::new(started, Way::Sequential, copied);
        summary.to_stderr = true;
        return Ok(summary);
    }
    let file = scratch.create(context, &target.path, direct).await?;
    let work = fill(&source, &metadata, &file, args, any_way, &progress);
    let mut summary = work.await?;
    if args.verify {
        let started = Instant::now();
        verify::compare(&source, &file, args, &progress).await?;
        summary.verified = Some(started.elapsed());
    }
    progress.finish();
    attributes::keep(&file, metadata).await?;
    settle(context, file, args, scratch, &target).await?;
    Ok(summary)
}

/// Whether the size that the system reports can be relied upon.
fn has_size(metadata: &Metadata) -> bool {
    metadata.is_file() && metadata.len() > 0
}

/// Gives the new file the contents of the source.
async fn fill(
    source: &AioFile,
    metadata: &Metadata,
    file: &AioFile,
    args: &CpArgs,
    any_way: bool,
    progress: &Progress,
) -> Result<Summary, Failure> {
    let started = Instant::now();
    if args.reflink != Reflink::Never {
        let (from, to) = (source.clone(), file.clone());
        match blocking(move || ioctl_ficlone(&to, &from)).await {
            Ok(()) => return Ok(Summary::new(started, Way::Reflink, metadata.len())),
            Err(error) if args.reflink == Reflink::Always => {
                let undertaking = format!("share the blocks of {}", args.source.display());
                return Err(Failure::during(undertaking, error));
            }
            Err(_) => {}
        }
    }
    let extents = match has_size(metadata) {
        true => Extents::of(source, metadata.len(), metadata.blocks()).await?,
        false => Extents::default(),
    };
    // Contents without blocks: a file of /sys, whose size is made up, or one so small that it lies
    // in its inode.
    let made_up = metadata.blocks() == 0 && !extents.is_empty();
    if !has_size(metadata) || (made_up && !args.direct) {
        let copied = sequential::copy(source, file, args.block(), progress).await?;
        return Ok(Summary::new(started, Way::Sequential, copied));
    }
    let size = metadata.len();
    if any_way && kernel::copy(source, file, size, &extents, progress).await? {
        return Ok(Summary::new(started, Way::Kernel { size }, extents.bytes()));
    }
    let work = Parallel {
        source: source.clone(),
        target: file.clone(),
        size,
        block: args.block(),
        direct: args.direct,
        progress: progress.clone(),
    };
    let copied = work.run(extents, args.jobs()).await?;
    Ok(Summary::new(started, Way::Parallel { size }, copied))
}

/// The source is shorter than when its copy began.
fn shrunk(source: &AioFile, size: u64, end: u64) -> Error {
    let message = format!("it ended there while it was copied, after {size} bytes before");
    let error = Error::new(ErrorKind::UnexpectedEof, message).during(caio::OpKind::Read);
    error.on(source.path().unwrap_or("".as_ref())).at(end)
}

/// Closes the copy and puts it in its place.
async fn settle(
    context: &Context,
    mut file: AioFile,
    args: &CpArgs,
    scratch: &Scratch,
    target: &Target,
) -> Result<(), Failure> {
    if args.sync {
        file.fsync().await?;
    }
    file.close().await?;
    scratch.rename(target.path.clone()).await?;
    if args.sync {
        let directory = target.directory();
        let directory = OpenOptions::new().read(true).context(context).open_aio(directory).await?;
        directory.fsync().await?;
    }
    Ok(())
}
