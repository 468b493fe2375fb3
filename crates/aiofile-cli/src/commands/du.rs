//! `aiofile du`: what directories take on disk.

use std::path::Path;

use aiofile::fs::{DiskUsage, disk_usage, disk_usage_one_file_system};
use aiofile::{Context, with_context};
use aiofile_util::DirectoryUsages;
use caio::Choice;
use serde_json::json;

use super::json;
use crate::args::DuArgs;
use crate::failure::Failure;
use crate::output;
use crate::size::Size;

pub(super) async fn run(backend: Option<Choice>, args: DuArgs) -> Result<(), Failure> {
    let context = super::context(backend)?;
    let mut is_whole = true;
    for path in &args.paths {
        is_whole &= match args.summarize {
            true => sum(&context, path, &args).await?,
            false => directories(&context, path, &args).await?,
        };
    }
    if is_whole { Ok(()) } else { Err(Failure::Reported) }
}

/// Prints the sum; whether all could be read.
async fn sum(context: &Context, path: &Path, args: &DuArgs) -> Result<bool, Failure> {
    let usage = match args.one_file_system {
        true => with_context(context, disk_usage_one_file_system(path)).await,
        false => with_context(context, disk_usage(path)).await,
    };
    let mut usage = match usage {
        Ok(usage) => usage,
        Err(error) => {
            output::complain(error);
            return Ok(false);
        }
    };
    let errors = std::mem::take(&mut usage.errors);
    let is_whole = errors.is_empty();
    for error in errors {
        output::complain(error);
    }
    output::print(line_of(path, &usage, args))?;
    Ok(is_whole)
}

/// Prints a line for each directory; whether all could be read.
async fn directories(context: &Context, path: &Path, args: &DuArgs) -> Result<bool, Failure> {
    let usages = DirectoryUsages::new(path).context(context);
    let mut usages = usages.one_file_system(args.one_file_system);
    let mut is_whole = true;
    while let Some(next) = usages.next().await {
        match next {
            Ok((path, usage)) => output::print(line_of(&path, &usage, args))?,
            Err(error) => {
                is_whole = false;
                output::complain(error);
            }
        }
    }
    Ok(is_whole)
}

fn line_of(path: &Path, usage: &DiskUsage, args: &DuArgs) -> String {
    if args.json {
        let members = json!({
            "bytes": usage.allocated_bytes,
            "apparent_bytes": usage.apparent_bytes,
            "files": usage.files,
            "directories": usage.directories,
        });
        return json::of_path(path, members);
    }
    let bytes = if args.apparent { usage.apparent_bytes } else { usage.allocated_bytes };
    format!("{:<12}{}\n", Size(bytes).to_string(), output::shown(path))
}
