//! Reading two files again, and comparing them by parallel reads at offsets.

use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use caio::{Buffer, Context, Error, ErrorKind, Result, SharedFile};
use futures_util::future::{try_join, try_join_all};

use super::begin::Opened;
use super::blocks::read_full;
use super::chunks::Chunks;
use super::extents::Extents;
use super::job::Job;
use super::outcome::CopyPhase;
use super::{DIRECT_BYTES, answered, block};

/// Compares the copy with its source, of which what it has grown by since is left out. What is a
/// hole in both is not read.
///
/// # Errors
/// The first offset at which they differ; else what the system answers.
pub(super) async fn compare(context: &Context, job: &Arc<Job>, opened: &Opened) -> Result<()> {
    let files = [opened.source.clone(), opened.target.clone()];
    let (size, extents) = {
        let (job, files, path) = (Arc::clone(job), files.clone(), job.to.clone());
        context.run_on("verify", &path, move || survey(&job, &files)).await?
    };
    let block = (job.settings.block_size as u64).min(size.next_multiple_of(DIRECT_BYTES)).max(1);
    job.meter.begin(CopyPhase::Verifying, extents.bytes());
    let workers = (job.settings.in_flight as u64).min(extents.bytes().div_ceil(block));
    let chunks = Chunks::new(extents, block);
    let first = AtomicU64::new(u64::MAX);
    let comparison = Comparison { context, job, files: &files, chunks, first };
    try_join_all((0..workers).map(|_| comparison.work(block))).await?;
    match comparison.first.into_inner() {
        u64::MAX => Ok(()),
        offset => Err(differ(job, offset)),
    }
}

/// How long the copy is, and where there is something to compare.
fn survey(job: &Job, [source, copy]: &[SharedFile; 2]) -> Result<(u64, Extents)> {
    let failed = |error| answered(error, "verify", &job.to);
    let size = copy.file().metadata().map_err(failed)?.len();
    let source_size = source.file().metadata().map_err(failed)?.len();
    if source_size < size {
        return Err(differ(job, source_size));
    }
    let mut extents = Extents::default();
    for file in [source, copy] {
        let blocks = file.file().metadata().map_err(failed)?.blocks();
        extents = extents.union(Extents::of(file, size, blocks).map_err(failed)?);
    }
    Ok((size, extents))
}

struct Comparison<'a> {
    context: &'a Context,
    job: &'a Job,
    files: &'a [SharedFile; 2],
    chunks: Chunks,
    /// The least offset at which the files differ.
    first: AtomicU64,
}

impl Comparison<'_> {
    /// Blocks are dealt out in order and each is compared to its end, so that the least difference
    /// found is the first there is.
    async fn work(&self, bytes: u64) -> Result<()> {
        let mut buffers = [block(bytes)?, block(bytes)?];
        while let Some(chunk) = self.chunks.next() {
            let length = chunk.end - chunk.start;
            let different;
            (different, buffers) = self.compare(chunk, buffers).await?;
            if let Some(offset) = different {
                self.first.fetch_min(offset, Ordering::AcqRel);
                self.chunks.stop();
            }
            self.job.meter.add(length);
        }
        Ok(())
    }

    /// The first offset in the block at which the files differ.
    async fn compare(
        &self,
        chunk: Range<u64>,
        [one, other]: [Buffer; 2],
    ) -> Result<(Option<u64>, [Buffer; 2])> {
        let [source, copy] = self.files;
        let length = usize::try_from(chunk.end - chunk.start).unwrap_or(usize::MAX);
        let ((left, one), (right, other)) = try_join(
            read_full(self.context, source, one, length, chunk.start),
            read_full(self.context, copy, other, length, chunk.start),
        )
        .await?;
        let (left, right) = (&one.as_slice()[..left], &other.as_slice()[..right]);
        let difference = if left == right {
            None
        } else {
            let common = left.iter().zip(right).take_while(|(left, right)| left == right).count();
            Some(chunk.start + common as u64)
        };
        Ok((difference, [one, other]))
    }
}

fn differ(job: &Job, offset: u64) -> Error {
    let source = job.from.display();
    let message = format!("the copy differs from {source}, first at offset {offset}");
    Error::new(ErrorKind::InvalidData, message).doing("verify").on(&job.to)
}
