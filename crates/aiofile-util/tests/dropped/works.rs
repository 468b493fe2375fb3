//! Work with an end: dropped at each poll, and done again.

use std::fs;
use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use aiofile::fs::is_temporary_name;
use aiofile::{AioFile, Context, LineReader, with_context};
use aiofile_util::{
    ConfigOptions, ConfigValue, HashKind, MergeOptions, SplitBy, SplitOptions, SyncOptions,
    WatchOptions, hash, keep_last_lines, last_lines,
};
use caio_testkit::Usage;
use futures_util::future::{BoxFuture, FutureExt};

use crate::common::{LIMIT, contexts, noise, place, wait_until};
use crate::{POLLS_MAX, settle, to_poll};

struct Work {
    name: &'static str,
    begin: fn(PathBuf) -> BoxFuture<'static, io::Result<()>>,
    /// What has to be there after it was done.
    check: fn(&Path),
}

/// More than one job of every kind.
const LONG_BYTES: usize = (4 << 20) + 300_000;

fn long() -> &'static [u8] {
    static LONG: OnceLock<Vec<u8>> = OnceLock::new();
    LONG.get_or_init(|| noise(LONG_BYTES, 1))
}

fn prepare(directory: &Path) {
    fs::write(directory.join("long"), long()).unwrap();
    fs::write(directory.join("sorted"), "a\nc\n").unwrap();
    fs::write(directory.join("other"), "b\nd\n").unwrap();
    fs::write(directory.join("app.toml"), "port = 80\n").unwrap();
    fs::create_dir_all(directory.join("tree/below")).unwrap();
    fs::write(directory.join("tree/below/file"), "contents").unwrap();
}

fn holds(directory: &Path, name: &str, contents: impl AsRef<[u8]>) {
    assert!(fs::read(directory.join(name)).unwrap() == contents.as_ref(), "{name}");
}

const WORKS: &[Work] = &[
    Work {
        name: "hash",
        begin: |directory| {
            async move {
                let found = hash(directory.join("long"), HashKind::Blake3).await?;
                assert_eq!(found.to_string(), blake3::hash(long()).to_string());
                hash(directory.join("sorted"), HashKind::Md5).await.map(drop)
            }
            .boxed()
        },
        check: |_| {},
    },
    Work {
        name: "merge",
        begin: |directory| {
            let sources = ["sorted", "long", "other"].map(|name| directory.join(name));
            let (merge, target) = (MergeOptions::new(), directory.join("whole"));
            async move { merge.merge(sources, target).await.map(drop) }.boxed()
        },
        check: |directory| {
            holds(directory, "whole", [b"a\nc\n", long(), b"b\nd\n"].concat());
        },
    },
    Work {
        name: "merge that appends",
        begin: |directory| {
            async move {
                let (one, target) = (directory.join("long"), directory.join("other"));
                MergeOptions::new().append(true).merge([one], target).await.map(drop)
            }
            .boxed()
        },
        check: |directory| {
            // What was dropped when it was through has been done.
            let (found, long) = (fs::read(directory.join("other")).unwrap(), long());
            let times = (found.len() - 4) / LONG_BYTES;
            assert!(
                (1..=2).contains(&times) && found == [b"b\nd\n", &long.repeat(times)[..]].concat()
            );
        },
    },
    Work {
        name: "merge_sorted",
        begin: |directory| {
            let sources = ["sorted", "other"].map(|name| directory.join(name));
            let merge = MergeOptions::new();
            async move { merge.merge_sorted(sources, directory.join("whole")).await.map(drop) }
                .boxed()
        },
        check: |directory| holds(directory, "whole", "a\nb\nc\nd\n"),
    },
    Work {
        name: "split",
        begin: |directory| {
            async move {
                let three = NonZeroU64::new(3).unwrap();
                let lines = SplitBy::Lines(NonZeroU64::new(10_000).unwrap());
                for by in [SplitBy::Pieces(three), lines, SplitBy::PiecesOfLines(three)] {
                    let options = SplitOptions::new(by).overwrite(true);
                    options.split(directory.join("long"), directory.join("piece.")).await?;
                }
                Ok(())
            }
            .boxed()
        },
        check: |directory| {
            let names = ["piece.aa", "piece.ab", "piece.ac"];
            let pieces = names.map(|name| fs::read(directory.join(name)).unwrap());
            assert!(pieces.concat() == long());
        },
    },
    Work {
        name: "sync",
        begin: |directory| {
            async move {
                let options = SyncOptions::new().durable(true).keep_xattrs(true);
                let report = options.sync(directory.join("tree"), directory.join("copy")).await?;
                report.errors.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
            }
            .boxed()
        },
        check: |directory| holds(directory, "copy/below/file", "contents"),
    },
    Work {
        name: "configuration",
        begin: |directory| {
            async move {
                let (options, path) = (ConfigOptions::new(), directory.join("app.toml"));
                let mut value = options.load::<ConfigValue>(&path).await?;
                value.set("port", 81)?;
                options.save(&path, &value).await?;
                let watch = options.watch::<ConfigValue>(&path).await?;
                assert_eq!(watch.current().get::<u16>("port")?, Some(81));
                Ok(())
            }
            .boxed()
        },
        check: |directory| holds(directory, "app.toml", "port = 81\n"),
    },
    Work {
        name: "watches and last lines",
        begin: |directory| {
            async move {
                drop(WatchOptions::new().watch([&directory]).await?);
                drop(WatchOptions::new().poll(true).watch([&directory]).await?);
                let file = AioFile::open(directory.join("other"), "r").await?;
                let mut lines = last_lines(&file, 1).await?;
                assert_eq!(lines.next_line().await?, Some(&b"d"[..]));
                let kept = keep_last_lines(&mut LineReader::new(&file), 1).await?;
                assert_eq!(kept, [b"d"]);
                Ok(())
            }
            .boxed()
        },
        check: |_| {},
    },
];

