//! What the kernel is asked for with each read and write: that nothing stays cached, and that a
//! write is there whole or not at all; and what becomes of it where a file system has no such
//! thing.

use std::io::ErrorKind;
use std::path::Path;

use aiofile::{
    AioFile, AlignedBuffer, AtomicWriteLimits, BackendKind, Buffer, Context, OpenOptions,
};
use caio::{FileSystem, Op, SharedFile, flags};
use caio_testkit::{Variant, variants};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use crate::image::Image;
use crate::mounted;

const MIB: usize = 1 << 20;

/// Each variant that works here, on a fresh image with this file system.
fn on(file_system: &str, check: impl AsyncFn(&Context, &Path)) {
    let Some(image) = mounted(file_system) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for variant in variants() {
        runtime.block_on(on_variant(variant, &image, &check));
    }
}

async fn on_variant(variant: &Variant, image: &Image, check: &impl AsyncFn(&Context, &Path)) {
    match variant.build(aiofile::context()) {
        Ok(context) => check(&context, &image.path().join(variant.name)).await,
        Err(error) => {
            assert!(!caio_testkit::required(variant), "{} is required: {error}", variant.name);
            println!("skipped {}: {error}", variant.name);
        }
    }
}

fn reading_and_writing(context: &Context) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).context(context);
    options
}

/// How many of the MiBs of a file begin with a page that is cached: that is read in place.
async fn cached(path: &Path) -> usize {
    let context = aiofile::context().build().unwrap();
    let file = OpenOptions::new().read(true).context(&context).open_aio(path).await.unwrap();
    let length = file.len().await.unwrap() as usize;
    let before = context.metrics().in_place;
    for start in (0..length).step_by(MIB) {
        file.read_exact_at(1, start as u64).await.unwrap();
    }
    (context.metrics().in_place - before) as usize
}

fn drop_cached(path: &Path) {
    let file = std::fs::File::open(path).unwrap();
    file.sync_all().unwrap();
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
}

async fn write_eight_mibs(file: &AioFile) {
    for number in 0..8_u64 {
        file.write_all_at(vec![number as u8; MIB], number * MIB as u64).await.unwrap();
    }
    file.fsync().await.unwrap();
}

async fn read_eight_mibs(file: &AioFile) {
    for number in 0..8_u64 {
        let read = file.read_exact_at(MIB, number * MIB as u64).await.unwrap();
        assert!(read.iter().all(|byte| u64::from(*byte) == number));
    }
}

/// A backend of the program's own may leave it out.
#[test]
fn what_is_not_to_be_cached_is_not() {
    for file_system in ["ext4", "xfs"] {
        on(file_system, async |context, path| {
            let plain = reading_and_writing(context).open_aio(path).await.unwrap();
            write_eight_mibs(&plain).await;
            assert_eq!(cached(path).await, 8, "{file_system}");
            drop_cached(path);
            assert_eq!(cached(path).await, 0, "{file_system}");
            drop_cached(path);

            let mut options = reading_and_writing(context);
            let file = options.dont_cache(true).open_aio(path).await.unwrap();
            read_eight_mibs(&file).await;
            let is_heeded = !matches!(context.info().backend, BackendKind::Other(_));
            let left = cached(path).await;
            assert!(!is_heeded || left <= 1, "{left} of 8 are cached after reading {path:?}");

            let fresh = path.with_extension("fresh");
            let mut options = reading_and_writing(context);
            let file = options.dont_cache(true).open_aio(&fresh).await.unwrap();
            write_eight_mibs(&file).await;
            let left = cached(&fresh).await;
            assert!(!is_heeded || left <= 1, "{left} of 8 are cached after writing {path:?}");
            read_eight_mibs(&file).await;
        });
    }
}

#[test]
fn a_file_system_that_refuses_it_is_asked_once() {
    for file_system in ["btrfs", "overlay"] {
        on(file_system, async |context, path| {
            let mut options = reading_and_writing(context);
            let file = options.dont_cache(true).open_aio(path).await.unwrap();
            write_eight_mibs(&file).await;
            read_eight_mibs(&file).await;
            let one = context.open(path, flags::O_RDWR, 0).await.unwrap();
            one.set_dont_cache();
            assert_eq!(one.rw_flags(false), 0, "{file_system} has refused it before");
        });
    }
}

/// A write that can be atomic on this file.
fn page(limits: AtomicWriteLimits, number: u8) -> AlignedBuffer {
    AlignedBuffer::copy_of(&vec![number; limits.unit_min], 4096)
}

