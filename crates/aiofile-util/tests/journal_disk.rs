//! `Journal` on a simulated disk: faults, futures that are dropped, losses of power at any step.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use aiofile::with_context;
use aiofile_util::Journal;
use caio::OpKind;
use caio_testkit::{Plan, Random};
use common::disk::{Disk, path};
use common::poll;
use futures_util::future::{BoxFuture, FutureExt};

const RUNS: u64 = 800;
const FILES: usize = 24;

/// A name of any length.
fn name(number: usize) -> String {
    format!("{number}/{}", "x".repeat(number * 7 % 40))
}

fn open(disk: &Disk) -> io::Result<Arc<Journal>> {
    disk.drive(with_context(&disk.context, Journal::open(path()))).map(Arc::new)
}

fn acknowledge(journal: &Arc<Journal>, number: usize) -> BoxFuture<'static, io::Result<()>> {
    let journal = Arc::clone(journal);
    async move { journal.acknowledge(name(number)).await }.boxed()
}

/// The numbers of the files that are done.
fn done(journal: &Journal) -> BTreeSet<usize> {
    let left = journal.remaining((0..FILES).map(name));
    let left: BTreeSet<_> = left.iter().map(|path| path.to_str().unwrap().to_owned()).collect();
    (0..FILES).filter(|number| !left.contains(&name(*number))).collect()
}

#[test]
fn what_is_acknowledged_is_done_and_what_failed_is_not() {
    let (mut failed, mut dropped) = (0, 0);
    for seed in 0..RUNS {
        let mut random = Random::new(seed);
        let mut plan = Plan::new(seed).short(0.2).interrupted(0.1);
        if random.chance(0.5) {
            plan = plan.fail_once(OpKind::Write, 1 + random.below(8) as u64, 5);
        }
        if random.chance(0.3) {
            plan = plan.space(100 + random.below(500) as u64);
        }
        if random.chance(0.2) {
            plan = plan.fail_once(OpKind::SetLength, 0, 5);
        }
        let disk = Disk::with_seed(seed, plan);
        // The first line may be what fails, and is made up for.
        let journal = open(&disk).or_else(|_| open(&disk)).unwrap();
        let (mut sure, mut unsure) = (BTreeSet::new(), BTreeSet::new());
        let mut pending = Vec::new();
        for number in 0..FILES {
            pending.push((number, acknowledge(&journal, number)));
            for _ in 0..random.below(4) {
                disk.simulated.step();
            }
            while pending.len() > random.below(4) {
                let (number, mut future) = pending.swap_remove(random.below(pending.len()));
                if random.chance(0.1) {
                    // Given up: whether it is written is not known.
                    dropped += 1;
                    _ = poll(&mut future);
                    unsure.insert(number);
                    continue;
                }
                match disk.drive(future) {
                    Ok(()) => _ = sure.insert(number),
                    Err(_) => failed += 1,
                }
            }
        }
        pending.into_iter().for_each(|(number, _)| _ = unsure.insert(number));
        drop(journal);
        disk.simulated.run();
        let disk = Disk::over(Arc::clone(&disk.simulated), Plan::new(seed));
        let journal = open(&disk).unwrap();
        let found = done(&journal);
        assert!(sure.is_subset(&found), "seed {seed}: {sure:?} of {found:?}");
        let more = found.difference(&sure).all(|number| unsure.contains(number));
        assert!(more, "seed {seed}: {found:?} of {sure:?} and {unsure:?}");
        assert_eq!(journal.done(), found.len(), "seed {seed}");
    }
    assert!(failed > RUNS && dropped > RUNS, "{failed}, {dropped}");
}

#[test]
fn what_was_synced_outlives_a_loss_of_power_at_any_step() {
    let mut losses = 0;
    for seed in 0..RUNS / 40 {
        let mut random = Random::new(seed);
        let disk = Disk::with_seed(seed, Plan::new(seed).short(0.1));
        let (mut acknowledged, mut synced) = (0, 0);
        let mut found = Vec::new();
        let mut look = |synced: usize, acknowledged: usize| {
            let after = disk.simulated.after_power_loss(random.below(1 << 30) as u64).unwrap();
            found.push((after, synced, acknowledged));
        };
        let opening = with_context(&disk.context, Journal::open(path()));
        let journal = disk.drive_and(opening, || look(0, 0)).map(Arc::new).unwrap();
        for number in 0..FILES {
            let next = acknowledge(&journal, number);
            disk.drive_and(next, || look(synced, number + 1)).unwrap();
            acknowledged = number + 1;
            if number % 3 == 0 {
                disk.drive_and(journal.sync(), || look(synced, acknowledged)).unwrap();
                synced = acknowledged;
            }
        }
        look(synced, acknowledged);
        for (after, synced, acknowledged) in found {
            losses += 1;
            let after = Disk::over(Arc::new(after), Plan::new(seed));
            let journal = open(&after).unwrap();
            let found = done(&journal);
            assert!((0..synced).all(|number| found.contains(&number)), "seed {seed}: {found:?}");
            assert!(found.iter().all(|number| *number < acknowledged), "seed {seed}: {found:?}");
            // It goes on from there.
            let left: Vec<_> = (0..FILES).filter(|number| !found.contains(number)).collect();
            for number in left {
                after.drive(acknowledge(&journal, number)).unwrap();
            }
            drop(journal);
            assert_eq!(done(&open(&after).unwrap()).len(), FILES, "seed {seed}");
        }
    }
    assert!(losses > 600, "{losses}");
}
