//! `aiofile cp -r`: what it says of a directory.

use std::time::Duration;

use aiofile::fs::CopiedDir;

use crate::args::CpArgs;
use crate::failure::Failure;
use crate::output;
use crate::size::Size;

/// Tells what could not be copied, and ends with one line.
///
/// # Errors
/// Where something could not be copied.
pub(super) fn report(copied: &CopiedDir, took: Duration, args: &CpArgs) -> Result<(), Failure> {
    for attribute in copied.unkept() {
        output::complain(format_args!("copied, but {attribute}"));
    }
    for failure in copied.failed() {
        output::complain(failure);
    }
    if !args.quiet {
        let (files, directories) = (copied.files(), copied.directories());
        let bytes = Size(copied.bytes());
        let seconds = took.as_secs_f64();
        let rate = files as f64 / seconds.max(f64::EPSILON);
        output::print(format_args!(
            "copied {files} files in {directories} directories, {bytes} in {seconds:.2} s, \
             {rate:.0} files/s\n"
        ))?;
    }
    match copied.failures() {
        0 => Ok(()),
        _ => Err(Failure::Reported),
    }
}
