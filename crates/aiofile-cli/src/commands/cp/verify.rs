//! Reading two files again, and comparing them by parallel reads at offsets.

use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aiofile::{AioFile, AlignedBuffer, Error};
use tokio::task::JoinSet;

use super::DIRECT_BYTES;
use super::chunks::Chunks;
use super::extents::Extents;
use super::progress::Progress;
use crate::args::CpArgs;
use crate::failure::Failure;

/// Compares the copy with its source, of which what it has grown by since is left out. What is a
/// hole in both is not read.
///
/// # Errors
/// The first offset at which they differ; else what the system answers.
pub(super) async fn compare(
    source: &AioFile,
    copy: &AioFile,
    args: &CpArgs,
    progress: &Progress,
) -> Result<(), Failure> {
    let size = copy.len().await?;
    let source_size = source.len().await?;
    if source_size < size {
        return Err(differ(args, source_size));
    }
    let mut extents = Extents::default();
    for file in [source, copy] {
        let blocks = file.metadata().await?.blocks();
        extents = extents.union(Extents::of(file, size, blocks).await?);
    }
    let block = args.block().0.min(size.next_multiple_of(DIRECT_BYTES)).max(1);
    progress.expect(extents.bytes());
    let jobs = u64::from(args.jobs()).min(extents.bytes().div_ceil(block));
    let comparison = Arc::new(Comparison {
        files: [source.clone(), copy.clone()],
        chunks: Chunks::new(extents, block),
        first: AtomicU64::new(u64::MAX),
        progress: progress.clone(),
    });
    let mut running = JoinSet::new();
    for _ in 0..jobs {
        running.spawn(Arc::clone(&comparison).job(block));
    }
    while let Some(job) = running.join_next().await {
        job.map_err(|error| Failure::during("verify", error))??;
    }
    match comparison.first.load(Ordering::Acquire) {
        u64::MAX => Ok(()),
        offset => Err(differ(args, offset)),
    }
}

struct Comparison {
    files: [AioFile; 2],
    chunks: Chunks,
    /// The least offset at which the files differ.
    first: AtomicU64,
    progress: Progress,
}

impl Comparison {
    /// Blocks are dealt out in order and each is compared to its end, so that the least difference
    /// found is the first there is.
    async fn job(self: Arc<Self>, block: u64) -> Result<(), Error> {
        let room = usize::try_from(block).expect("a block fits in memory");
        let mut buffers = [(); 2].map(|()| AlignedBuffer::new(room, caio::DEFAULT_ALIGNMENT));
        while let Some(chunk) = self.chunks.next() {
            let length = chunk.end - chunk.start;
            let different;
            (different, buffers) = self.compare(chunk, buffers).await?;
            if let Some(offset) = different {
                self.first.fetch_min(offset, Ordering::AcqRel);
                self.chunks.stop();
            }
            self.progress.add(length);
        }
        Ok(())
    }

    /// The first offset in the block at which the files differ.
    async fn compare(
        &self,
        chunk: Range<u64>,
        [one, other]: [AlignedBuffer; 2],
    ) -> Result<(Option<u64>, [AlignedBuffer; 2]), Error> {
        let [source, copy] = &self.files;
        let ((left, one), (right, other)) =
            tokio::join!(source.read_into(one, chunk.start), copy.read_into(other, chunk.start));
        let length = usize::try_from(chunk.end - chunk.start).expect("a block fits in memory");
        let (left, right) = (&one[..left?.min(length)], &other[..right?.min(length)]);
        let difference = if left == right {
            None
        } else {
            let common = left.iter().zip(right).take_while(|(left, right)| left == right).count();
            Some(chunk.start + common as u64)
        };
        Ok((difference, [one, other]))
    }
}

fn differ(args: &CpArgs, offset: u64) -> Failure {
    let (source, target) = (args.source.display(), args.target.display());
    Failure::during(
        format_args!("verify {target}"),
        format_args!("the copy differs from {source}, first at offset {offset}"),
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_first_difference_is_told_whichever_job_finds_one() {
        let flags = ["aiofile", "cp", "one", "other", "--block", "4K", "--jobs", "4", "-q"];
        let Command::Cp(args) = Cli::parse_from(flags).command else { panic!("it is cp") };
        let progress = Progress::new(&args, 0);
        let place = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| place.path().join(name));
        let contents: Vec<u8> = (0..300_007_u32).map(|index| (index % 251) as u8).collect();
        let open = async |path, contents: &[u8]| {
            std::fs::write(path, contents).unwrap();
            AioFile::open(path, "r").await.unwrap()
        };
        let source = open(&one, &contents).await;
        for different in [0, 4095, 4096, 123_456, 299_998] {
            let mut changed = contents.clone();
            for offset in [different, 299_999] {
                changed[offset] ^= 1;
            }
            let copy = open(&other, &changed).await;
            let failure = compare(&source, &copy, &args, &progress).await.unwrap_err();
            let Failure::Failed(text) = failure else { panic!("{failure:?}") };
            assert!(text.ends_with(&format!("first at offset {different}")), "{text}");
        }
        let copy = open(&other, &contents).await;
        compare(&source, &copy, &args, &progress).await.unwrap();
        let short = open(&one, &contents[..1000]).await;
        compare(&short, &copy, &args, &progress).await.unwrap_err();
    }
}
