//! `aiofile cp`: its arguments, its progress bar and its signals, around
//! `aiofile::fs::CopyOptions`.

mod progress;
mod summary;
mod target;
mod tree;

use std::time::{Duration, Instant};

use aiofile::Context;
use aiofile::fs::{CopyOptions, Reflink, Replace};
use caio::Choice;

use crate::args::{self, CpArgs, Preserve};
use crate::failure::Failure;
use crate::output;
use crate::signals::Interrupts;
use crate::size::Size;
use crate::streams;

use progress::Progress;
use summary::Summary;

/// How long an ended copy waits for operations that are still under way.
const PATIENCE: Duration = Duration::from_millis(500);

/// What every device and file system in common use accepts for O_DIRECT, in bytes.
const DIRECT_BYTES: u64 = 4096;

/// The most memory of all jobs together, in bytes: each holds one block, and two to compare.
const MEMORY_BYTES_MAX: u64 = 4 << 30;

pub(super) async fn run(
    backend: Option<Choice>,
    args: CpArgs,
    interrupts: Interrupts,
) -> Result<(), Failure> {
    check(&args)?;
    streams::check_path(&args.source)?;
    streams::check_path(&args.target)?;
    let any_way = backend.is_none() && args.any_way();
    let context = super::context(backend)?;
    let arrival = interrupts.arrival()?;
    let result = tokio::select! {
        biased;
        failure = arrival => Err(failure),
        result = copy(&context, &args, any_way) => result,
    };
    match result {
        Ok(()) => Ok(()),
        Err(failure) => {
            // What is under way removes its temporary file when it ends.
            context.shutdown(PATIENCE).await;
            Err(failure)
        }
    }
}

/// Refuses flags that do not go together.
fn check(args: &CpArgs) -> Result<(), Failure> {
    let (block, jobs) = (args.block(), args.jobs());
    if args.direct && !block.0.is_multiple_of(DIRECT_BYTES) {
        return Err(Failure::Usage(format!(
            "--block {} with --direct: O_DIRECT moves multiples of {DIRECT_BYTES} bytes",
            block.0
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

async fn copy(context: &Context, args: &CpArgs, any_way: bool) -> Result<(), Failure> {
    let target = target::resolve(context, args).await?;
    let progress = Progress::new(args);
    let mut options = options(context, args, any_way);
    let started = Instant::now();
    if target.is_tree {
        progress.watch_tree(&mut options);
        let copied = options.copy_dir(&args.source, &target.path).await;
        progress.finish();
        return tree::report(&copied?, &target.path, started.elapsed(), args);
    }
    let target = target.path;
    progress.watch(&mut options);
    let copied = options.copy(&args.source, &target).await;
    progress.finish();
    let copied = copied?;
    if let Some(reason) = copied.in_place() {
        output::complain(format_args!("written in place: {reason}"));
    }
    for attribute in copied.unkept() {
        output::complain(format_args!("copied, but {attribute}"));
    }
    Summary::new(&copied, started.elapsed(), progress.verifying()).print(context, args, &target)
}

/// The library's options for what was typed.
fn options(context: &Context, args: &CpArgs, any_way: bool) -> CopyOptions {
    let mut options = CopyOptions::new();
    options
        .context(context)
        .replace(Replace::ByRenameIfPossible)
        .reflink(match args.reflink {
            args::Reflink::Auto => Reflink::Auto,
            args::Reflink::Always => Reflink::Always,
            args::Reflink::Never => Reflink::Never,
        })
        .copy_file_range(any_way)
        .in_flight(usize::from(args.jobs()))
        .block_size(usize::try_from(args.block().0).unwrap_or(usize::MAX))
        .direct(args.direct)
        .verify(args.verify)
        .durable(args.sync)
        .keep_times(true)
        .keep_owner(args.preserves(Preserve::Ownership))
        .keep_xattrs(args.preserves(Preserve::Xattr))
        .keep_hard_links(args.preserves(Preserve::Links));
    options
}