/// Whatever begins like a temporary file's name.
fn left_behind(directory: &Path) -> Vec<PathBuf> {
    let mut left = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let name = entry.file_name();
        if is_temporary_name(&name) || name.to_string_lossy().starts_with(".aiofile-split-") {
            left.push(entry.path());
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            left.extend(left_behind(&entry.path()));
        }
    }
    left
}

/// Does it on this context until it comes through; how often it was dropped.
async fn at_each_poll(work: &Work, context: &Context) -> usize {
    for polls in 0..POLLS_MAX {
        let place = place();
        prepare(place.path());
        let begin = || with_context(context, (work.begin)(place.path().to_owned()));
        let outcome = to_poll(polls, begin()).await;
        settle(context);
        let tell = format!("{} after {polls} polls", work.name);
        wait_until(&format!("{tell}: something is left"), || left_behind(place.path()).is_empty());
        if outcome.is_none() {
            let again = to_poll(usize::MAX, begin()).await.unwrap();
            again.unwrap_or_else(|error| panic!("{tell}: {error}"));
        }
        (work.check)(place.path());
        if let Some(done) = outcome {
            done.unwrap_or_else(|error| panic!("{tell}: {error}"));
            return polls;
        }
    }
    panic!("{}: it never ends", work.name);
}

#[tokio::test]
async fn what_is_dropped_can_be_done_again_on_every_backend() {
    for context in contexts() {
        let before = Usage::now().unwrap().descriptors;
        let mut dropped = 0;
        for work in WORKS {
            dropped += at_each_poll(work, &context).await;
        }
        assert!(dropped >= WORKS.len(), "{dropped}: none ends at its first poll");
        // The engine and other tests of this process have some, which do not grow with the drops.
        wait_until("descriptors are left open", || {
            Usage::now().unwrap().descriptors <= before + 16
        });
        context.shutdown(LIMIT).await;
    }
}
