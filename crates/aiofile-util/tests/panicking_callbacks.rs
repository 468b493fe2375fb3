//! Callbacks that panic, at each of their first calls: whoever waits is told by an error or by that
//! panic, what was there stays, nothing half is left, and the context goes on.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::fs;
use std::io;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aiofile::Context;
use aiofile::fs::{CopyOptions, Replace, Walk};
use aiofile_util::{MergeOptions, SplitBy, SplitOptions, SyncOptions};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use common::{block_on, contexts, file, names, noise, place, wait_until};

/// A callback that panics at one of its calls.
#[derive(Clone)]
struct Bomb {
    calls: Arc<AtomicUsize>,
    at: usize,
}

impl Bomb {
    fn tick(&self) {
        assert_ne!(self.calls.fetch_add(1, Ordering::Relaxed), self.at, "on purpose");
    }

    fn has_gone_off(&self) -> bool {
        self.calls.load(Ordering::Relaxed) > self.at
    }
}

/// Does something with such a callback in a directory that has `source`, `tree` and `old`.
type Work = fn(Context, &Path, Bomb) -> BoxFuture<'static, io::Result<()>>;

const WORKS: [(&str, Work); 7] = [
    ("copy", |context, place, bomb| {
        let (from, to) = (place.join("source"), place.join("old"));
        let copy = async move {
            let mut options = CopyOptions::new();
            options.context(&context).block_size(64 << 10).copy_file_range(false);
            options.replace(Replace::ByRename);
            options.progress(move |_| bomb.tick()).copy(from, to).await.map(drop)
        };
        copy.boxed()
    }),
    ("copy_dir", |context, place, bomb| {
        let (from, to) = (place.join("tree"), place.join("new"));
        let copy = async move {
            let mut options = CopyOptions::new();
            options.context(&context).dir_progress(move |_| bomb.tick());
            let copied = options.copy_dir(from, to).await?;
            copied.failed().into_iter().next().map_or(Ok(()), Err)
        };
        copy.boxed()
    }),
    ("filter_entry", |context, place, bomb| {
        let mut walk = Walk::new(place);
        walk.context(&context).filter_entry(move |_| {
            bomb.tick();
            true
        });
        all(walk).boxed()
    }),
    ("filter_entry of several threads", |context, place, bomb| {
        let mut walk = Walk::new(place);
        walk.context(&context).parallel(3).filter_entry(move |_| {
            bomb.tick();
            true
        });
        all(walk).boxed()
    }),
    ("sync", |context, place, bomb| {
        let (from, to) = (place.join("tree"), place.join("new"));
        let options = SyncOptions::new().context(&context).on_event(move |_| {
            bomb.tick();
            ControlFlow::Continue(())
        });
        // What one file comes to is told in the report.
        let sync = async move {
            let report = options.sync(from, to).await?;
            report.errors.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
        };
        sync.boxed()
    }),
    ("split", |context, place, bomb| {
        let (from, to) = (place.join("source"), place.join("piece."));
        let options = SplitOptions::new(SplitBy::Bytes(NonZeroU64::new(3 << 20).unwrap()));
        let options = options.context(&context).on_progress(move |_| {
            bomb.tick();
            ControlFlow::Continue(())
        });
        async move { options.split(from, to).await.map(drop) }.boxed()
    }),
    ("merge", |context, place, bomb| {
        let (from, to) = (["source", "old"].map(|name| place.join(name)), place.join("old"));
        let options = MergeOptions::new().context(&context).on_progress(move |_| {
            bomb.tick();
            ControlFlow::Continue(())
        });
        async move { options.merge(from, to).await.map(drop) }.boxed()
    }),
];

async fn all(walk: Walk) -> io::Result<()> {
    let mut entries = walk.entries();
    while let Some(entry) = entries.next().await {
        entry?;
    }
    Ok(())
}

fn prepared(source: &[u8]) -> tempfile::TempDir {
    let place = place();
    file(place.path(), "source", source);
    file(place.path(), "old", "old");
    for name in ["a", "b", "b/c"] {
        fs::create_dir_all(place.path().join("tree").join(name)).unwrap();
        file(&place.path().join("tree").join(name), "file", name);
    }
    place
}

#[test]
fn callbacks_that_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.to_string().contains("on purpose") {
            tell(panic);
        }
    }));
    let source = noise(5 << 20, 1);
    for context in contexts() {
        for (name, work) in WORKS {
            let mut went_off = 0;
            for at in 0..3 {
                let (place, calls) = (prepared(&source), Arc::default());
                let bomb = Bomb { calls, at };
                let future = work(context.clone(), place.path(), bomb.clone());
                let ended = catch_unwind(AssertUnwindSafe(|| block_on(future)));
                let is_told = !matches!(ended, Ok(Ok(())));
                assert_eq!(is_told, bomb.has_gone_off(), "{name} at {at}: {ended:?}");
                went_off += usize::from(is_told);
                assert!(fs::read(place.path().join("source")).unwrap() == source, "{name} at {at}");
                if is_told {
                    let old = fs::read(place.path().join("old")).unwrap();
                    assert_eq!(old, b"old", "{name} at {at} changed what was there");
                }
                wait_until(&format!("{name} at {at} leaves nothing behind"), || {
                    let known = ["new", "old", "source", "tree"];
                    let is_known =
                        |found: &std::ffi::OsString| known.iter().any(|one| found == one);
                    !is_told || names(place.path()).iter().all(is_known)
                });
            }
            assert!(went_off > 0, "{name} never called it");
            let read = async { context.read_file("/proc/version".as_ref()).await };
            assert!(block_on(read).is_ok(), "{name}: the context goes on");
        }
        assert_eq!(block_on(context.shutdown(Duration::from_secs(60))), 0);
    }
}
