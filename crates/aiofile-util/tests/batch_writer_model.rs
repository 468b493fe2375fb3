//! `BatchWriter` against a model: producers that are polled, dropped and failed at random, on a
//! disk whose steps, faults and power cuts a seed decides.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use aiofile_util::{BatchOptions, BatchWriter};
use caio::OpKind;
use caio_testkit::{Plan, Random};
use common::disk::Disk;
use common::poll;
use futures_util::future::BoxFuture;

/// How many runs there are, and with power cuts.
const RUNS: u64 = 10_000;
const POWER_CUTS: u64 = 2000;

#[test]
fn no_record_is_lost_doubled_or_torn_and_each_producers_are_in_order() {
    let mut met = Met::default();
    for seed in 0..RUNS {
        let mut run = Run::new(seed);
        run.go_on(80);
        run.producers.iter_mut().for_each(Producer::drop_pending);
        let closed = run.disk.drive(run.log.close());
        run.check_closed(closed.is_err(), &mut met);
    }
    // The runs met what they are for.
    let Met { failed, dropped, lost, durable, .. } = met;
    assert!(failed > RUNS && dropped > RUNS && lost > RUNS / 10 && durable > RUNS, "{met:?}");
}

#[test]
fn what_was_acknowledged_as_durable_outlives_a_power_cut() {
    let mut durable = 0;
    for seed in 0..POWER_CUTS {
        let mut run = Run::new(seed);
        let actions = run.random.below(80);
        run.go_on(actions);
        run.disk.simulated.lose_power();
        let contents = run.disk.contents();
        for (producer, record) in run.acknowledged(Fate::Durable) {
            let record = text(producer, record);
            assert!(contains(&contents, &record), "seed {seed}: {record:?}");
            durable += 1;
        }
        // What is pending would keep the disk.
        _ = run.disk.drive(run.log.close());
    }
    assert!(durable > POWER_CUTS, "{durable}");
}

/// What happened in all runs, so that they can be seen to have met something.
#[derive(Debug, Default)]
struct Met {
    failed: u64,
    dropped: u64,
    lost: u64,
    durable: u64,
}

/// What is known of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Queued,
    Written,
    Durable,
    /// It is not in the file.
    Refused,
    /// It may be in the file.
    Unknown,
}

struct Run {
    seed: u64,
    random: Random,
    disk: Disk,
    log: Arc<BatchWriter>,
    producers: Vec<Producer>,
}

struct Producer {
    log: Arc<BatchWriter>,
    /// Of each record, by its number.
    fates: Vec<Fate>,
    /// An append under way, and what its success would mean.
    pending: Option<(Fate, BoxFuture<'static, io::Result<()>>)>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut plan = Plan::new(seed).short(0.2).interrupted(0.1);
        let random_number = |random: &mut Random, below| random.below(below) as u64;
        if random.chance(0.4) {
            plan = plan.space(random_number(&mut random, 600));
        }
        if random.chance(0.4) {
            plan = plan.fail_once(OpKind::Write, random_number(&mut random, 6), 5);
        }
        if random.chance(0.1) {
            plan = plan.fail_once(OpKind::SetLength, 0, 5);
        }
        if random.chance(0.1) {
            plan = plan.fail_once(OpKind::Fdatasync, random_number(&mut random, 4), 5);
        }
        let options = BatchOptions::new()
            .interval(Duration::MAX)
            .max_bytes(1 + random.below(120))
            .max_records(1 + random_number(&mut random, 8))
            .queue_bytes(1 + random.below(200));
        let disk = Disk::with_seed(seed, plan);
        let log = Arc::new(disk.open(&options));
        let producer =
            |_| Producer { log: Arc::new((*log).clone()), fates: Vec::new(), pending: None };
        let producers: Vec<_> = (0..1 + random.below(4)).map(producer).collect();
        Self { seed, random, disk, log, producers }
    }

    /// So many things at random.
    fn go_on(&mut self, actions: usize) {
        for _ in 0..actions {
            let index = self.random.below(self.producers.len());
            let (random, producer) = (&mut self.random, &mut self.producers[index]);
            match random.below(60) {
                0 => producer.drop_pending(),
                1 => self.disk.faulty.set_space(random.below(1000) as u64),
                2..30 => _ = (0..random.below(6)).all(|_| self.disk.simulated.step()),
                _ if producer.pending.is_some() => producer.poll(),
                _ => producer.begin(index, random.below(3)),
            }
        }
    }

