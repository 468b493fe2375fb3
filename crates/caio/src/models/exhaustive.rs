//! What loom tries in every order.

mod completion;
mod group_sync;
mod handoff;
mod pending_count;
mod pending_writes;
mod pool;
mod semaphore;
mod timer;

use std::time::Instant;

use super::system::{reset, thread};
use super::task::Count;

const STACK_WORDS: usize = 1 << 16;

/// Runs a model in every order of its threads, and with each value that the memory model lets an
/// atomic have: with at most so many preemptions, where there is a bound. Prints what that came to.
pub(crate) fn check(
    name: &str,
    preemptions: Option<usize>,
    model: impl Fn() + Send + Sync + 'static,
) {
    let (began, executions) = (Instant::now(), Count::default());
    let counted = executions.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(preemptions);
    builder.max_branches = builder.max_branches.max(20_000);
    let bound = builder.preemption_bound.map_or("none".to_owned(), |bound| bound.to_string());
    builder.check(move || {
        counted.add();
        reset();
        model();
    });
    println!(
        "model={name} tool=loom preemptions={bound} executions={} seconds={:.1}",
        executions.get(),
        began.elapsed().as_secs_f64()
    );
}

/// The same on a thread of its own, since the first thread of loom has a small stack.
pub(crate) fn check_deep(name: &str, preemptions: Option<usize>, model: fn()) {
    check(name, preemptions, move || {
        let thread = thread::Builder::new().stack_size(STACK_WORDS);
        thread.spawn(model).expect("loom has threads").join().expect("the model holds");
    });
}
