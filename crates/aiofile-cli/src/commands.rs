//! The table of commands, and what all of them need: a runtime and a context.

mod bar;
mod bench;
mod cat;
mod completions;
mod cp;
mod doctor;
mod du;
mod hash;
mod json;
mod merge;
mod split;
mod stdout;
mod stoppable;
mod sync;
mod tail;
mod watch;

use std::fs::File;
use std::future::Future;
use std::io;

use aiofile::Context;
use caio::Choice;
use tokio::runtime::Builder;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::signals::Interrupts;

/// Runs the command that was typed.
///
/// # Errors
/// How it ended, where it did not succeed.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    let backend = cli.backend;
    match cli.command {
        Command::Cat(args) => on_runtime(cat::run(backend, args)),
        Command::Cp(args) => {
            let interrupts = Interrupts::hold()?;
            on_runtime(cp::run(backend, args, interrupts))
        }
        Command::Hash(args) => on_runtime(hash::run(backend, args)),
        Command::Split(args) => {
            let interrupts = Interrupts::hold()?;
            on_runtime(split::run(backend, args, interrupts))
        }
        Command::Merge(args) => {
            let interrupts = Interrupts::hold()?;
            on_runtime(merge::run(backend, args, interrupts))
        }
        Command::Sync(args) => {
            let interrupts = Interrupts::hold()?;
            on_runtime(sync::run(backend, args, interrupts))
        }
        Command::Du(args) => on_runtime(du::run(backend, args)),
        Command::Tail(args) => on_runtime(tail::run(backend, args)),
        Command::Watch(args) => on_runtime(watch::run(backend, args)),
        Command::Bench(args) => bench::run(backend, &args),
        Command::BenchParticipant(args) => bench::participate(&args),
        Command::Doctor(args) => on_runtime(doctor::run(backend, args)),
        Command::Completions(args) => completions::run(&args),
    }
}

/// A context on the current runtime, with the backend that was asked for on the command line, else
/// by the environment and the configuration files.
///
/// # Errors
/// Where the backend is unknown or does not work here.
fn context(backend: Option<Choice>) -> Result<Context, aiofile::Error> {
    let builder = aiofile::context();
    match backend {
        Some(choice) => builder.choice(choice).build(),
        None => builder.build(),
    }
}

/// Runs a command on a runtime of its own, which needs no thread: where none is left to be had, the
/// command can still say so. What still blocks at its end, such as a read from a pipe without a
/// writer, does not hold up the end of the process.
fn on_runtime(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let failed = |error| Failure::during("start the runtime", error);
    find_descriptors().map_err(failed)?;
    let runtime =
        Builder::new_current_thread().enable_io().enable_time().build().map_err(failed)?;
    let result = runtime.block_on(command);
    runtime.shutdown_background();
    result
}

/// Whether there are as many descriptors as the runtime may take: it panics where it gets none.
fn find_descriptors() -> io::Result<()> {
    const RUNTIME_DESCRIPTORS: usize = 6;
    let found: io::Result<Vec<_>> =
        (0..RUNTIME_DESCRIPTORS).map(|_| File::open("/dev/null")).collect();
    found.map(drop)
}
