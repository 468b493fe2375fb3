//! Contexts that are dropped while their operations are in flight: what they use comes back when
//! the kernel has finished with it, and not before.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aiofile::{BackendKind, Context};
use caio::{Buffer, SharedFile, Transfer};
use caio_testkit::{Guards, Random};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::cancels::{BLOCK, blocks, check, transfer};
use crate::in_use::eventually;
use crate::planted_backend::{Defect, Planted};
use crate::{
    PATIENCE, SHORT_PATIENCE, backends, caught, gate, in_use, number, place, runtime, seeds,
};

/// Transfers of a context.
const TRANSFERS: usize = 24;

/// `CAIO_STORM_DROPS` is how many contexts are dropped for each backend.
#[test]
fn dropped_contexts() {
    let _alone = in_use::alone();
    drop(runtime());
    let wanted = number("CAIO_STORM_DROPS", 25);
    for kind in backends::all() {
        let (begun, before) = (Instant::now(), in_use::now());
        let place = place();
        let path = place.path().join("data");
        let files: Vec<_> =
            [false, true].iter().filter_map(|direct| blocks(&path, *direct)).collect();
        let guards = Guards::new(BLOCK, 64);
        let mut in_flight = 0;
        for seed in seeds().take(wanted as usize) {
            let dropped = drop_one(backends::context(kind), &files, &guards, seed);
            in_flight += dropped.unwrap_or_else(|error| panic!("{kind}, seed {seed}: {error}"));
        }
        let end = all_back(&guards, PATIENCE).and_then(|()| check(&path));
        drop(files);
        let end = end.and_then(|()| in_use::given_back(&before, PATIENCE));
        end.unwrap_or_else(|error| panic!("{kind}: {error}"));
        gate("drops", kind.name(), &[("drops", &wanted), ("in_flight", &in_flight)], begun);
    }
}

#[test]
fn a_context_that_keeps_a_buffer_is_found() {
    let _alone = in_use::alone();
    let place = place();
    let files = [blocks(&place.path().join("data"), false).unwrap()];
    let guards = Guards::new(BLOCK, 64);
    let inner = backends::open(BackendKind::Rust).unwrap();
    let planted = Arc::new(Planted::new(inner, Defect::LostRequest, 1));
    let found = (1..10).try_for_each(|seed| {
        let context = backends::queued().custom(Arc::<Planted>::clone(&planted)).build().unwrap();
        drop_one(context, &files, &guards, seed)?;
        all_back(&guards, SHORT_PATIENCE)
    });
    planted.let_go();
    caught("drops", "lost_request", &found);
}

fn all_back(guards: &Guards, patience: Duration) -> Result<(), String> {
    eventually(patience, || match guards.lent() {
        0 => Ok(()),
        lent => Err(format!("{lent} buffers did not come back")),
    })?;
    guards.look()
}

/// Begins some operations, and drops the context before them, after them or among them. Returns
/// how many were in flight.
fn drop_one(
    context: Context,
    files: &[SharedFile],
    guards: &Guards,
    seed: u64,
) -> Result<u64, String> {
    let mut random = Random::new(seed);
    let mut begun: Vec<BoxFuture<'static, Transfer>> = (0..TRANSFERS)
        .map(|_| {
            let file = &files[random.below(files.len())];
            transfer(&context, file, guards, &mut random).1
        })
        .collect();
    let (reader, writer) = std::io::pipe().unwrap();
    let silent = SharedFile::new(File::from(OwnedFd::from(reader)), "pipe").unwrap();
    let (engine, buffer) = (context.clone(), Buffer::from(guards.lend()));
    begun.push(async move { engine.read(&silent, buffer, 0..BLOCK, 0).await }.boxed());
    let in_runtime = random.chance(0.5).then(runtime);
    let _entered = in_runtime.as_ref().map(tokio::runtime::Runtime::enter);
    let pending = begun.iter_mut().filter_map(|future| match future.now_or_never() {
        Some(_) => None,
        None => Some(()),
    });
    let in_flight = pending.count() as u64;
    guards.look()?;
    random.shuffle(&mut begun);
    let first = random.below(begun.len() + 1);
    drop(begun.split_off(first));
    if random.chance(0.3) {
        let mut shutdown = context.shutdown(Duration::from_secs(1)).boxed();
        let _ = (&mut shutdown).now_or_never();
    }
    drop(context);
    guards.look()?;
    drop(begun);
    drop(writer);
    guards.look()?;
    Ok(in_flight)
}
