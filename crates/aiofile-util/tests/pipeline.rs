//! Many files at once: nothing is lost or doubled, limits hold, errors mean what was said.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::future::poll_fn;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use aiofile::BackendKind;
use aiofile_util::{FilePart, OnError, Outcomes, PipelineOptions};
use caio_testkit::Random;
use futures_util::{FutureExt, StreamExt};
use proptest::prelude::*;

use common::{block_on, contexts, file, noise, place};

fn jobs(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// Files of these lengths, each with its own contents.
fn files(directory: &Path, lengths: &[usize]) -> Vec<PathBuf> {
    let one = |(index, length): (usize, &usize)| {
        file(directory, &format!("{index:04}"), noise(*length, index as u64))
    };
    lengths.iter().enumerate().map(one).collect()
}

fn all<T: Send + 'static>(outcomes: Outcomes<T>) -> Vec<(PathBuf, io::Result<T>)> {
    let all = outcomes.map(|outcome| (outcome.path.to_path_buf(), outcome.result));
    block_on(all.collect())
}

#[test]
fn contents_come_whole_and_in_order_on_every_backend() {
    for context in contexts() {
        let place = place();
        let paths = files(place.path(), &[0, 1, 300_000, 70, 2 << 20, 5]);
        for ordered in [true, false] {
            let options = PipelineOptions::new().context(&context).jobs(jobs(3)).ordered(ordered);
            let mut read = all(options.read(paths.clone()));
            if !ordered {
                read.sort_by(|one, other| one.0.cmp(&other.0));
            }
            assert_eq!(read.len(), paths.len());
            for ((path, bytes), expected) in read.into_iter().zip(&paths) {
                assert_eq!(&path, expected);
                assert!(bytes.unwrap() == std::fs::read(path).unwrap());
            }
        }
    }
}

#[test]
fn chunks_are_the_files_on_every_backend() {
    for context in contexts() {
        let place = place();
        let lengths = [0, 1, 300_000, 64 << 10, 128 << 10, 5, 1 << 20];
        let paths = files(place.path(), &lengths);
        for ordered in [true, false] {
            let options = PipelineOptions::new().context(&context).jobs(jobs(3)).ordered(ordered);
            let mut chunks = options.chunk_size(jobs(64 << 10)).chunks(paths.clone());
            let mut contents: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
            let (mut ended, mut switches, mut last) = (Vec::new(), 0, PathBuf::new());
            while let Some(part) = block_on(chunks.next()) {
                let path = part.path.to_path_buf();
                switches += usize::from(last != path);
                last.clone_from(&path);
                let so_far = contents.entry(path.clone()).or_default();
                assert!(!ended.contains(&path), "nothing comes behind the end");
                match part.result.unwrap() {
                    FilePart::Chunk { offset, bytes } => {
                        assert_eq!(offset, so_far.len() as u64);
                        assert!(!bytes.is_empty() && bytes.len() <= 64 << 10);
                        so_far.extend_from_slice(&bytes);
                    }
                    FilePart::End { length } => {
                        assert_eq!(length, so_far.len() as u64);
                        ended.push(path);
                    }
                }
            }
            if ordered {
                assert_eq!(ended, paths);
                assert_eq!(switches, paths.len());
            }
            for path in &paths {
                assert!(contents[path] == std::fs::read(path).unwrap(), "{}", path.display());
            }
            let progress = chunks.progress();
            assert_eq!((progress.total, progress.done, progress.failed), (Some(7), 7, 0));
            assert_eq!(progress.bytes, lengths.iter().sum::<usize>() as u64);
            assert!(progress.bytes_per_second() > 0.0);
        }
    }
}

#[test]
fn it_is_sent_between_threads_and_runs_in_tokio() {
    let place = place();
    let paths = files(place.path(), &[10; 40]);
    let count = |paths: Vec<PathBuf>| async move {
        let options = PipelineOptions::new().ordered(false);
        let (mut files, mut chunks) = (options.read(paths.clone()), options.chunks(paths));
        let mut bytes = 0;
        while let Some(outcome) = files.next().await {
            bytes += outcome.result.unwrap().len();
        }
        while let Some(part) = chunks.next().await {
            if let FilePart::Chunk { bytes: chunk, .. } = part.result.unwrap() {
                bytes += chunk.len();
            }
        }
        bytes
    };
    let runtimes = [
        tokio::runtime::Builder::new_current_thread(),
        tokio::runtime::Builder::new_multi_thread(),
    ];
    for mut builder in runtimes {
        let runtime = builder.enable_all().build().unwrap();
        let bytes = runtime.block_on(async { tokio::spawn(count(paths.clone())).await.unwrap() });
        assert_eq!(bytes, 800);
    }
}

