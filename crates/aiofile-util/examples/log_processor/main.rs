//! Logs of plain and of JSON lines: numbers by level, times and first errors, and a search by
//! pattern, level and time. Directories are taken with all that is in them.
//!
//! It shows how one large file is read in blocks by several tasks at once, with memory that does
//! not grow with the file, and how results stay in order.
//!
//! ```text
//! cargo build --release -p aiofile-util --example log_processor
//! target/release/examples/log_processor summary LOGS…
//! target/release/examples/log_processor search --level warn 'disk|net' LOGS…
//! ```
//!
//! How fast a search is, is seen beside that of ripgrep on a log of a GB that was read before:
//!
//! ```text
//! time target/release/examples/log_processor search ERROR big.log >/dev/null
//! time rg --no-line-number ERROR big.log >/dev/null
//! ```

mod blocks;
mod entry;
mod search;
mod summary;

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use entry::Filter;

#[derive(Parser)]
#[command(about = "Summarizes logs, and searches them")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell how many lines there are of each level, the first and the last time, and the first
    /// errors
    Summary {
        /// So many errors are shown
        #[arg(long, value_name = "NUMBER", default_value_t = 5)]
        first_errors: usize,
        #[command(flatten)]
        filter: Filter,
        /// Log files, and directories of them
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Print the lines that match a pattern
    Search {
        /// Print only how many there are in each file
        #[arg(long)]
        count: bool,
        #[command(flatten)]
        filter: Filter,
        /// A regular expression, in which ^ and $ are the ends of a line
        regex: String,
        /// Log files, and directories of them
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Summary { first_errors, filter, paths } => {
            summary::run(paths, filter, first_errors).await
        }
        Command::Search { count, filter, regex, paths } => {
            search::run(paths, filter, &regex, count).await
        }
    };
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            _ = writeln!(io::stderr(), "log_processor: {failed} errors; the rest was done");
            ExitCode::FAILURE
        }
        // Whoever reads the output wants no more, as `head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(io::stderr(), "log_processor: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Tells of a file that could not be read, or not wholly. The others are.
fn tell(error: &io::Error) {
    _ = writeln!(io::stderr(), "log_processor: {error}");
}
