//! What programs build on top: hashes, pieces, trees that are kept alike, logs.

use std::num::NonZeroU64;

use aiofile::AioFile;
use aiofile_util::{
    BatchOptions, HashKind, MergeOptions, SplitBy, SplitOptions, SyncOptions, hash, last_lines,
};

use crate::job::{Job, LINES, begins, holds, lines, new, old, same_tree, untouched};

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "hash",
        run: |directory| {
            Box::pin(async move {
                let expected = hash(directory.join("old"), HashKind::Blake3).await?;
                let same = hash(directory.join("tree/a"), HashKind::Blake3).await?;
                assert_eq!(expected.to_string(), same.to_string());
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "last_lines",
        run: |directory| {
            Box::pin(async move {
                let file = AioFile::open(directory.join("lines"), "r").await?;
                let mut last = last_lines(&file, 2).await?;
                for number in LINES - 2..LINES {
                    let expected = format!("the line {number}");
                    assert_eq!(last.next_line().await?, Some(expected.as_bytes()));
                }
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "split",
        run: |directory| {
            Box::pin(async move {
                let by = SplitBy::Bytes(NonZeroU64::new(4000).unwrap());
                let split = SplitOptions::new(by);
                split.split(directory.join("old"), directory.join("piece.")).await.map(drop)
            })
        },
        check: |directory, done| {
            untouched(directory, done)?;
            let old = old();
            let names = ["piece.aa", "piece.ab", "piece.ac"];
            // All of them, where it was dropped when it was through.
            match done || names.iter().all(|name| directory.join(name).exists()) {
                true => {
                    let mut pieces = names.into_iter().zip(old.chunks(4000));
                    pieces.try_for_each(|(name, piece)| holds(directory, name, &[piece]))
                }
                false => match names.iter().find(|name| directory.join(name).exists()) {
                    Some(name) => Err(format!("{name} is left behind")),
                    None => Ok(()),
                },
            }
        },
    },
    Job {
        name: "merge",
        run: |directory| {
            Box::pin(async move {
                let sources = [directory.join("lines"), directory.join("tree/a")];
                let merge = MergeOptions::new().durable(true);
                merge.merge(sources, directory.join("old")).await.map(drop)
            })
        },
        check: |directory, done| {
            let whole = [lines().into_bytes(), old()].concat();
            match done {
                true => holds(directory, "old", &[&whole]),
                false => holds(directory, "old", &[&old(), &whole]),
            }
        },
    },
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
        name: "batch_writer",
        run: |directory| {
            Box::pin(async move {
                let writer = BatchOptions::new().open(directory.join("new")).await?;
                for record in new().chunks(500) {
                    writer.append(record).await?;
                }
                writer.append_durable(&new()[..1]).await?;
                writer.close().await.map(drop)
            })
        },
        check: |directory, done| {
            let whole = [&new(), &new()[..1]].concat();
            match done {
                true => holds(directory, "new", &[&whole]),
                false => begins(directory, "new", &whole),
            }
        },
    },
];
