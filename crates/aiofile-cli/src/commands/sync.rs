//! `aiofile sync`: a directory made like another one.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use aiofile_util::{Action, Compare, SyncEvent, SyncOptions, SyncReport};
use caio::Choice;
use serde_json::json;

use super::bar::Bar;
use super::json;
use super::stoppable::{self, Stop};
use crate::args::SyncArgs;
use crate::failure::Failure;
use crate::output;
use crate::signals::Interrupts;
use crate::size::Size;

pub(super) async fn run(
    backend: Option<Choice>,
    args: SyncArgs,
    interrupts: Interrupts,
) -> Result<(), Failure> {
    let context = super::context(backend)?;
    let (stop, bar) = (Stop::default(), Bar::bytes(args.quiet, None));
    let teller = Teller {
        json: args.json,
        lists: args.verbose || args.dry_run && !args.quiet,
        stop: stop.clone(),
        bar: bar.clone(),
        failure: Arc::default(),
    };
    let failure = Arc::clone(&teller.failure);
    let mut options = SyncOptions::new().context(&context);
    options = options.delete(args.delete).dry_run(args.dry_run).durable(args.sync);
    options = options.keep_owner(args.owner).keep_xattrs(args.xattrs);
    options = options.keep_hard_links(args.hard_links);
    if args.checksum {
        options = options.compare(Compare::Contents);
    }
    if let Some(jobs) = args.jobs {
        options = options.jobs(jobs);
    }
    let options = options.on_event(move |event| teller.tell(event));
    let report =
        stoppable::run(&interrupts, &context, &stop, options.sync(&args.from, &args.to)).await;
    bar.finish();
    if let Some(failure) = failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(failure);
    }
    let report = report?;
    if args.json {
        output::print(json::line(&object_of(&args, &report)))?;
    } else if !args.quiet {
        output::print(summary(&args, &report))?;
    }
    if report.failed > 0 { Err(Failure::Reported) } else { Ok(()) }
}

/// Tells what is done as it is done.
struct Teller {
    json: bool,
    lists: bool,
    stop: Stop,
    bar: Bar,
    /// What happened to standard output.
    failure: Arc<Mutex<Option<Failure>>>,
}

impl Teller {
    fn tell(&self, event: &SyncEvent<'_>) -> ControlFlow<()> {
        let printed = match event {
            SyncEvent::Copied(bytes) => {
                self.bar.add(*bytes);
                Ok(())
            }
            SyncEvent::Done(action, path) => self.done(*action, name_of(path)),
            SyncEvent::Failed(path, error) => {
                self.bar.beside(|| output::complain(error));
                let object = json!({ "error": error.to_string() });
                if self.json { output::print(json::of_path(name_of(path), object)) } else { Ok(()) }
            }
            _ => Ok(()),
        };
        match printed {
            Ok(()) => self.stop.flow(),
            Err(failure) => {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                ControlFlow::Break(())
            }
        }
    }

    fn done(&self, action: Action, path: &Path) -> Result<(), Failure> {
        let line = match (self.json, self.lists) {
            (true, _) => json::of_path(path, json!({ "action": action.name() })),
            (false, true) => format!("{:<10} {}\n", action.name(), output::shown(path)),
            (false, false) => return Ok(()),
        };
        self.bar.beside(|| output::print(line))
    }
}

/// The directories themselves are called what they are to each other.
fn name_of(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

fn object_of(args: &SyncArgs, report: &SyncReport) -> serde_json::Value {
    json!({
        "dry_run": args.dry_run,
        "created": report.created,
        "updated": report.updated,
        "attributes": report.attributes,
        "deleted": report.deleted,
        "unchanged": report.unchanged,
        "skipped": report.skipped,
        "bytes": report.bytes,
        "failed": report.failed,
    })
}

fn summary(args: &SyncArgs, report: &SyncReport) -> String {
    let mut said = if args.dry_run { "would sync: " } else { "synced: " }.to_owned();
    for (count, what) in [
        (report.created, "created"),
        (report.updated, "updated"),
        (report.attributes, "with other attributes"),
        (report.deleted, "deleted"),
        (report.skipped, "passed over"),
        (report.failed, "failed"),
    ] {
        if count > 0 {
            said += &format!("{count} {what}, ");
        }
    }
    said + &format!("{} unchanged; {} copied\n", report.unchanged, Size(report.bytes))
}
