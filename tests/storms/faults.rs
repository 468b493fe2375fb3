//! Injected faults: shorts, single bytes, EINTR, EAGAIN, ECANCELED, refusals, late answers out of
//! order, and errors that nothing makes good.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aiofile::BackendKind;
use caio::{Backend, OpKind};
use caio_testkit::{FaultLayer, Faulty, Guards, Plan, Random};
use futures_util::future::join_all;
use nix::libc;

use crate::planted_backend::{Defect, Planted};
use crate::settled::settled;
use crate::user::{BUFFER, Done, User};
use crate::{
    PATIENCE, SHORT_PATIENCE, backends, caught, gate, in_use, number, place, runtime, seeds,
};

/// Users at the same time.
const USERS: u64 = 4;

/// What nothing makes good.
const ERRORS: [i32; 6] =
    [libc::EIO, libc::ENOSPC, libc::EDQUOT, libc::EFBIG, libc::EACCES, libc::EROFS];

/// What a layer answers, and nothing else.
const BY_LAYER: i32 = libc::ETIMEDOUT;

/// What a part of the storm has done.
#[derive(Default)]
struct Counts {
    operations: u64,
    failed: u64,
    faults: u64,
    short: u64,
    errors: u64,
    refused: u64,
    delayed: u64,
}

/// `CAIO_STORM_FAULTS` is how many faults there are for each backend.
#[test]
fn injected_faults() {
    let _alone = in_use::alone();
    drop(runtime());
    let wanted = number("CAIO_STORM_FAULTS", 5_000);
    for kind in backends::all() {
        let (begun, before) = (Instant::now(), in_use::now());
        let mut sum = Counts::default();
        for seed in seeds() {
            let part = part(kind, seed, Defect::None, PATIENCE);
            let counts = part.unwrap_or_else(|error| panic!("{kind}, seed {seed}: {error}"));
            sum.add(&counts);
            if sum.faults == 0 {
                println!("SKIPPED injected faults on {kind}: nothing goes through it here");
            }
            if sum.faults >= wanted || sum.faults == 0 {
                break;
            }
        }
        in_use::given_back(&before, PATIENCE).unwrap_or_else(|error| panic!("{kind}: {error}"));
        let figures: [(&str, &dyn std::fmt::Display); 7] = [
            ("operations", &sum.operations),
            ("failed", &sum.failed),
            ("faults", &sum.faults),
            ("short", &sum.short),
            ("errors", &sum.errors),
            ("refused", &sum.refused),
            ("delayed", &sum.delayed),
        ];
        gate("faults", kind.name(), &figures, begun);
    }
}

#[test]
fn defects_among_faults_are_found() {
    let _alone = in_use::alone();
    let find = |defect| {
        let (kind, patience) = (BackendKind::Rust, SHORT_PATIENCE);
        (1..20).try_for_each(|seed| part(kind, seed, defect, patience).map(drop))
    };
    caught("faults", "lost_write", &find(Defect::LostWrite));
    caught("faults", "late_write", &find(Defect::LateWrite));
    caught("faults", "doubled_append", &find(Defect::DoubledAppend));
    caught("faults", "wrong_offset", &find(Defect::WrongOffset));
    caught("faults", "lost_request", &find(Defect::LostRequest));
}

/// Some users in one context over a backend that fails by a plan of this seed.
fn part(
    kind: BackendKind,
    seed: u64,
    defect: Defect,
    patience: Duration,
) -> Result<Counts, String> {
    let planted = Arc::new(Planted::new(backends::open(kind).unwrap(), defect, seed));
    let result = part_over(Arc::<Planted>::clone(&planted), kind, seed, patience);
    planted.let_go();
    result
}

fn part_over(
    inner: Arc<dyn Backend>,
    kind: BackendKind,
    seed: u64,
    patience: Duration,
) -> Result<Counts, String> {
    let (plan, may_fail) = plan(seed);
    let faulty = Arc::new(Faulty::new(inner, plan));
    let mut builder = backends::queued().custom(Arc::<Faulty>::clone(&faulty));
    if !may_fail.is_empty() {
        // What goes another way than the backend's fails, too.
        let plan = Plan::new(!seed).failing(0.02, BY_LAYER);
        builder = builder.layer(Arc::new(FaultLayer::new(plan)));
    }
    let context = builder.build().unwrap();
    let (place, guards) = (place(), Arc::new(Guards::new(BUFFER, 64)));
    let users = (0..USERS).map(|user| {
        // Kernel AIO serves nothing else.
        let is_direct = kind == BackendKind::Linux || user % 2 == 0;
        let number = seed * USERS + user;
        let mut user = User::new(&context, &guards, place.path(), number, is_direct);
        user.may_fail.clone_from(&may_fail);
        user.work(150)
    });
    let users: Vec<_> = users.collect();
    let work = async { tokio::time::timeout(patience, join_all(users)).await };
    let done = runtime().block_on(work).map_err(|_| {
        format!("it hangs, with {:?} in flight: {:?}", context.in_flight(), context.metrics())
    })?;
    settled(&context, patience)?;
    guards.look()?;
    if guards.lent() > 0 {
        return Err(format!("{} buffers did not come back", guards.lent()));
    }
    let injected = faulty.injected();
    let mut counts = Counts {
        faults: injected.short + injected.errors + injected.refused + injected.delayed,
        short: injected.short,
        errors: injected.errors,
        refused: injected.refused,
        delayed: injected.delayed,
        ..Counts::default()
    };
    for user in done {
        let Done { operations, failed } = user?;
        counts.operations += operations;
        counts.failed += failed;
    }
    Ok(counts)
}

/// A plan, and the errnos that may come through; without any, the engine makes all good.
fn plan(seed: u64) -> (Plan, Vec<i32>) {
    let mut random = Random::new(seed);
    let plan = Plan::new(seed).interrupted(0.1).not_ready(0.1).cancelled_unasked(0.05);
    let plan = match random.chance(0.5) {
        true => plan.short(0.4),
        false => plan.one_byte(0.05),
    };
    let plan = match random.below(8) {
        0 => plan.reorder(4),
        1 => plan.delay(Duration::ZERO..Duration::from_micros(200)),
        _ => plan.full_queue(0.1),
    };
    if random.chance(0.5) {
        return (plan, Vec::new());
    }
    let errors = ERRORS.into_iter().fold(plan, |plan, errno| plan.failing(0.01, errno));
    let plan = match random.below(4) {
        0 => errors.space(100_000),
        1 => errors.fail_from(OpKind::Fsync, random.below(8) as u64, libc::EIO),
        _ => errors,
    };
    (plan, [&ERRORS[..], &[BY_LAYER]].concat())
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.operations += other.operations;
        self.failed += other.failed;
        self.faults += other.faults;
        self.short += other.short;
        self.errors += other.errors;
        self.refused += other.refused;
        self.delayed += other.delayed;
    }
}
