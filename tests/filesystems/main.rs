//! The disk file systems by themselves, each in an image on a loop device, and an overlay as
//! containers have it: what is done in place, what O_DIRECT needs, what syncs, on every backend.
//!
//! Needs root, loop devices and the mkfs programs. What is missing is printed as skipped, and is a
//! failure where `CAIO_REQUIRE_FILESYSTEMS` is set.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]

mod image;
#[path = "../common/run.rs"]
mod run;
mod rw_flags;

use std::time::{Duration, Instant};

use aiofile::{AioFile, AlignedBuffer, BackendKind, Context, OpenOptions};
use futures_util::future::try_join_all;
use image::Image;
use tokio::runtime::Builder;

const BLOCK_BYTES: usize = 4096;
const BLOCKS: u64 = 64;

/// A fresh image with this file system; `None` where there is none here.
fn mounted(file_system: &str) -> Option<Image> {
    match Image::mount(file_system) {
        Ok(image) => Some(image),
        Err(reason) => {
            println!("skipped {file_system}: {reason}");
            let required = std::env::var_os("CAIO_REQUIRE_FILESYSTEMS").is_some();
            assert!(!required, "{file_system} is required, and was skipped: {reason}");
            None
        }
    }
}

/// Each backend that works here, on a fresh image with this file system.
fn on(file_system: &str, check: impl AsyncFn(&Context, &Image, BackendKind)) {
    let Some(image) = mounted(file_system) else { return };
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for kind in BackendKind::ALL {
        runtime.block_on(async {
            match aiofile::context().backend(kind).build() {
                Ok(context) => check(&context, &image, kind).await,
                Err(error) => {
                    assert!(!caio_testkit::required_backend(kind), "{kind} is required: {error}");
                    println!("skipped {kind} on {file_system}: {error}");
                }
            }
        });
    }
}

async fn buffered(context: &Context, image: &Image, kind: BackendKind) -> AioFile {
    let mut options = OpenOptions::new();
    options.access("w+").unwrap().context(context);
    options.open_aio(image.path().join(format!("buffered-{kind}"))).await.unwrap()
}

/// Writes all blocks at once, syncs, and reads them back in one batch.
async fn round_trip(file: &AioFile) {
    let block = |index: u64| vec![index as u8 + 1; BLOCK_BYTES];
    let offset = |index: u64| index * BLOCK_BYTES as u64;
    let writes = (0..BLOCKS).map(|index| file.write_all_at(block(index), offset(index)));
    try_join_all(writes).await.unwrap();
    file.fdatasync().await.unwrap();
    file.fsync().await.unwrap();
    let ranges: Vec<_> = (0..BLOCKS).map(|index| offset(index)..offset(index + 1)).collect();
    let blocks = file.read_ranges(&ranges).await.unwrap();
    for (index, bytes) in (0..BLOCKS).zip(blocks) {
        assert_eq!(bytes, block(index));
    }
}

/// Whether the kernel writes out what is dirty, so that no write is done in place that could wait.
fn is_much_dirty() -> bool {
    let text = std::fs::read_to_string("/proc/vmstat").unwrap();
    let count = |name: &str| -> u64 {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(key, _)| *key == name).unwrap().1.parse().unwrap()
    };
    count("nr_dirty") + count("nr_writeback") >= count("nr_dirty_background_threshold")
}

async fn direct_round_trip(context: &Context, image: &Image, kind: BackendKind) {
    let path = image.path().join(format!("direct-{kind}"));
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).direct(true);
    let file = options.clone().context(context).open_aio(&path).await.unwrap();
    let contents: Vec<u8> = (0..2 * BLOCK_BYTES).map(|index| index as u8).collect();
    let aligned = AlignedBuffer::copy_of(&contents, BLOCK_BYTES);
    file.write_all_at(aligned, 0).await.unwrap();
    file.fsync().await.unwrap();
    // Any extent can be read: it is widened to the blocks around it.
    assert_eq!(file.read_exact_at(100, 4090).await.unwrap(), contents[4090..4190]);
    // A misaligned write is refused with the numbers, unless it may go through the page cache.
    let error = file.write_all_at(vec![0; 100], 50).await.unwrap_err();
    assert!(error.to_string().contains("100 bytes at offset 50"), "{error}");
    let bouncing = options.context(context).bounce(true).open_aio(&path).await.unwrap();
    bouncing.write_all_at(vec![255; 100], 50).await.unwrap();
    assert_eq!(file.read_exact_at(100, 50).await.unwrap(), [255; 100][..]);
}

