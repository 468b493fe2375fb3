//! The command `aiofile`: what was typed in, an exit code out.
//!
//! Exit codes: 0 for success, 1 for an operation that failed, 2 for wrong usage; 129, 130 and 143
//! after SIGHUP, SIGINT and SIGTERM, of which it dies, so that a shell or a service manager sees
//! it.
// Not forbidden: what looks at the standard streams before Rust's runtime does is started by the
// linker, and the macro that arranges for it allows itself the attribute.
#![deny(unsafe_code)]

mod args;
mod blocking;
mod commands;
mod failure;
mod output;
mod signals;
mod size;
mod streams;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use failure::Failure;

fn main() -> ExitCode {
    match parse().and_then(commands::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// What was typed. Help and the version are answered here.
fn parse() -> Result<Cli, Failure> {
    let error = match Cli::try_parse() {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    if error.use_stderr() {
        return Err(Failure::Parse(error.into()));
    }
    streams::check(io::stdout())
        .and_then(|()| error.print())
        .and_then(|()| io::stdout().flush())
        .map_err(|error| Failure::of_stdout(&error))?;
    Err(Failure::Answered)
}
