//! Many files read whole: what comes is what one read of each gives, in which order, how many at
//! once, and what is left when the stream goes.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aiofile::BackendKind;
use aiofile::fs::Fs;
use caio::{FileSystem, OpKind, SharedFile};
use caio_testkit::{FaultLayer, Plan, each_backend};

/// The files of a test lie beside the build, which is on a disk where temporary files often are
/// not.
fn temporary() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn limit(limit: usize) -> NonZeroUsize {
    limit.try_into().unwrap()
}

fn contents(number: usize) -> Vec<u8> {
    // Some are empty, some too long to be read with others, some too long for one read.
    let length = match number % 50 {
        7 => 0,
        20 => 200_000,
        40 => (1 << 20) + 1,
        other => 100 * other,
    };
    vec![number as u8; length]
}

/// So many files.
fn files(directory: &Path, count: usize) -> Vec<PathBuf> {
    let make = |number: usize| {
        let path = directory.join(number.to_string());
        fs::write(&path, contents(number)).unwrap();
        path
    };
    (0..count).map(make).collect()
}

/// Descriptors of this process on files below a directory.
fn open_below(directory: &Path) -> usize {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().flatten();
    descriptors
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(|target| target.starts_with(directory))
        .count()
}

each_backend! {
    in aiofile::context();

    fn each_file_comes_once_and_the_wrong_ones_are_errors_in_their_places(context: &Context) {
        let directory = temporary();
        let mut paths = files(directory.path(), 120);
        paths.insert(30, directory.path().join("missing"));
        paths.insert(60, directory.path().to_owned());
        paths.insert(90, PathBuf::from("/proc/self/status"));
        paths.insert(100, PathBuf::from("a\0b"));
        for (many, is_ordered) in [(1, true), (2, false), (9, true), (64, true), (500, false)] {
            let stream = Fs::new(context).read_many(paths.clone(), limit(many));
            let mut stream = stream.ordered(is_ordered);
            let mut seen = Vec::new();
            while let Some((path, read)) = block_on(stream.next()) {
                let expected = block_on(Fs::new(context).read(&path));
                match (read, expected) {
                    (Ok(read), Ok(_)) if path.starts_with("/proc") => assert!(read.len() > 20),
                    (Ok(read), Ok(expected)) => assert_eq!(read, expected),
                    (Err(error), Err(expected)) => {
                        assert_eq!(error.to_string(), expected.to_string());
                    }
                    (read, expected) => panic!("{path:?}: {read:?}, {expected:?}"),
                }
                seen.push(path);
            }
            assert_eq!(seen.len(), paths.len());
            if is_ordered {
                assert_eq!(seen, paths);
            }
            assert_eq!(HashSet::<_>::from_iter(seen), HashSet::from_iter(paths.clone()));
        }
        let missing = [directory.path().join("missing")];
        let (_, error) = block_on(Fs::new(context).read_many(missing, limit(64)).next()).unwrap();
        assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    }

    fn no_more_are_begun_than_the_limit(context: &Context) {
        let directory = temporary();
        let paths = files(directory.path(), 100);
        for (many, is_ordered) in [(1, false), (7, true), (64, false)] {
            let begun = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&begun);
            let paths = paths.clone().into_iter().inspect(move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
            });
            let stream = Fs::new(context).read_many(paths, limit(many));
            let mut stream = stream.ordered(is_ordered);
            assert_eq!(begun.load(Ordering::Relaxed), 0, "nothing is done before it is polled");
            let mut told = 0;
            while let Some((_, read)) = block_on(stream.next()) {
                read.unwrap();
                assert!(begun.load(Ordering::Relaxed) <= told + many);
                told += 1;
            }
            assert_eq!(told, 100);
        }
    }

    fn a_stream_that_is_dropped_leaves_no_descriptor(context: &Context) {
        let directory = temporary();
        let paths = files(directory.path(), 100);
        let mut stream = Fs::new(context).read_many(paths, limit(64));
        block_on(stream.next()).unwrap().1.unwrap();
        drop(stream);
        let begun = Instant::now();
        while open_below(directory.path()) > 0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "a file stays open");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// What is in memory is read several in one hop.
#[test]
fn small_files_share_a_hop() {
    let directory = temporary();
    let paths: Vec<_> = (0..64).map(|number| directory.path().join(number.to_string())).collect();
    paths.iter().for_each(|path| fs::write(path, [1; 1000]).unwrap());
    let file = SharedFile::new(fs::File::open(&paths[0]).unwrap(), &paths[0]).unwrap();
    if !matches!(file.file_system(), FileSystem::Ext4 | FileSystem::Xfs | FileSystem::Btrfs) {
        println!("skipped: files lie on {:?}", file.file_system());
        return;
    }
    for kind in [BackendKind::Uring, BackendKind::Thread] {
        let Ok(context) = aiofile::context().backend(kind).build() else { continue };
        // Others may take the memory just now.
        let hops = (0..20).map(|_| {
            let before = context.metrics();
            let mut stream = Fs::new(&context).read_many(paths.clone(), limit(64));
            block_on(async {
                while let Some((_, read)) = stream.next().await {
                    assert_eq!(read.unwrap(), [1; 1000]);
                }
            });
            let after = context.metrics();
            assert_eq!(after.bytes_read - before.bytes_read, 64_000);
            after.submitted - before.submitted
        });
        assert!(hops.min().unwrap() <= 4, "{kind}");
    }
}

/// A layer sees each file.
#[test]
fn with_layers_each_file_is_an_operation() {
    let directory = temporary();
    let paths: Vec<_> = (0..64).map(|number| directory.path().join(number.to_string())).collect();
    paths.iter().for_each(|path| fs::write(path, [1; 1000]).unwrap());
    let faults = FaultLayer::new(Plan::new(1).fail_once(OpKind::ReadFile, 33, 5));
    let context = aiofile::context().layer(Arc::new(faults)).build().unwrap();
    let mut stream = Fs::new(&context).read_many(paths, limit(64));
    let mut failed = 0;
    while let Some((_, read)) = block_on(stream.next()) {
        failed += usize::from(read.is_err());
    }
    assert_eq!(failed, 1);
}
