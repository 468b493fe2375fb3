//! A directory made like another one, with progress and an orderly end.
//!
//! It shows `SyncOptions`: what differs is copied, each file appears when it is complete, and
//! Ctrl-C ends the run between two steps, so that the next one goes on behind it.
//!
//! ```text
//! cargo run --release -p aiofile-util --example mirror -- --delete --dry-run FROM TO
//! ```

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aiofile_util::{Compare, SyncEvent, SyncOptions, SyncReport};
use clap::Parser;
use indicatif::{HumanBytes, ProgressBar};
use tokio::io::AsyncWriteExt;

#[derive(Parser)]
#[command(about = "Makes a directory like another one")]
struct Arguments {
    /// Delete what the source does not have
    #[arg(long)]
    delete: bool,
    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,
    /// Compare what is in the files, not size and time
    #[arg(long)]
    contents: bool,
    from: PathBuf,
    to: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(report) if report.failed == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            _ = writeln!(io::stderr(), "mirror: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> io::Result<SyncReport> {
    let stop = Arc::new(AtomicBool::new(false));
    let interrupted = Arc::clone(&stop);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.store(true, Ordering::Relaxed);
        }
    });
    // It is drawn on a terminal alone.
    let bar = ProgressBar::new_spinner();
    let drawn = bar.clone();
    let compare = if arguments.contents { Compare::Contents } else { Compare::SizeAndTime };
    let options = SyncOptions::new()
        .delete(arguments.delete)
        .dry_run(arguments.dry_run)
        .compare(compare)
        .on_event(move |event| {
            match event {
                SyncEvent::Done(action, path) => {
                    drawn.set_message(format!("{} {}", action.name(), path.display()));
                }
                SyncEvent::Copied(bytes) => drawn.inc(*bytes),
                _ => {}
            }
            match stop.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
    let outcome = options.sync(&arguments.from, &arguments.to).await;
    bar.finish_and_clear();
    let report = outcome?;
    for (path, error) in &report.errors {
        _ = writeln!(io::stderr(), "mirror: {}: {error}", path.display());
    }
    let line = format!(
        "{} created, {} updated, {} with other attributes, {} deleted, {} as they were, \
         {} skipped, {} failed; {} copied\n",
        report.created,
        report.updated,
        report.attributes,
        report.deleted,
        report.unchanged,
        report.skipped,
        report.failed,
        HumanBytes(report.bytes)
    );
    let mut output = aiofile::stdout();
    output.write_all(line.as_bytes()).await?;
    output.flush().await?;
    Ok(report)
}
