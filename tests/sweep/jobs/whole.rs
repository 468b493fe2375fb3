//! Whole files: read, written, appended to, replaced.

use aiofile::fs;
use aiofile::fs::{AtomicWriteOptions, Durability};
use tokio::io::AsyncWriteExt;

use crate::job::{Job, begins, holds, lines, new, old, untouched};

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "read",
        run: |directory| {
            Box::pin(async move {
                assert_eq!(fs::read(directory.join("old")).await?, old());
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "read_to_string",
        run: |directory| {
            Box::pin(async move {
                assert_eq!(fs::read_to_string(directory.join("lines")).await?, lines());
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "write",
        run: |directory| Box::pin(async move { fs::write(directory.join("new"), new()).await }),
        check: |directory, done| match done {
            true => holds(directory, "new", &[&new()]),
            false => begins(directory, "new", &new()),
        },
    },
    Job {
        name: "append",
        run: |directory| Box::pin(async move { fs::append(directory.join("old"), new()).await }),
        check: |directory, done| {
            let whole = [old(), new()].concat();
            match done {
                true => holds(directory, "old", &[&whole]),
                false => begins(directory, "old", &whole),
            }
        },
    },
    Job {
        name: "write_atomic",
        run: |directory| {
            Box::pin(async move { fs::write_atomic(directory.join("old"), new()).await })
        },
        check: old_or_new,
    },
    Job {
        name: "atomic_file",
        run: |directory| {
            Box::pin(async move {
                let mut options = AtomicWriteOptions::new();
                options.durability(Durability::Full);
                let mut file = options.open(directory.join("old")).await?;
                for piece in new().chunks(1000) {
                    file.write_all(piece).await?;
                }
                file.commit().await
            })
        },
        check: old_or_new,
    },
];

/// An error may come after the new name is there, when the directory is synced.
fn old_or_new(directory: &std::path::Path, done: bool) -> Result<(), String> {
    match done {
        true => holds(directory, "old", &[&new()]),
        false => holds(directory, "old", &[&old(), &new()]),
    }
}
