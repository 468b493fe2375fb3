//! The one line that a copy ends with.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use aiofile::Context;
use aiofile::fs::{Copied, CopyMethod};
use serde_json::json;

use super::super::json;
use crate::args::CpArgs;
use crate::failure::Failure;
use crate::output;
use crate::size::Size;

/// What was done in which time.
#[derive(Debug)]
pub(super) struct Summary {
    method: CopyMethod,
    /// Bytes of data, and bytes of the whole file.
    bytes: u64,
    len: u64,
    elapsed: Duration,
    verified: Option<Duration>,
    /// Whether the copy itself may have gone to standard output.
    to_stderr: bool,
}

impl Summary {
    /// Of a copy that took so long, so much of it for the verification.
    pub(super) fn new(copied: &Copied, elapsed: Duration, verified: Option<Duration>) -> Self {
        Self {
            method: copied.method(),
            bytes: copied.bytes(),
            len: copied.len(),
            elapsed: elapsed.saturating_sub(verified.unwrap_or_default()),
            verified,
            to_stderr: copied.is_to_special_file(),
        }
    }

    /// Prints the line, unless it is not wanted.
    pub(super) fn print(
        &self,
        context: &Context,
        args: &CpArgs,
        target: &Path,
    ) -> Result<(), Failure> {
        let said = match (args.json, args.quiet) {
            (true, _) => json::of_path(target, self.object(context)),
            (false, false) => self.line(context, args) + "\n",
            (false, true) => return Ok(()),
        };
        if self.to_stderr {
            output::remark(said.trim_end());
            return Ok(());
        }
        output::print(said)
    }

    fn object(&self, context: &Context) -> serde_json::Value {
        json!({
            "len": self.len,
            "bytes": self.bytes,
            "method": self.method(),
            "backend": context.info().backend.name(),
            "seconds": self.elapsed.as_secs_f64(),
            "verified_seconds": self.verified.map(|verified| verified.as_secs_f64()),
        })
    }

    /// The name of the way that the bytes took.
    fn method(&self) -> &'static str {
        match self.method {
            CopyMethod::Reflink => "reflink",
            CopyMethod::CopyFileRange => "copy_file_range",
            CopyMethod::Plain => "plain",
            CopyMethod::Blocks => "blocks",
            _ => "sequential",
        }
    }

    fn line(&self, context: &Context, args: &CpArgs) -> String {
        let mut line = format!("{self}, backend {}", context.info().backend);
        if self.method == CopyMethod::Blocks {
            line += &format!(", {} jobs of {}", args.jobs(), args.block());
        }
        let metrics = context.metrics();
        let all = metrics.submitted + metrics.in_place;
        line += &format!(
            ", {all} operations: {} in place, {} routed to the pool, {} short",
            metrics.in_place, metrics.routed, metrics.short
        );
        if let Some(elapsed) = self.verified {
            line += &format!("; verified in {:.2} s", elapsed.as_secs_f64());
        }
        line
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, seconds) = (Size(self.bytes), self.elapsed.as_secs_f64());
        if self.method == CopyMethod::Reflink {
            return write!(f, "shared {bytes} in {seconds:.2} s (reflink)");
        }
        write!(f, "copied {bytes}")?;
        if self.len > self.bytes {
            write!(f, " of data in a file of {}", Size(self.len))?;
        }
        let speed = self.bytes as f64 / seconds.max(f64::EPSILON) / (1_u64 << 30) as f64;
        write!(f, " in {seconds:.2} s, {speed:.2} GiB/s")?;
        match self.method {
            CopyMethod::CopyFileRange => f.write_str(" (copy_file_range)"),
            _ => Ok(()),
        }
    }
}
