//! Files that grow: records in batches, with rotation, and the journal of a run.

use std::fs;
use std::io;
use std::io::Read;
use std::path::Path;

use aiofile::with_context;
use aiofile_util::{BatchOptions, Journal};
use flate2::read::MultiGzDecoder;
use futures_executor::block_on;
use futures_util::future::try_join_all;

use crate::job::{Job, begins, holds, new, told};

pub(super) const JOBS: &[Job] = &[
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
    Job {
        name: "rotation",
        run: |directory| {
            Box::pin(async move {
                let writer = rotating().open(directory.join("new")).await?;
                for record in new().chunks(500) {
                    writer.append_written(record).await?;
                }
                writer.sync().await?;
                writer.close().await.map(drop)
            })
        },
        check: |directory, done| {
            // The next writer sees to what is left.
            let open = async { rotating().open(directory.join("new")).await?.close().await };
            apart(open).map_err(told)?;
            let (found, whole) = (rotated(directory)?, new());
            match found == whole || !done && whole.starts_with(&found) {
                true => Ok(()),
                false => Err(format!("the log has {} bytes of {}", found.len(), whole.len())),
            }
        },
    },
    Job {
        name: "journal",
        run: |directory| {
            Box::pin(async move {
                let journal = Journal::open(directory.join("new")).await?;
                try_join_all(FILES.map(|name| journal.acknowledge(name))).await?;
                journal.acknowledge("one more").await?;
                journal.sync().await
            })
        },
        check: |directory, done| {
            let journal = apart(Journal::open(directory.join("new"))).map_err(told)?;
            match journal.remaining(FILES).is_empty() && journal.done() > FILES.len() {
                false if done => Err(format!("it has {} files only", journal.done())),
                _ => Ok(()),
            }
        },
    },
];

/// The files that a journal is told of.
const FILES: [&str; 5] = ["a", "sub/b", "a b", "line\nbreak", "e"];

/// In a context of its own, which no fault meets.
fn apart<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    block_on(with_context(&aiofile::context().build()?, work))
}

fn rotating() -> BatchOptions {
    BatchOptions::new().rotate_bytes(4000).gzip(1)
}

/// What is in all files of the log. Nothing else may have been left beside it.
fn rotated(directory: &Path) -> Result<Vec<u8>, String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(told)? {
        let name = entry.map_err(told)?.file_name().into_string().unwrap();
        if name.contains("new") {
            names.push(name);
        }
    }
    // The present file is the last.
    names.sort_by_key(|name| (name == "new", name.clone()));
    let mut found = Vec::new();
    for name in &names {
        let bytes = fs::read(directory.join(name)).map_err(told)?;
        match name.strip_prefix("new") {
            Some("") => found.extend(bytes),
            Some(number) if number.ends_with(".gz") => {
                _ = MultiGzDecoder::new(&bytes[..]).read_to_end(&mut found).map_err(told)?;
            }
            _ => return Err(format!("{name} is left behind, beside {names:?}")),
        }
    }
    Ok(found)
}
