//! Copies of files and trees.

use aiofile::fs;
use aiofile::fs::{CopyOptions, Reflink, Replace};

use crate::job::{Job, begins, holds, old, same_tree};

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "copy",
        run: |directory| {
            Box::pin(async move {
                fs::copy(directory.join("old"), directory.join("copy")).await.map(drop)
            })
        },
        check: |directory, done| match done {
            true => holds(directory, "copy", &[&old()]),
            false => begins(directory, "copy", &old()),
        },
    },
    Job {
        name: "copy_by_blocks",
        run: |directory| {
            Box::pin(async move {
                let mut options = CopyOptions::new();
                options.reflink(Reflink::Never).copy_file_range(false).block_size(4096);
                options.verify(true).durable(true).replace(Replace::ByRename);
                options.copy(directory.join("old"), directory.join("lines")).await.map(drop)
            })
        },
        check: |directory, done| {
            let lines = crate::job::lines();
            match done {
                true => holds(directory, "lines", &[&old()]),
                false => holds(directory, "lines", &[&old(), lines.as_bytes()]),
            }
        },
    },
    Job {
        name: "copy_dir",
        run: |directory| {
            Box::pin(async move {
                fs::copy_dir(directory.join("tree"), directory.join("copy")).await.map(drop)
            })
        },
        check: |directory, done| {
            same_tree(directory, "tree")?;
            match done {
                true => same_tree(directory, "copy"),
                false => begins(directory, "copy/a", &old()),
            }
        },
    },
    Job {
        name: "rename_or_copy",
        run: |directory| {
            Box::pin(async move {
                fs::rename_or_copy(directory.join("old"), directory.join("moved")).await
            })
        },
        check: |directory, _done| {
            holds(directory, "moved", &[&old()]).or_else(|_| holds(directory, "old", &[&old()]))
        },
    },
];
