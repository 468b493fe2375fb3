//! Random programs of tasks over files, contexts and runtimes, whose operations are given up, put
//! aside, timed out and driven by others, on every backend. Whatever happens to them, the files
//! hold what was acknowledged, nothing is lost or doubled, and nobody waits for ever.
//!
//! `CAIO_SCENARIOS` is how many programs there are for each variant, `CAIO_SCENARIO_SEED` the first
//! one's seed. A program that fails is made shorter, and what replays it is printed:
//! `CAIO_SCENARIO=uring:17:3,5!` runs two of its steps alone, a thousand times.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "it says how many programs there were")]

use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use caio::{BufferedWrites, Context, Error};
use caio_testkit::{Faulty, Plan, Skeleton, required, variant, variants};

use crate::scenario::{Replay, Scenario};

mod drive;
mod interrupt;
mod model;
mod planted;
#[path = "../common/planted_backend.rs"]
mod planted_backend;
mod scenario;
#[path = "../common/settled.rs"]
mod settled;
mod shrink;
mod task;
mod transfer;
mod world;

/// Enough to meet each kind of step and interruption on each variant.
const PROGRAMS: u64 = 40;

/// The name of a backend with faults that the engine makes good.
const FAULTY: &str = "faulty";

/// Longer than this no program takes: it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn random_programs() {
    quiet_panics();
    if let Ok(replay) = std::env::var("CAIO_SCENARIO") {
        return again(&replay.parse().expect("CAIO_SCENARIO is variant:seed:steps"));
    }
    let number = |name| std::env::var(name).ok().map(|number| number.parse::<u64>().expect(name));
    let first = number("CAIO_SCENARIO_SEED").unwrap_or(1);
    let seeds = first..first + number("CAIO_SCENARIOS").unwrap_or(PROGRAMS);
    for variant in variants() {
        match variant.build(aiofile::context()) {
            Ok(_) => programs(seeds.clone(), variant.name),
            Err(error) => {
                let name = variant.name;
                assert!(!required(variant), "{name} is required, and does not work: {error}");
                // Written directly, since the harness hides what a passing test prints.
                let _ = writeln!(std::io::stderr(), "SKIPPED random programs on {name}: {error}");
            }
        }
    }
    programs(seeds, FAULTY);
}

fn programs(seeds: Range<u64>, variant: &str) {
    let (begun, count) = (Instant::now(), seeds.end - seeds.start);
    seeds.for_each(|seed| program(seed, variant));
    let seconds = begun.elapsed().as_secs_f64();
    println!("gate=scenarios variant={variant} programs={count} seconds={seconds:.1}");
}

/// Runs the program of a seed. If it fails, a short one is printed that does so too.
fn program(seed: u64, variant: &str) {
    let scenario = Scenario::of(seed);
    let run = |scenario: &Scenario| run(scenario, variant);
    if let Err(error) = run(&scenario) {
        let (kept, error) = shrink::shrink(&scenario, error, run);
        let shorter = scenario.with(&kept);
        let replay = Replay { variant: variant.to_owned(), seed, kept: Some(kept) };
        let again = format!("CAIO_SCENARIO='{replay}' cargo test -p tests --test scenarios");
        panic!("{error}\n{shorter:#?}\nagain: {again}");
    }
}

/// The same program a thousand times, since what fails may do so only now and then.
fn again(replay: &Replay) {
    let whole = Scenario::of(replay.seed);
    let scenario = replay.kept.as_ref().map_or(whole.clone(), |kept| whole.with(kept));
    for time in 1..=1000 {
        let result = run(&scenario, &replay.variant);
        result.unwrap_or_else(|error| panic!("the {time}th time: {error}\n{scenario:#?}"));
    }
}

fn run(scenario: &Scenario, name: &str) -> Result<(), String> {
    if name == FAULTY {
        return drive::run(scenario, &faulty, PATIENCE);
    }
    let variant = variant(name).expect("there is such a variant");
    drive::run(scenario, &|| variant.build(aiofile::context()), PATIENCE)
}

/// A backend whose answers are late, out of order, or mean that the engine has to try again. No
/// user is to notice.
fn faulty() -> Result<Context, Error> {
    let plan = Plan::new(7).interrupted(0.1).not_ready(0.1).reorder(4);
    let plan = plan.delay(Duration::ZERO..Duration::from_millis(1));
    let backend = Faulty::new(Arc::new(Skeleton::open(64)), plan);
    let builder = aiofile::context().custom(Arc::new(backend)).in_place(false);
    builder.configure(|config| config.buffered_writes = BufferedWrites::Backend).build()
}

/// Panics on purpose say nothing.
fn quiet_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let payload = panic.payload();
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let said = text.or_else(|| payload.downcast_ref::<&str>().copied());
            if !said.unwrap_or_default().contains(interrupt::ON_PURPOSE) {
                others(panic);
            }
        }));
    });
}
