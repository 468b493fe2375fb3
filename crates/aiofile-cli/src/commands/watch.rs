//! `aiofile watch`: what changes, and a command to run then.

use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use aiofile_util::{Change, ChangeKind, WatchOptions};
use caio::Choice;
use serde_json::json;

use super::{json, stdout};
use crate::args::WatchArgs;
use crate::blocking::blocking;
use crate::failure::Failure;
use crate::output;

pub(super) async fn run(backend: Option<Choice>, args: WatchArgs) -> Result<(), Failure> {
    let context = super::context(backend)?;
    let options = WatchOptions::new().context(&context).debounce(args.debounce);
    let options = options.poll(args.poll).poll_interval(args.poll_interval);
    let mut changes = options.recursive(!args.not_recursive).watch(&args.paths).await?;
    if !args.quiet {
        output::remark("watching");
    }
    loop {
        let batch = tokio::select! {
            batch = changes.next() => batch,
            failure = stdout::reader_gone(), if !args.quiet => return Err(failure),
        };
        match batch {
            None => return Ok(()),
            Some(Ok(batch)) => {
                if !args.quiet {
                    output::print(
                        batch.iter().map(|change| line_of(change, &args)).collect::<String>(),
                    )?;
                }
                react(&args).await?;
            }
            Some(Err(error)) => output::complain(error),
        }
    }
}

fn line_of(change: &Change, args: &WatchArgs) -> String {
    let (path, kind) = (&change.path, change.kind.name());
    match (&change.kind, args.json) {
        (ChangeKind::Renamed { from }, true) => {
            let mut members = json!({ "change": kind, "from": from.to_string_lossy() });
            if from.to_str().is_none() {
                members["from_bytes"] = json!(from.as_os_str().as_bytes());
            }
            json::of_path(path, members)
        }
        (_, true) => json::of_path(path, json!({ "change": kind })),
        (ChangeKind::Renamed { from }, false) => {
            format!("{kind:<10} {} -> {}\n", output::shown(from), output::shown(path))
        }
        (_, false) => format!("{kind:<10} {}\n", output::shown(path)),
    }
}

/// Runs the command to its end.
async fn react(args: &WatchArgs) -> Result<(), Failure> {
    let Some((program, arguments)) = args.command.split_first() else { return Ok(()) };
    let name = program.display().to_string();
    let mut command = Command::new(program);
    command.args(arguments);
    let status = blocking(move || command.status()).await;
    let status = status.map_err(|error| Failure::during(format_args!("run {name}"), error))?;
    if !status.success() {
        output::complain(format_args!("{name}: {status}"));
    }
    Ok(())
}
