//! What programs build on top: hashes and checksums, files cut into pieces and put together.

use std::num::NonZeroU64;

use aiofile::AioFile;
use aiofile_util::{
    CheckOutcome, HashKind, HashOptions, MergeOptions, SplitBy, SplitOptions, hash, last_lines,
};

use crate::job::{Job, LINES, holds, lines, old, sorted, untouched};

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
        name: "merge_sorted",
        run: |directory| {
            Box::pin(async move {
                let sources = ["sorted", "tree/sub/b", "sorted"].map(|name| directory.join(name));
                MergeOptions::new().merge_sorted(sources, directory.join("old")).await.map(drop)
            })
        },
        check: |directory, done| {
            let twice: String =
                sorted().split_inclusive('\n').flat_map(|line| [line, line]).collect();
            let whole = format!("{twice}b\n");
            match done {
                true => holds(directory, "old", &[whole.as_bytes()]),
                false => holds(directory, "old", &[&old(), whole.as_bytes()]),
            }
        },
    },
    Job {
        name: "checksums",
        run: |directory| {
            Box::pin(async move {
                let files = ["old", "lines", "tree/a"].map(|name| directory.join(name));
                let mut hashes = HashOptions::new(HashKind::Md5).files_as_completed(files.clone());
                let mut list = String::new();
                while let Some((path, hash)) = hashes.next().await {
                    list += &format!("{}  {}\n", hash?, path.display());
                }
                let path = directory.join("sums");
                aiofile::fs::write(&path, list).await?;
                let mut checks = HashOptions::new(HashKind::Md5).check(&path);
                let mut same = 0;
                while let Some(checked) = checks.next().await {
                    match checked?.outcome {
                        CheckOutcome::Same => same += 1,
                        CheckOutcome::Unreadable(error) => return Err(error),
                        other => panic!("{other:?}"),
                    }
                }
                assert_eq!(same, files.len());
                Ok(())
            })
        },
        check: untouched,
    },
];
