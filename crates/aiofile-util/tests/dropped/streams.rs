//! Streams: each call of `next` is dropped at its first poll and made anew when it is woken, so
//! that no future ever waits. All comes all the same, once and in order.

use std::collections::BTreeMap;
use std::fs;
use std::future::poll_fn;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use aiofile::with_context;
use aiofile_util::{
    CheckOutcome, ConfigOptions, ConfigValue, DirectoryUsages, FilePart, HashKind, HashOptions,
    Journal, OnError, PipelineOptions, WatchOptions,
};

use crate::common::{contexts, file, noise, place};
use crate::in_time;

/// What `next` gives in the end, of which a new one is polled each time.
macro_rules! next {
    ($stream:expr) => {{
        let next = poll_fn(|cx| {
            let next = pin!($stream.next());
            next.poll(cx)
        });
        in_time(next).await
    }};
}

const FILES: usize = 12;

/// Files of different lengths, by their paths.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = (0..FILES).map(|number| {
        let contents = noise(number * 40_000, number as u64);
        (file(directory, &format!("{number:02}"), &contents), contents)
    });
    files.collect()
}

#[tokio::test]
async fn pipelines_lose_and_double_nothing() {
    for context in contexts() {
        let place = place();
        let files = files(place.path());
        let options = PipelineOptions::new().context(&context).on_error(OnError::Collect);
        let options = options.jobs(NonZeroUsize::new(3).unwrap()).max_bytes(500_000);
        let options = options.chunk_size(NonZeroUsize::new(16 << 10).unwrap());

        let mut whole = options.read(files.clone().into_keys());
        for (path, contents) in &files {
            let outcome = next!(whole).unwrap();
            assert_eq!(&*outcome.path, path.as_path());
            assert!(outcome.result.unwrap() == contents[..]);
        }
        assert!(next!(whole).is_none());

        let mut found = BTreeMap::new();
        let mut chunks = options.clone().ordered(false).chunks(files.clone().into_keys());
        while let Some(outcome) = next!(chunks) {
            let so_far: &mut Vec<u8> = found.entry(outcome.path.to_path_buf()).or_default();
            match outcome.result.unwrap() {
                FilePart::Chunk { offset, bytes, .. } => {
                    assert_eq!(offset, so_far.len() as u64);
                    so_far.extend_from_slice(&bytes);
                }
                FilePart::End { length } => assert_eq!(length, so_far.len() as u64),
            }
        }
        assert!(found == files);

        let journal = Journal::open(place.path().join("journal")).await.unwrap();
        let mut work = options.process(files.clone().into_keys(), |path| async move {
            fs::read(&path).map(|contents| contents.len())
        });
        while let Some(outcome) = next!(work) {
            assert_eq!(outcome.result.unwrap(), files[&*outcome.path].len());
            journal.acknowledge(&outcome.path).await.unwrap();
        }
        assert_eq!(journal.done(), FILES);
    }
}

#[tokio::test]
async fn hashes_checks_and_sums_lose_and_double_nothing() {
    for context in contexts() {
        let place = place();
        let files = files(place.path());
        let options = HashOptions::new(HashKind::Md5).context(&context);
        let (mut hashes, mut list) = (options.files(files.clone().into_keys()), String::new());
        while let Some((path, hash)) = next!(hashes) {
            list += &format!("{}  {}\n", hash.unwrap(), path.display());
        }
        assert_eq!(list.lines().count(), FILES);
        let sums = file(place.path(), "sums", list);
        let (mut checks, mut same) = (options.check(&sums), 0);
        while let Some(checked) = next!(checks) {
            assert!(matches!(checked.unwrap().outcome, CheckOutcome::Same));
            same += 1;
        }
        assert_eq!(same, FILES);
        fs::create_dir_all(place.path().join("a/b/c")).unwrap();
        let mut usages = DirectoryUsages::new(place.path()).context(&context);
        let mut told = 0;
        while let Some(usage) = next!(usages) {
            usage.unwrap();
            told += 1;
        }
        assert_eq!(told, 4);
    }
}

#[tokio::test]
async fn watches_tell_every_change() {
    for context in contexts() {
        let place = place();
        let polls = WatchOptions::new().poll(true).poll_interval(Duration::from_millis(2));
        for options in [WatchOptions::new(), polls] {
            let options = options.debounce(Duration::from_millis(2)).context(&context);
            let mut changes = options.watch([place.path()]).await.unwrap();
            for round in 0..20 {
                let path = file(place.path(), &format!("new {round}"), "");
                loop {
                    let batch = next!(changes).unwrap().unwrap();
                    if batch.iter().any(|change| change.path == path) {
                        break;
                    }
                }
                fs::remove_file(path).unwrap();
            }
        }
        let path = file(place.path(), "app.toml", "port = 80");
        let quick = WatchOptions::new().debounce(Duration::from_millis(2));
        let options = ConfigOptions::new().watch_options(quick);
        let watch = with_context(&context, options.watch::<ConfigValue>(&path));
        let mut config = watch.await.unwrap();
        for port in 81..101_u16 {
            let new = file(place.path(), "new", format!("port = {port}"));
            fs::rename(new, &path).unwrap();
            let change: io::Result<_> = next!(config).unwrap();
            assert_eq!(change.unwrap().new.get::<u16>("port").unwrap(), Some(port));
        }
    }
}
