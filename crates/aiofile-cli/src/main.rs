//! The command `aiofile`: what was typed in, an exit code out.
//!
//! Exit codes: 0 for success, 1 for an operation that failed, 2 for wrong usage, 129, 130 and 143
//! after SIGHUP, SIGINT and SIGTERM.
#![forbid(unsafe_code)]

mod args;
mod blocking;
mod commands;
mod failure;
mod output;
mod signals;
mod size;

use std::process::ExitCode;

use clap::Parser;

use args::Cli;

fn main() -> ExitCode {
    match commands::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
