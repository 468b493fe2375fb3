//! What is done, in the process of a job, and what it looks like from outside.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path as FilePath;
use std::pin::Pin;

use object_store::{ObjectStore, ObjectStoreExt, PutMode, Result};
use object_store_aiofile::v0_14::{AioFileSystem, object_store};

/// Names the job of such a process, and its directory.
pub(crate) const JOB: &str = "CAIO_STORE_PROCESS";
pub(crate) const DIRECTORY: &str = "CAIO_STORE_DIRECTORY";
/// Set where the job is to be durable.
pub(crate) const DURABLE: &str = "CAIO_STORE_DURABLE";

pub(crate) const WELL: &str = "it ends well";
pub(crate) const BADLY: &str = "it fails: ";

/// The objects, with their contents.
pub(crate) type State = BTreeMap<String, String>;

type Running<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) before: fn() -> State,
    pub(crate) after: fn() -> State,
    /// The calls, in their order.
    pub(crate) events: &'static [&'static str],
    run: for<'a> fn(&'a dyn ObjectStore) -> Running<'a>,
}

pub(crate) const JOBS: [Job; 7] = [
    Job {
        name: "put",
        before: || state(&[("d/a", "old")]),
        after: || state(&[("d/a", "new")]),
        events: &[
            "pwritev d/a#1",
            "fsync d/a#1",
            "close d/a#1",
            "rename d/a#1 d/a",
            "fsync d",
            "close d",
        ],
        run: |store| Box::pin(async { store.put(&"d/a".into(), "new".into()).await.map(drop) }),
    },
    Job {
        name: "put in a new directory",
        before: || state(&[]),
        after: || state(&[("x/y/a", "new")]),
        events: &[
            "mkdir x",
            "mkdir x/y",
            "fsync .",
            "close .",
            "fsync x",
            "close x",
            "pwritev x/y/a#1",
            "fsync x/y/a#1",
            "close x/y/a#1",
            "renameat2 x/y/a#1 x/y/a",
            "fsync x/y",
            "close x/y",
        ],
        run: |store| {
            Box::pin(async {
                let place = "x/y/a".into();
                store.put_opts(&place, "new".into(), PutMode::Create.into()).await.map(drop)
            })
        },
    },
    Job {
        name: "upload",
        before: || state(&[("a", "old")]),
        after: || state(&[("a", "new")]),
        events: &["pwritev a#1", "fsync a#1", "close a#1", "rename a#1 a", "fsync .", "close ."],
        run: |store| {
            Box::pin(async {
                let mut upload = store.put_multipart(&"a".into()).await?;
                let written = upload.put_part("new".into()).await;
                match written {
                    Ok(()) => upload.complete().await.map(drop),
                    Err(error) => upload.abort().await.and(Err(error)),
                }
            })
        },
    },
    Job {
        name: "copy",
        before: || state(&[("a", "contents"), ("d/b", "old")]),
        after: || state(&[("a", "contents"), ("d/b", "contents")]),
        events: &[
            "copy_file_range a d/b#1",
            "close a",
            "fsync d/b#1",
            "close d/b#1",
            "rename d/b#1 d/b",
            "fsync d",
            "close d",
        ],
        run: |store| Box::pin(async { store.copy(&"a".into(), &"d/b".into()).await }),
    },
    Job {
        name: "rename",
        before: || state(&[("d/a", "contents"), ("e/a", "old")]),
        after: || state(&[("e/a", "contents")]),
        events: &["rename d/a e/a", "fsync e", "close e", "fsync d", "close d"],
        run: |store| Box::pin(async { store.rename(&"d/a".into(), &"e/a".into()).await }),
    },
    Job {
        name: "rename to a new directory",
        before: || state(&[("d/a", "contents")]),
        after: || state(&[("e/a", "contents")]),
        events: &[
            "mkdir e",
            "fsync .",
            "close .",
            "renameat2 d/a e/a",
            "fsync e",
            "close e",
            "fsync d",
            "close d",
        ],
        run: |store| {
            Box::pin(async { store.rename_if_not_exists(&"d/a".into(), &"e/a".into()).await })
        },
    },
    Job {
        name: "delete",
        before: || state(&[("d/a", "contents"), ("d/b", "other")]),
        after: || state(&[("d/b", "other")]),
        events: &["unlink d/a", "fsync d", "close d"],
        run: |store| Box::pin(async { store.delete(&"d/a".into()).await }),
    },
];

fn state(objects: &[(&str, &str)]) -> State {
    objects.iter().map(|(name, contents)| ((*name).into(), (*contents).into())).collect()
}

impl Job {
    /// The call by which the new state comes in place of the old one.
    pub(crate) fn changes_at(&self) -> usize {
        let changes = |call: &&str| call.starts_with("rename") || call.starts_with("unlink");
        self.events.iter().position(changes).unwrap()
    }

    /// A directory as the job finds it.
    pub(crate) fn prepare(&self, directory: &FilePath) {
        for (name, contents) in (self.before)() {
            let path = directory.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
        }
    }
}

/// In the process of a job, does it and says how it ended.
pub(crate) fn process() -> bool {
    let Ok(name) = std::env::var(JOB) else { return false };
    let job = JOBS.iter().find(|job| job.name == name).unwrap();
    // All in one thread, so that its calls can be counted.
    let variant = caio_testkit::variant("rust_one").unwrap();
    let context = variant.build(aiofile::context()).unwrap();
    let store = AioFileSystem::new_with_prefix(std::env::var(DIRECTORY).unwrap()).unwrap();
    let is_durable = std::env::var_os(DURABLE).is_some();
    let store = store.with_context(&context).with_durable(is_durable);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on((job.run)(&store)) {
        Ok(()) => println!("{WELL}"),
        Err(error) => println!("{BADLY}{error}"),
    }
    true
}