#[test]
fn ext4_keeps_everything_and_writes_through_threads() {
    on("ext4", async |context, image, kind| {
        round_trip(&buffered(context, image, kind).await).await;
        direct_round_trip(context, image, kind).await;
    });
}

#[test]
fn xfs_takes_buffered_writes_in_place() {
    on("xfs", async |context, image, kind| {
        let file = buffered(context, image, kind).await;
        round_trip(&file).await;
        // The blocks are allocated and cached now, so that nothing has to wait but a write that
        // sets another time of the file, which is the first one after each tick of the kernel's
        // clock: on a machine that stands still now and then nearly each may be that.
        let begun = Instant::now();
        loop {
            let before = context.metrics();
            for index in 0..BLOCKS {
                let offset = index * BLOCK_BYTES as u64;
                file.write_all_at(vec![7; BLOCK_BYTES], offset).await.unwrap();
            }
            let after = context.metrics();
            let in_place = after.in_place - before.in_place;
            if in_place > BLOCKS / 2 {
                break;
            }
            let patience = begun.elapsed() < Duration::from_secs(60);
            assert!(patience, "{in_place} of {BLOCKS} writes were done in place");
        }
        assert_eq!(file.read_exact_at(BLOCK_BYTES, 0).await.unwrap(), [7; BLOCK_BYTES][..]);
        direct_round_trip(context, image, kind).await;
    });
}

/// Where a program has asked for it, a write that could wait and is not expected to is done in
/// place on these, too.
#[test]
fn disks_take_writes_in_place_that_could_wait() {
    for file_system in ["ext4", "xfs", "btrfs"] {
        on(file_system, async |_, image, kind| {
            let builder = aiofile::context().backend(kind);
            let in_place = |config: &mut aiofile::Config| {
                config.buffered_writes = aiofile::BufferedWrites::InPlace;
            };
            let context = &builder.configure(in_place).build().unwrap();
            let file = buffered(context, image, kind).await;
            // Others may be writing much just now.
            for _ in 0..200 {
                round_trip(&file).await;
                if context.metrics().in_place > 0 || is_much_dirty() {
                    break;
                }
            }
            assert!(context.metrics().in_place > 0 || is_much_dirty(), "none of 12,800 writes");
            direct_round_trip(context, image, kind).await;
        });
    }
}

#[test]
fn btrfs_keeps_everything() {
    on("btrfs", async |context, image, kind| {
        round_trip(&buffered(context, image, kind).await).await;
        direct_round_trip(context, image, kind).await;
    });
}

/// Trap D21: a file of the lower directory is another one once it was written to.
#[test]
fn an_overlay_keeps_everything() {
    on("overlay", async |context, image, kind| {
        round_trip(&buffered(context, image, kind).await).await;
        direct_round_trip(context, image, kind).await;
        let mut options = OpenOptions::new();
        options.context(context);
        let path = image.path().join("below");
        let below = options.clone().read(true).open_aio(&path).await.unwrap();
        let before = below.read_to_end(0).await.unwrap();
        let above = options.read(true).write(true).open_aio(&path).await.unwrap();
        above.write_all_at(kind.name(), 50_000).await.unwrap();
        let name = above.read_exact_at(kind.name().len(), 50_000).await.unwrap();
        assert_eq!(name, kind.name());
        above.fsync().await.unwrap();
        assert_eq!(above.len().await.unwrap(), 100_000);
        assert_eq!(before.len(), 100_000);
        assert_eq!(std::fs::read(&path).unwrap(), above.read_to_end(0).await.unwrap());
    });
}
