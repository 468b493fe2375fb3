//! Batches of records and journals: each call is dropped at each of its polls, and the same writer
//! goes on.

use std::fs;
use std::io;
use std::time::Duration;

use aiofile::{Context, with_context};
use aiofile_util::{BatchOptions, BatchWriter, Journal};
use futures_util::future::{BoxFuture, FutureExt};

use crate::common::{contexts, place};
use crate::{POLLS_MAX, in_time, settle, to_poll};

type Call = fn(&BatchWriter, String) -> BoxFuture<'_, io::Result<()>>;

/// Those that write a record, and those that see to what is written.
const CALLS: [(&str, Call); 5] = [
    ("append", |log, record| log.append(record).boxed()),
    ("append_written", |log, record| log.append_written(record).boxed()),
    ("append_durable", |log, record| log.append_durable(record).boxed()),
    ("flush", |log, _| log.flush().boxed()),
    ("sync", |log, _| log.sync().boxed()),
];

/// Each record alone fills a file, so that there is a rotation with each.
fn options(context: &Context) -> BatchOptions {
    let options = BatchOptions::new().context(context).interval(Duration::MAX);
    options.max_records(2).rotate_bytes(20).gzip(1)
}

/// The records in the files of a log, in order.
fn records(log: &std::path::Path) -> Vec<usize> {
    let directory = log.parent().unwrap();
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    // The present file is the last.
    names.sort_by_key(|name| (name == log, name.clone()));
    let mut text = String::new();
    for name in names {
        let bytes = fs::read(&name).unwrap();
        match name.extension().is_some_and(|extension| extension == "gz") {
            true => {
                let mut decoder = flate2::read::MultiGzDecoder::new(&bytes[..]);
                io::Read::read_to_string(&mut decoder, &mut text).map(drop).unwrap();
            }
            false => text += str::from_utf8(&bytes).unwrap(),
        }
    }
    text.lines().map(|line| line.trim_start_matches("record ").parse().unwrap()).collect()
}

#[tokio::test]
async fn a_batch_writer_goes_on_after_each_dropped_call() {
    for context in contexts() {
        for (name, call) in CALLS {
            let place = place();
            let path = place.path().join("log");
            let log = options(&context).open(&path).await.unwrap();
            let (mut acknowledged, mut number) = (Vec::new(), 0);
            for polls in 0..POLLS_MAX {
                // Something to do, also for a call that writes no record.
                for _ in 0..3 {
                    in_time(log.append(format!("record {number}\n"))).await.unwrap();
                    acknowledged.push(number);
                    number += 1;
                }
                let outcome = to_poll(polls, call(&log, format!("record {number}\n"))).await;
                number += 1;
                if let Some(done) = outcome {
                    done.unwrap();
                    acknowledged.extend(name.starts_with("append").then_some(number - 1));
                    break;
                }
            }
            // So is the end.
            for polls in 0.. {
                if let Some(report) = to_poll(polls, log.close()).await {
                    assert!(report.unwrap().rotations > 0, "{name}");
                    break;
                }
            }
            settle(&context);
            let found = records(&path);
            assert!(found.is_sorted_by(|one, next| one < next), "{name}: {found:?}");
            let lost: Vec<_> = acknowledged.iter().filter(|one| !found.contains(one)).collect();
            assert!(lost.is_empty(), "{name}: {lost:?} of {found:?}");
            assert!(found.iter().all(|one| *one < number), "{name}: {found:?}");
        }
    }
}

#[tokio::test]
async fn a_journal_goes_on_after_each_dropped_call() {
    for context in contexts() {
        let place = place();
        let path = place.path().join("journal");
        let mut opened = None;
        for polls in 0..POLLS_MAX {
            if let Some(journal) =
                to_poll(polls, with_context(&context, Journal::open(&path))).await
            {
                opened = Some(journal.unwrap());
                break;
            }
        }
        let (journal, mut sure) = (opened.unwrap(), Vec::new());
        let (mut number, mut is_through) = (0, false);
        for polls in 0..POLLS_MAX {
            let (name, next) = (format!("file {number}"), format!("file {}", number + 1));
            number += 2;
            let both = async {
                journal.acknowledge(&name).await?;
                journal.sync().await
            };
            if let Some(done) = to_poll(polls, both).await {
                done.unwrap();
                sure.push(name);
                is_through = true;
            }
            in_time(journal.acknowledge(&next)).await.unwrap();
            sure.push(next);
            if is_through {
                break;
            }
        }
        in_time(journal.sync()).await.unwrap();
        drop(journal);
        settle(&context);
        let journal = Journal::open(&path).await.unwrap();
        assert!(journal.remaining(&sure).is_empty(), "{:?}", journal.remaining(&sure));
        assert!((sure.len()..=number).contains(&journal.done()));
    }
}