fn atomic(context: &Context) -> OpenOptions {
    let mut options = reading_and_writing(context);
    options.direct(true).atomic_writes(true);
    options
}

#[test]
fn atomic_writes_are_within_the_limits_or_refused() {
    on("xfs", async |context, path| {
        let file = match atomic(context).open_aio(path).await {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                println!("skipped: XFS of this kernel has no atomic writes");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        let limits = file.atomic_write_limits().unwrap().unwrap();
        let AtomicWriteLimits { unit_min, unit_max, segments_max } = limits;
        assert!(unit_min <= unit_max && unit_min.is_power_of_two() && segments_max >= 1);
        let at = |number: usize| (number * unit_min) as u64;
        for number in 0..4 {
            file.write_all_at(page(limits, 7), at(number)).await.unwrap();
        }
        let long = AlignedBuffer::copy_of(&vec![8; unit_max], 4096);
        file.write_all_at(long, unit_max as u64).await.unwrap();
        file.write_from(page(limits, 9), at(1)).await.0.unwrap();
        assert_eq!(file.read_exact_at(unit_min, at(1)).await.unwrap(), vec![9; unit_min]);

        let many = |count: usize| AlignedBuffer::copy_of(&vec![1; count * unit_min], 4096);
        for (bytes, offset) in [(many(3), 0), (many(2), at(1)), (many(2 * unit_max / unit_min), 0)]
        {
            let length = bytes.len();
            let error = file.write_all_at(bytes, offset).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let told = error.to_string();
            let limits = format!("{unit_min} to {unit_max} bytes");
            assert!(told.contains(&limits) && told.contains(&length.to_string()), "{told}");
        }
        let parts = vec![page(limits, 1); segments_max + 1];
        let (written, parts) = file.write_vectored_at(parts, 0).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(parts.len(), segments_max + 1);
        let begin = file.read_exact_at(unit_min, 0).await.unwrap();
        assert_eq!(begin, vec![7; unit_min], "what is refused writes nothing");
        file.fdatasync().await.unwrap();
    });
}

/// What was not looked at before goes to the kernel, whose answer shows that it knows.
#[test]
fn every_backend_passes_it_on() {
    on("xfs", async |context, path| {
        let all = flags::O_RDWR | flags::O_CREAT | flags::O_DIRECT;
        let file = context.open(path, all, 0o600).await.unwrap();
        let pages = |count| Buffer::from(AlignedBuffer::copy_of(&vec![1; count * 4096], 4096));
        let written = async |file: &SharedFile, count: usize| {
            let op = Op::write(pages(count), 0..count * 4096, 0).unwrap();
            context.try_submit(file, op).unwrap().await.result
        };
        written(&file, 3).await.unwrap();
        if file.set_atomic_writes().is_err() {
            println!("skipped: XFS of this kernel has no atomic writes");
            return;
        }
        let error = written(&file, 3).await.unwrap_err();
        assert_eq!(error.io_kind(), ErrorKind::InvalidInput, "{error}");
        written(&file, 1).await.unwrap();
    });
}

#[test]
fn no_write_is_called_atomic_that_is_none() {
    for file_system in ["ext4", "btrfs"] {
        on(file_system, async |context, path| {
            let plain = reading_and_writing(context).open_aio(path).await.unwrap();
            if plain.atomic_write_limits().unwrap().is_some() {
                println!("skipped: this {file_system} has atomic writes");
                return;
            }
            let error = atomic(context).open_aio(path).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains("XFS has since Linux 6.16"), "{error}");
            let file = context.open(path, flags::O_RDWR, 0).await.unwrap();
            assert_ne!(file.file_system(), FileSystem::Memory);
            assert_eq!(file.set_atomic_writes().unwrap_err().io_kind(), ErrorKind::InvalidInput);
            // What contradicts it is refused before the file is touched.
            plain.write_all_at("contents", 0).await.unwrap();
            let changes: [fn(&mut OpenOptions) -> &mut OpenOptions; 4] = [
                |options| options.direct(false),
                |options| options.bounce(true),
                |options| options.append(true),
                |options| options.write(false),
            ];
            for change in changes {
                let mut options = atomic(context);
                options.truncate(true);
                let error = change(&mut options).open_aio(path).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
            }
            assert_eq!(plain.len().await.unwrap(), 8);
        });
    }
}
