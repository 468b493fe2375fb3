//! `aiofile cp -r`: what it says of a directory.

use std::path::Path;
use std::time::Duration;

use aiofile::Error;
use aiofile::fs::CopiedDir;
use serde_json::json;

use super::super::json;
use crate::args::CpArgs;
use crate::failure::Failure;
use crate::output;
use crate::size::Size;

/// Tells what could not be copied, and ends with one line.
///
/// # Errors
/// Where something could not be copied.
pub(super) fn report(
    copied: &CopiedDir,
    target: &Path,
    took: Duration,
    args: &CpArgs,
) -> Result<(), Failure> {
    for attribute in copied.unkept() {
        output::complain(format_args!("copied, but {attribute}"));
    }
    for failure in copied.failed() {
        output::complain(&failure);
        if args.json {
            let path = Error::of(&failure).and_then(Error::path).unwrap_or(&args.source);
            let error = json!({ "error": failure.to_string() });
            output::print(json::of_path(path, error))?;
        }
    }
    let untold = copied.failures() - copied.failed().len() as u64;
    if untold > 0 {
        output::complain(format_args!("{untold} others could not be copied either"));
    }
    if args.json {
        output::print(json::of_path(target, object(copied, took)))?;
    } else if !args.quiet {
        output::print(line(copied, took))?;
    }
    match copied.failures() {
        0 => Ok(()),
        _ => Err(Failure::Reported),
    }
}

fn line(copied: &CopiedDir, took: Duration) -> String {
    let (files, directories) = (copied.files(), copied.directories());
    let links = match copied.hard_links() {
        0 => String::new(),
        links => format!(" and {links} hard links"),
    };
    let failed = match copied.failures() {
        0 => String::new(),
        failed => format!("; {failed} failed"),
    };
    let (bytes, seconds) = (Size(copied.bytes()), took.as_secs_f64());
    let rate = files as f64 / seconds.max(f64::EPSILON);
    format!(
        "copied {files} files{links} in {directories} directories, {bytes} in {seconds:.2} s, \
         {rate:.0} files/s{failed}\n"
    )
}

fn object(copied: &CopiedDir, took: Duration) -> serde_json::Value {
    json!({
        "files": copied.files(),
        "directories": copied.directories(),
        "others": copied.others(),
        "hard_links": copied.hard_links(),
        "bytes": copied.bytes(),
        "failed": copied.failures(),
        "seconds": took.as_secs_f64(),
    })
}
