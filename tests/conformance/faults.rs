//! The user's interface over backends that fail: what the context promises to handle, it handles.

use std::sync::Arc;

use aiofile::{AioFile, Error};
use caio::backend::pool::ThreadPool;
use caio::{Backend, Config, OpKind};
use caio_testkit::{Faulty, Plan, Random, Simulated, Skeleton};
use futures_util::future::join_all;

use crate::harness::{Case, cases, skipped};
use crate::observed::Observed;
use crate::support::{assert_settled, disk, pattern, within_reason};
use crate::uring::uring;

pub(crate) const CASES: &[Case] = cases![
    once short_transfers_are_neither_the_end_nor_an_error,
    once answers_out_of_order_reach_their_callers,
    once a_full_disk_is_told_and_nothing_is_lost,
    once any_interleaving_of_disjoint_writes_gives_the_same_file,
    once many_ranges_are_handed_over_together,
];

/// Those of the backends under test that sync by themselves, so that a fault can meet the sync.
pub(crate) fn inner_with_syncs() -> impl Iterator<Item = Arc<dyn Backend>> {
    let syncs = |inner: &Arc<dyn Backend>| {
        let operations = inner.capability().operations;
        operations.contains(OpKind::Fsync) && operations.contains(OpKind::Fdatasync)
    };
    inner().into_iter().filter(syncs)
}

/// The backends under test, each in its own right.
pub(crate) fn inner() -> Vec<Arc<dyn Backend>> {
    let mut backends: Vec<Arc<dyn Backend>> =
        vec![Arc::new(Skeleton::open(64)), Arc::new(ThreadPool::open(&Config::default()).unwrap())];
    match uring() {
        Ok(uring) => backends.push(uring),
        Err(error) => skipped(&format!("faults over uring: {error}")),
    }
    backends
}

fn with_plan(plan: &Plan, test: impl AsyncFn(&AioFile, &Faulty)) {
    for backend in inner() {
        let place = disk();
        let faulty = Arc::new(Faulty::new(backend, plan.clone()));
        let context = aiofile::context()
            .custom(Arc::<Faulty>::clone(&faulty))
            .in_place(false)
            .configure(|config| config.buffered_writes = caio::BufferedWrites::Backend)
            .build()
            .unwrap();
        let path = place.file("data", b"");
        let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
        let file = AioFile::from_std_in(&context, file).unwrap();
        within_reason(test(&file, &faulty));
        drop(file);
        assert_settled(&context);
    }
}

/// Trap C12.
fn short_transfers_are_neither_the_end_nor_an_error() {
    let plan = Plan::new(21).short(0.5).interrupted(0.2).not_ready(0.1).cancelled_unasked(0.1);
    with_plan(&plan.full_queue(0.2), async |file, faulty| {
        let data = pattern(200_000);
        for (index, piece) in data.chunks(10_000).enumerate() {
            file.write_all_at(piece.to_vec(), index as u64 * 10_000).await.unwrap();
        }
        assert_eq!(file.read_exact_at(200_000, 0).await.unwrap(), data);
        assert_eq!(file.read_to_end(100).await.unwrap(), data[100..]);
        let buffers = (0..20).map(|_| Vec::with_capacity(9_000)).collect();
        let (result, buffers) = file.read_vectored_at(buffers, 0).await;
        assert_eq!(result.unwrap(), 180_000);
        assert_eq!(buffers.concat(), data[..180_000]);
        let buffers = (0..20).map(|number| data[number * 9_000..][..9_000].to_vec()).collect();
        let (result, _) = file.write_vectored_at(buffers, 1).await;
        assert_eq!(result.unwrap(), 180_000);
        assert_eq!(file.read_exact_at(180_000, 1).await.unwrap(), data[..180_000]);
        let injected = faulty.injected();
        assert!(injected.short > 5 && injected.errors > 5, "{injected:?}");
    });
}

/// Trap C22.
fn answers_out_of_order_reach_their_callers() {
    with_plan(&Plan::new(22).reorder(16), async |file, faulty| {
        let data = pattern(256 * 100);
        let pieces = data.chunks(100).enumerate();
        let writes = pieces.map(|(index, piece)| file.write_at(piece.to_vec(), index as u64 * 100));
        assert!(join_all(writes).await.into_iter().all(|result| result.unwrap() == 100));
        let reads = (0..256u64).map(|index| file.read_at(100, index * 100));
        for (index, found) in join_all(reads).await.into_iter().enumerate() {
            assert_eq!(found.unwrap(), data[index * 100..][..100]);
        }
        assert!(faulty.injected().delayed >= 512);
    });
}

fn a_full_disk_is_told_and_nothing_is_lost() {
    with_plan(&Plan::new(23).space(10_000), async |file, faulty| {
        let data = pattern(15_000);
        assert_eq!(file.write_at(data.clone(), 0).await.unwrap(), 10_000);
        let (result, buffer) = file.write_from(data[10_000..].to_vec(), 10_000).await;
        assert_eq!(Error::from(result.unwrap_err()).raw_os_error(), Some(nix::libc::ENOSPC));
        faulty.set_space(1 << 20);
        file.write_all_at(buffer, 10_000).await.unwrap();
        assert_eq!(file.read_to_end(0).await.unwrap(), data);
    });
}

fn any_interleaving_of_disjoint_writes_gives_the_same_file() {
    for seed in 0..20 {
        let disk = Arc::new(Simulated::new(seed));
        let builder = aiofile::context().custom(Arc::<Simulated>::clone(&disk)).in_place(false);
        let context = builder.build().unwrap();
        let mut options = aiofile::OpenOptions::new();
        options.read(true).write(true).create(true);
        let file = disk.drive(options.context(&context).open_aio("data")).unwrap();
        let data = Random::new(seed).bytes(3000);
        let pieces = data.chunks(30).enumerate();
        let writes = pieces.map(|(n, piece)| file.write_all_at(piece.to_vec(), n as u64 * 30));
        disk.drive(join_all(writes)).into_iter().for_each(|result| result.unwrap());
        disk.drive(file.fsync()).unwrap();
        assert_eq!(disk.model("data").unwrap().durable(), data);
        disk.lose_power();
        assert_eq!(disk.drive(file.read_to_end(0)).unwrap(), data);
    }
}

/// Each commit is a system call.
fn many_ranges_are_handed_over_together() {
    for inner in inner() {
        let place = disk();
        let observed = Arc::new(Observed::new(inner, |_| {}));
        let builder = aiofile::context().custom(Arc::<Observed>::clone(&observed));
        let context = builder.in_place(false).build().unwrap();
        let data = pattern(64 * 4096);
        let path = place.file("data", &data);
        let file = std::fs::File::open(path).unwrap();
        let file = AioFile::from_std_in(&context, file).unwrap();
        let ranges: Vec<_> = (0..64).map(|number| number * 4096..number * 4096 + 100).collect();
        let before = (observed.commits(), context.metrics().submitted);
        let apart = aiofile::RangeOptions::new().gap_max(0);
        let read = within_reason(file.read_ranges_with(&ranges, &apart)).unwrap();
        for (range, found) in ranges.iter().zip(read) {
            assert_eq!(found, data[range.start as usize..range.end as usize]);
        }
        assert_eq!(context.metrics().submitted - before.1, 64);
        let commits = observed.commits() - before.0;
        assert!(commits <= 2, "{commits} commits");
    }
}
