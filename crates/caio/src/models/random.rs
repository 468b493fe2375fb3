//! What shuttle runs in orders that it draws, since there are too many to try each.

mod context;
mod driver;
mod opening;
mod poll_loop;
mod pool;
mod timer;

use std::time::Instant;

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::{Config, Runner};

use super::system::reset;
use super::task::Count;

/// How many orders are drawn: of all with the same chance, and by probabilistic concurrency testing
/// (PCT) with so many preemptions.
const RANDOM: usize = 100_000;
const PCT: usize = 20_000;
const PCT_DEPTH: usize = 3;

/// Runs a model in many orders of its threads; prints what that came to. `CAIO_SCHEDULES` says how
/// many orders, PCT included in the same proportion, and `CAIO_REPLAY` is an order to run it in.
pub(crate) fn check(name: &str, model: fn()) {
    if let Ok(schedule) = std::env::var("CAIO_REPLAY") {
        run(ReplayScheduler::new_from_encoded(&schedule), model);
        return;
    }
    let began = Instant::now();
    let wanted = std::env::var("CAIO_SCHEDULES").ok().and_then(|wanted| wanted.parse().ok());
    let random = wanted.unwrap_or(RANDOM);
    let random = run(RandomScheduler::new(random), model);
    let pct = run(PctScheduler::new(PCT_DEPTH, random * PCT / RANDOM), model);
    println!(
        "model={name} tool=shuttle random={random} pct={pct} executions={} seconds={:.1}",
        random + pct,
        began.elapsed().as_secs_f64()
    );
}

fn run(scheduler: impl Scheduler + 'static, model: fn()) -> usize {
    let executions = Count::default();
    let counted = executions.clone();
    let mut config = Config::new();
    config.stack_size = 256 * 1024;
    config.silence_warnings = true;
    let runner = Runner::new(scheduler, config);
    runner.run(move || {
        counted.add();
        reset();
        model();
    });
    executions.get()
}
