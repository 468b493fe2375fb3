//! Records in batches, with rotation and compression, and the journal of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};

use aiofile::{BackendKind, with_context};
use aiofile_util::{BatchOptions, Journal};
use flate2::read::MultiGzDecoder;
use futures_executor::block_on;
use futures_util::future::try_join_all;

use crate::job::{Job, LeftOut, STEPS, Seen, told};

/// How many producers a log has.
const PRODUCERS: u64 = 3;

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "batch_writer",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                let log = options().context(&place.context).open(place.path("log")).await?;
                let producers = (0..PRODUCERS).map(|producer| {
                    let (log, place) = (log.clone(), place.clone());
                    async move {
                        for step in (producer..STEPS).step_by(PRODUCERS as usize) {
                            place.begin(step);
                            let record = record(step, &place.content(step));
                            match place.syncs() {
                                true => log.append_durable(record).await?,
                                false => log.append_written(record).await?,
                            }
                            place.acknowledge(step);
                        }
                        Ok::<_, io::Error>(())
                    }
                });
                try_join_all(producers).await?;
                log.close().await.map(drop)
            })
        },
        check: |seen| {
            records(seen)?;
            // The next writer goes on behind it, and sees to what is left.
            let path = seen.directory.join("log");
            apart(async {
                let log = options().open(path).await?;
                log.append_durable("afterwards\n").await?;
                log.close().await
            })?;
            records(seen)?;
            let is_ours = |name: &str| name == "log" || name.starts_with("log.");
            seen.only(is_ours)
        },
    },
    Job {
        name: "journal",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                let journal = Journal::open(place.path("journal")).await?;
                for step in 0..STEPS {
                    place.begin(step);
                    journal.acknowledge(file(step)).await?;
                    if place.syncs() {
                        journal.sync().await?;
                    }
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: |seen| {
            let acknowledged: Vec<_> = seen.acknowledged.iter().map(|step| file(*step)).collect();
            let (lost, done) = apart(async {
                let journal = Journal::open(seen.directory.join("journal")).await?;
                let seen = (journal.remaining(acknowledged), journal.done() as u64);
                // It goes on from there.
                journal.acknowledge("afterwards").await?;
                journal.sync().await?;
                Ok(seen)
            })?;
            match lost.is_empty() && done <= seen.begun {
                true => Ok(()),
                false => Err(format!("it has {done} files, and lacks {lost:?}")),
            }
        },
    },
];

/// Rotates after some records.
fn options() -> BatchOptions {
    BatchOptions::new().record_end(b'\n').rotate_bytes(40_000).gzip(1)
}

/// In a context of its own.
fn apart<T>(work: impl Future<Output = io::Result<T>>) -> Result<T, String> {
    let context = aiofile::context().backend(BackendKind::Thread).build();
    let context = context.map_err(|error| error.to_string())?;
    block_on(with_context(&context, work)).map_err(told)
}

/// A line, which names its step.
fn record(step: u64, content: &[u8]) -> String {
    let digits: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{step} {digits}\n")
}

/// What a journal is told of.
fn file(step: u64) -> String {
    format!("directory/{step}-{}", "long".repeat(40))
}

/// Each record that was acknowledged is there once, in one of the files; those that are compressed
/// are complete.
fn records(seen: &Seen) -> Result<(), String> {
    // Of a file that is there twice the compressed one counts. On a file system without a journal
    // the other one may come back after its removal, with what was written to its blocks since.
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for entry in fs::read_dir(&seen.directory).map_err(told)? {
        let name = entry.map_err(told)?.file_name().into_string().unwrap_or_default();
        let found = seen.read(&name)?.unwrap_or_default();
        match name.strip_suffix(".gz") {
            Some(plain) => {
                let mut records = Vec::new();
                let decoded = MultiGzDecoder::new(&found[..]).read_to_end(&mut records);
                decoded.map_err(|error| format!("{name} is half: {error}"))?;
                files.insert(plain.to_owned(), records);
            }
            None if name.starts_with("log") => {
                files.entry(name).or_insert(found);
            }
            None => {}
        }
    }
    let mut there = BTreeSet::new();
    for line in files.values().flat_map(|found| found.split_inclusive(|byte| *byte == b'\n')) {
        let head = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        let step = str::from_utf8(head).ok().and_then(|step| step.parse().ok());
        let is_whole = |step: &u64| line == record(*step, &seen.content(*step)).as_bytes();
        let Some(step) = step.filter(|step| *step < seen.begun).filter(is_whole) else { continue };
        if !there.insert(step) {
            return Err(format!("the record {step} is there twice"));
        }
    }
    match seen.acknowledged.difference(&there).next() {
        Some(step) => Err(format!("the record {step} is in none of {:?}", files.keys())),
        None => Ok(()),
    }
}