    fn acknowledged(&self, fate: Fate) -> impl Iterator<Item = (usize, usize)> {
        self.producers.iter().enumerate().flat_map(move |(producer, of)| {
            let records = of.fates.iter().enumerate().filter(move |(_, known)| **known == fate);
            records.map(move |(record, _)| (producer, record))
        })
    }

    fn check_closed(&self, has_failed: bool, met: &mut Met) {
        let seed = self.seed;
        let contents = String::from_utf8(self.disk.contents()).unwrap();
        let mut next = vec![0; self.producers.len()];
        let mut found: Vec<_> =
            self.producers.iter().map(|of| vec![false; of.fates.len()]).collect();
        let mut rest = &contents[..];
        while !rest.is_empty() {
            let (head, _) = rest.split_once(':').unwrap_or_else(|| panic!("seed {seed}: {rest:?}"));
            let (producer, record) = head.split_once('.').unwrap();
            let (producer, record): (usize, usize) =
                (producer.parse().unwrap(), record.parse().unwrap());
            let whole = text(producer, record);
            rest =
                rest.strip_prefix(&whole).unwrap_or_else(|| panic!("seed {seed}: torn: {rest:?}"));
            assert!(record >= next[producer], "seed {seed}: {whole:?} is doubled or out of order");
            next[producer] = record + 1;
            found[producer][record] = true;
        }
        let mut missing = 0;
        for (producer, of) in self.producers.iter().enumerate() {
            for (record, fate) in of.fates.iter().enumerate() {
                let is_there = found[producer][record];
                let what = || format!("seed {seed}: {:?} {fate:?}", text(producer, record));
                match fate {
                    Fate::Written | Fate::Durable => assert!(is_there, "{} is lost", what()),
                    Fate::Refused => assert!(!is_there, "{} is there", what()),
                    Fate::Queued => missing += u64::from(!is_there),
                    Fate::Unknown => {}
                }
                met.durable += u64::from(*fate == Fate::Durable);
                met.failed += u64::from(*fate == Fate::Refused);
                met.dropped += u64::from(*fate == Fate::Unknown);
            }
        }
        let report = self.log.report();
        met.lost += missing;
        assert!(missing <= report.lost, "seed {seed}: {missing} missing of {report:?}");
        assert!(report.lost == 0 || has_failed || self.told(), "seed {seed}: nobody was told");
        let there: usize = found.iter().flatten().filter(|there| **there).count();
        assert_eq!(report.records, there as u64, "seed {seed}");
    }

    /// Whether a call has failed.
    fn told(&self) -> bool {
        self.acknowledged(Fate::Refused).chain(self.acknowledged(Fate::Unknown)).next().is_some()
    }
}

impl Producer {
    fn begin(&mut self, index: usize, kind: usize) {
        let (log, record) = (Arc::clone(&self.log), text(index, self.fates.len()));
        self.pending = Some(match kind {
            0 => (Fate::Queued, Box::pin(async move { log.append(record).await })),
            1 => (Fate::Written, Box::pin(async move { log.append_written(record).await })),
            _ => (Fate::Durable, Box::pin(async move { log.append_durable(record).await })),
        });
        self.fates.push(Fate::Unknown);
        self.poll();
    }

    fn poll(&mut self) {
        let result = self.pending.as_mut().and_then(|(_, append)| poll(append));
        result.into_iter().for_each(|result| self.end(result));
    }

    fn end(&mut self, result: io::Result<()>) {
        let Some((success, _)) = self.pending.take() else { return };
        *self.fates.last_mut().unwrap() = match (result, success) {
            (Ok(()), success) => success,
            // The sync may be what has failed.
            (Err(_), Fate::Durable) => Fate::Unknown,
            (Err(_), _) => Fate::Refused,
        };
    }

    fn drop_pending(&mut self) {
        self.pending = None;
    }
}

/// The record of a producer with this number, of any length.
fn text(producer: usize, record: usize) -> String {
    format!("{producer}.{record}:{}\n", "-".repeat((producer * 7 + record * 13) % 40))
}

fn contains(contents: &[u8], record: &str) -> bool {
    contents.windows(record.len()).any(|window| window == record.as_bytes())
}