#[test]
fn an_error_stops_or_is_passed_over_or_is_told() {
    let place = place();
    let mut paths = files(place.path(), &[1, 2, 3]);
    paths.insert(1, place.path().join("missing"));
    paths.insert(3, place.path().to_owned());
    let options = |on_error| PipelineOptions::new().jobs(jobs(2)).on_error(on_error);
    let told = |on_error| {
        let read = all(options(on_error).read(paths.clone()));
        let chunks = options(on_error).chunks(paths.clone());
        let ends = chunks.filter_map(async |part| match part.result {
            Ok(FilePart::Chunk { .. }) => None,
            end => Some((part.path.to_path_buf(), end.is_ok())),
        });
        let read: Vec<_> = read.into_iter().map(|(path, read)| (path, read.is_ok())).collect();
        assert_eq!(block_on(ends.collect::<Vec<_>>()), read, "chunks say the same");
        read.into_iter()
            .map(|(path, is_ok)| {
                let index = paths.iter().position(|known| *known == path).unwrap();
                (index, is_ok)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(told(OnError::Stop), [(0, true), (1, false)]);
    assert_eq!(told(OnError::Skip), [(0, true), (2, true), (4, true)]);
    assert_eq!(told(OnError::Collect), [(0, true), (1, false), (2, true), (3, false), (4, true)]);

    let mut skipping = options(OnError::Skip).read(paths.clone());
    while block_on(skipping.next()).is_some() {}
    let progress = skipping.progress();
    assert_eq!((progress.total, progress.done, progress.failed), (Some(5), 3, 2));
    let mut stopping = options(OnError::Stop).read(paths);
    while block_on(stopping.next()).is_some() {}
    assert!(block_on(stopping.next()).is_none(), "it stays at its end");
}

#[test]
fn only_what_may_be_over_in_a_moment_is_tried_again() {
    let busy = || io::Error::from_raw_os_error(16);
    let tries = Arc::new(Mutex::new(BTreeMap::<PathBuf, u32>::new()));
    let work = move |path: Arc<Path>| {
        let tries = Arc::clone(&tries);
        async move {
            let mut tries = tries.lock().unwrap();
            let made = tries.entry(path.to_path_buf()).or_default();
            *made += 1;
            match (path.to_str().unwrap(), *made) {
                ("busy twice", 1 | 2) | ("always busy", _) => Err(busy()),
                ("gone", _) => Err(io::ErrorKind::NotFound.into()),
                (_, made) => Ok(made),
            }
        }
    };
    let options = PipelineOptions::new().attempts(4).on_error(OnError::Collect);
    let outcomes = options.process(["fine", "busy twice", "always busy", "gone"], work);
    let told = outcomes.map(|outcome| (outcome.result.ok(), outcome.attempts));
    let expected = [(Some(1), 1), (Some(3), 3), (None, 4), (None, 1)];
    assert_eq!(block_on(told.collect::<Vec<_>>()), expected);
}

/// What the closure has begun and may end.
#[derive(Default)]
struct Gate {
    running: BTreeSet<PathBuf>,
    most_running: usize,
    open: HashSet<PathBuf>,
}

/// Outcomes of work that ends when its gate is opened, and the gate.
fn gated(options: &PipelineOptions, paths: Vec<PathBuf>) -> (Outcomes<()>, Arc<Mutex<Gate>>) {
    let gate = Arc::new(Mutex::new(Gate::default()));
    let shared = Arc::clone(&gate);
    let outcomes = options.process(paths, move |path| {
        let gate = Arc::clone(&shared);
        {
            let mut gate = gate.lock().unwrap();
            gate.running.insert(path.to_path_buf());
            gate.most_running = gate.most_running.max(gate.running.len());
        }
        poll_fn(move |cx| {
            let mut gate = gate.lock().unwrap();
            if gate.open.contains(&*path) {
                gate.running.remove(&*path);
                return Poll::Ready(Ok(()));
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    });
    (outcomes, gate)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 100,
        ..ProptestConfig::default()
    })]

    /// Work that ends in any order: all of it is told, in order where that is wanted, never is more
    /// begun than there is room for, and there is always something to go on with.
    #[test]
    fn limits_hold_and_nothing_is_lost_in_whatever_order_work_ends(
        lengths in prop::collection::vec(0_usize..2000, 0..20),
        jobs_max in 1_usize..6,
        bytes_max in 1_u64..4000,
        ordered: bool,
        seed: u64,
    ) {
        let place = place();
        let paths = files(place.path(), &lengths);
        let length = |path: &Path| std::fs::metadata(path).unwrap().len();
        let options = PipelineOptions::new().jobs(jobs(jobs_max)).max_bytes(bytes_max);
        let (mut outcomes, gate) = gated(&options.ordered(ordered), paths.clone());
        let (mut told, mut random) = (Vec::new(), Random::new(seed));
        let mut ended = HashSet::new();
        loop {
            match outcomes.next().now_or_never() {
                Some(None) => break,
                Some(Some(outcome)) => {
                    outcome.result.unwrap();
                    told.push(outcome.path.to_path_buf());
                    continue;
                }
                None => {}
            }
            let mut gate = gate.lock().unwrap();
            // What was begun and not told, ended or not.
            let held: Vec<_> =
                gate.running.iter().chain(&gate.open).filter(|path| !told.contains(path)).collect();
            let held: BTreeSet<_> = held.into_iter().collect();
            prop_assert!(held.len() <= jobs_max);
            let bytes: u64 = held.iter().map(|path| length(path)).sum();
            prop_assert!(bytes <= bytes_max || held.len() == 1, "{bytes} of {bytes_max}");
            let running: Vec<_> = gate.running.iter().cloned().collect();
            if !running.is_empty() && running.iter().all(|path| !gate.open.contains(path)) {
                let path = running[random.below(running.len())].clone();
                prop_assert!(ended.insert(path.clone()), "nothing is begun twice");
                gate.open.insert(path);
            }
            drop(gate);
            std::thread::yield_now();
        }
        if !ordered {
            told.sort();
        }
        prop_assert_eq!(told, paths);
        prop_assert_eq!(outcomes.progress().bytes, lengths.iter().sum::<usize>() as u64);
    }
}

#[test]
fn as_many_are_begun_as_there_is_room_for() {
    let place = place();
    let paths = files(place.path(), &[10; 20]);
    let (mut outcomes, gate) = gated(&PipelineOptions::new().jobs(jobs(5)), paths.clone());
    while gate.lock().unwrap().running.len() < 5 {
        assert!(outcomes.next().now_or_never().is_none());
        std::thread::yield_now();
    }
    gate.lock().unwrap().open.extend(paths);
    assert_eq!(all(outcomes).len(), 20);
    assert_eq!(gate.lock().unwrap().most_running, 5);
}

#[test]
fn memory_is_bounded_however_slowly_it_is_taken() {
    let place = place();
    let paths = files(place.path(), &[1 << 20; 12]);
    let built = BackendKind::ALL.map(|kind| {
        // Not in place, so that chunks are read ahead although they are cached.
        aiofile::context().backend(kind).in_place(false).build().ok()
    });
    let built: Vec<_> = built.into_iter().flatten().collect();
    for (context, ordered) in built.iter().flat_map(|context| [(context, true), (context, false)]) {
        let options = PipelineOptions::new().context(context).ordered(ordered).jobs(jobs(20));
        let before = context.metrics().bytes_read;
        let read = |taken| context.metrics().bytes_read - before - taken;

        let bounded = options.clone().max_bytes(512 << 10).chunk_size(jobs(64 << 10));
        let (mut chunks, mut taken) = (bounded.chunks(paths.clone()), 0);
        while let Some(part) = block_on(chunks.next()) {
            if let FilePart::Chunk { bytes, .. } = part.result.unwrap() {
                taken += bytes.len() as u64;
            }
            assert!(read(taken) <= 512 << 10, "{} bytes are read and not taken", read(taken));
        }
        assert_eq!(read(taken), 0);

        let (mut files, mut whole) = (options.max_bytes(3 << 20).read(paths.clone()), taken);
        while let Some(outcome) = block_on(files.next()) {
            whole += outcome.result.unwrap().len() as u64;
            assert!(read(whole) <= 3 << 20, "{} bytes are read and not taken", read(whole));
        }
        assert_eq!(whole, 24 << 20);
    }
}

#[test]
fn a_file_that_is_too_large_or_never_ends_fails_with_a_cure_and_others_go_on() {
    for context in contexts() {
        let place = place();
        let fits = file(place.path(), "fits", noise(100_000, 1));
        let is_larger = file(place.path(), "larger", noise(100_001, 1));
        let no_memory_has_room = place.path().join("sparse");
        std::fs::File::create(&no_memory_has_room).unwrap().set_len(1 << 40).unwrap();
        let options = PipelineOptions::new().context(&context).on_error(OnError::Collect);
        let limited = options.clone().max_file_bytes(100_000);
        let endless = PathBuf::from("/dev/zero");
        for (options, bound, paths) in [
            (&limited, 100_000, vec![&is_larger, &no_memory_has_room, &endless, &fits]),
            (&options, 1 << 30, vec![&no_memory_has_room, &fits, &is_larger]),
            (&options, 64 << 20, vec![&endless, &fits]),
        ] {
            let paths: Vec<_> = paths.into_iter().cloned().collect();
            let (bad, good): (Vec<_>, Vec<_>) =
                all(options.read(paths)).into_iter().partition(|(_, read)| read.is_err());
            for (path, error) in bad {
                let error = error.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                let expected = format!(
                    "read {}: the file has more than {bound} bytes (raise max_file_bytes, or take \
                     the file in chunks)",
                    path.display()
                );
                assert_eq!(error.to_string(), expected);
            }
            for (path, bytes) in good {
                assert!(path == fits || path == is_larger && bound > 100_000, "{path:?}");
                assert!(bytes.unwrap() == std::fs::read(path).unwrap());
            }
        }
    }
}

#[test]
fn a_stream_that_is_not_polled_holds_up_nobody() {
    let place = place();
    let paths = files(place.path(), &[300_000; 30]);
    let limited = || {
        let context = aiofile::context().max_requests(2).max_bytes_in_flight(1 << 20);
        context.in_place(false).build().unwrap()
    };
    for ordered in [true, false] {
        let context = limited();
        let options = PipelineOptions::new().context(&context).ordered(ordered).jobs(jobs(10));
        let (mut files, mut chunks) = (options.read(paths.clone()), options.chunks(paths.clone()));
        for _ in 0..3 {
            _ = files.next().now_or_never();
            _ = chunks.next().now_or_never();
        }
        // Both are kept and not polled while others go on.
        let others = options.read(paths.clone());
        assert_eq!(all(others).len(), 30);
        assert!(block_on(files.next()).is_some() && block_on(chunks.next()).is_some());
    }
}

#[test]
fn dropped_streams_drop_what_they_have_begun() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let place = place();
    let mut paths = files(place.path(), &[1; 20]);
    let alive = Arc::new(AtomicUsize::new(0));
    let begin = |paths: &[PathBuf]| {
        let alive = Arc::clone(&alive);
        PipelineOptions::new().jobs(jobs(4)).process(paths.to_vec(), move |path| {
            alive.fetch_add(1, Ordering::Relaxed);
            let counted = Counted(Arc::clone(&alive));
            async move {
                match path.file_name().unwrap().to_str() {
                    Some("0000") => std::future::pending().await,
                    // Fails, once another one is there.
                    Some("0001") => {
                        let alive = &counted.0;
                        poll_fn(|cx| match alive.load(Ordering::Relaxed) {
                            0 | 1 => {
                                cx.waker().wake_by_ref();
                                Poll::Pending
                            }
                            _ => Poll::Ready(Err(io::ErrorKind::NotFound.into())),
                        })
                        .await
                    }
                    _ => std::fs::read(path),
                }
            }
        })
    };
    let mut outcomes = begin(&paths);
    while alive.load(Ordering::Relaxed) == 0 {
        assert!(outcomes.next().now_or_never().is_none());
        std::thread::yield_now();
    }
    drop(outcomes);
    assert_eq!(alive.load(Ordering::Relaxed), 0);
    // So does an error that stops it, at once.
    paths.swap(0, 1);
    let mut outcomes = begin(&paths);
    assert!(block_on(outcomes.next()).unwrap().result.is_err());
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

#[test]
fn hundreds_of_files_cost_no_more_open_files_than_jobs() {
    let place = place();
    let paths = files(place.path(), &[100; 300]);
    let context = aiofile::context().max_open_files(4).build().unwrap();
    let options = PipelineOptions::new().context(&context).jobs(jobs(4));
    for ordered in [true, false] {
        let mut chunks = options.clone().ordered(ordered).chunks(paths.clone());
        let mut ends = 0;
        while let Some(part) = block_on(chunks.next()) {
            ends += usize::from(matches!(part.result.unwrap(), FilePart::End { .. }));
        }
        assert_eq!(ends, 300);
    }
}
