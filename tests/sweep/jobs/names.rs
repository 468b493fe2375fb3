//! Names: made, linked, renamed, removed and listed.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::SystemTime;

use aiofile::fs;
use aiofile::fs::{DiskUsage, OpenOptions};

use crate::job::{Job, TREE, holds, old, same_tree, untouched};

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "directories_and_links",
        run: |directory| {
            Box::pin(async move {
                fs::create_dir_all(directory.join("new/a/b")).await?;
                fs::hard_link(directory.join("old"), directory.join("new/hard")).await?;
                fs::symlink("hard", directory.join("new/soft")).await?;
                assert_eq!(fs::read_link(directory.join("new/soft")).await?, Path::new("hard"));
                assert!(fs::same_file(directory.join("old"), directory.join("new/soft")).await?);
                fs::rename(directory.join("new/a/b"), directory.join("new/c")).await?;
                fs::remove_dir(directory.join("new/c")).await?;
                fs::remove_file(directory.join("new/hard")).await
            })
        },
        check: |directory, done| {
            untouched(directory, done)?;
            let is_gone = |name| !directory.join(name).exists();
            match done && !(is_gone("new/c") && is_gone("new/hard") && is_gone("new/a/b")) {
                true => Err("something is there that was removed".to_owned()),
                false => Ok(()),
            }
        },
    },
    Job {
        name: "rename_with",
        run: |directory| {
            Box::pin(async move {
                fs::rename_noreplace(directory.join("old"), directory.join("new")).await?;
                fs::rename_exchange(directory.join("new"), directory.join("lines")).await
            })
        },
        check: |directory, done| match done {
            true => holds(directory, "lines", &[&old()]),
            // What was begun when the future was dropped may still be done.
            false => holds(directory, "old", &[&old()])
                .or_else(|_| holds(directory, "new", &[&old()]))
                .or_else(|_| holds(directory, "lines", &[&old()])),
        },
    },
    Job {
        name: "remove_dir_all",
        run: |directory| Box::pin(async move { fs::remove_dir_all(directory.join("tree")).await }),
        check: |directory, done| {
            holds(directory, "old", &[&old()])?;
            match done && directory.join("tree").exists() {
                true => Err("the tree is still there".to_owned()),
                false => Ok(()),
            }
        },
    },
    Job {
        name: "read_dir",
        run: |directory| {
            Box::pin(async move {
                let mut entries = fs::read_dir(directory.join("tree")).await?;
                let mut found = Vec::new();
                while let Some(entry) = entries.next_entry().await? {
                    entry.metadata().await?;
                    entry.file_type().await?;
                    found.push(entry.file_name());
                }
                found.sort();
                assert_eq!(found, ["a", "empty", "link", "sub"]);
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "walk",
        run: |directory| {
            Box::pin(async move {
                let tree = directory.join("tree");
                let mut entries = fs::walk(&tree).sort(true).entries();
                let (mut found, mut failed) = (Vec::new(), None);
                while let Some(entry) = entries.next().await {
                    match entry {
                        Ok(entry) => found.push(entry.into_path()),
                        Err(error) => failed = failed.or(Some(io::Error::from(error))),
                    }
                }
                match failed {
                    Some(error) => return Err(error),
                    None => assert_eq!(found, TREE.map(|name| tree.join(name))),
                }
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "glob",
        run: |directory| {
            Box::pin(async move {
                let pattern = format!("{}/tree/**/[bc]", directory.display());
                let mut entries = fs::glob(&pattern)?;
                let mut found = 0;
                while let Some(entry) = entries.next().await {
                    entry?;
                    found += 1;
                }
                assert_eq!(found, 2);
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "disk_usage",
        run: |directory| {
            Box::pin(async move {
                let DiskUsage { errors, apparent_bytes, .. } =
                    fs::disk_usage(directory.join("tree")).await?;
                match errors.into_iter().next() {
                    Some(error) => Err(error.into()),
                    None => {
                        assert!(apparent_bytes > old().len() as u64);
                        Ok(())
                    }
                }
            })
        },
        check: untouched,
    },
    Job {
        name: "attributes",
        run: |directory| {
            Box::pin(async move {
                let path = directory.join("old");
                let permissions = fs::metadata(&path).await?.permissions();
                fs::set_permissions(&path, permissions).await?;
                fs::set_modified(&path, SystemTime::UNIX_EPOCH).await?;
                assert!(fs::try_exists(&path).await?);
                fs::symlink_metadata(directory.join("tree/link")).await?;
                fs::canonicalize(&path).await?;
                fs::available_space(&path).await.map(drop)
            })
        },
        check: untouched,
    },
    Job {
        name: "lock",
        run: |directory| {
            Box::pin(async move {
                let mut options = OpenOptions::new();
                options.read(true).write(true);
                let file = options.open(directory.join("old")).await?;
                fs::lock(&file).await?.unlock().await
            })
        },
        check: |directory, _done| {
            let mut options = std::fs::OpenOptions::new();
            let file = options.read(true).write(true).open(directory.join("old"));
            let file = file.map_err(crate::job::told)?;
            match caio::set_range_lock(file.as_fd(), caio::RangeLock::Exclusive, 0, None) {
                Ok(true) => same_tree(directory, "tree"),
                other => Err(format!("somebody has the lock still: {other:?}")),
            }
        },
    },
];
