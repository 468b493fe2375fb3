//! Trees that are kept alike: one that is new, and one that is there already.

use std::fs;
use std::path::Path;

use aiofile_util::SyncOptions;

use crate::job::{Job, holds, old, same_tree};

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "sync",
        run: |directory| {
            Box::pin(async move {
                let sync = SyncOptions::new().durable(true);
                let done = sync.sync(directory.join("tree"), directory.join("copy")).await?;
                done.errors.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
            })
        },
        check: |directory, done| {
            same_tree(directory, "tree")?;
            match done {
                true => same_tree(directory, "copy"),
                // A name stands for a whole file.
                false if directory.join("copy/a").exists() => holds(directory, "copy/a", &[&old()]),
                false => Ok(()),
            }
        },
    },
    Job {
        name: "sync_over",
        run: |directory| {
            Box::pin(async move {
                let sync = SyncOptions::new().delete(true).keep_hard_links(true);
                let done = sync.sync(directory.join("tree"), directory.join("stale")).await?;
                done.errors.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
            })
        },
        check: |directory, done| {
            same_tree(directory, "tree")?;
            let stale = directory.join("stale");
            if done {
                let is_gone = !stale.join("more").exists();
                same_tree(directory, "stale")?;
                return is_gone.then_some(()).ok_or_else(|| "more is still there".to_owned());
            }
            // Each name stands for the whole old file or the whole new one, at any time.
            holds(&stale, "a", &[b"stale", &old()])?;
            holds(&stale, "sub/b", &[b"stale", b"b"])?;
            match fs::read_link(stale.join("link")) {
                Ok(to) if to == Path::new("sub") || to == Path::new("a") => Ok(()),
                other => Err(format!("the link is {other:?}")),
            }
        },
    },
];
