//! The one line that a copy ends with.

use std::fmt;
use std::time::{Duration, Instant};

use aiofile::Context;

use crate::args::CpArgs;
use crate::failure::Failure;
use crate::output;
use crate::size::Size;

/// How the contents got into the copy.
#[derive(Debug)]
pub(super) enum Way {
    /// By several jobs at offsets, in a file of that size.
    Parallel { size: u64 },
    /// By the kernel itself, in a file of that size.
    Kernel { size: u64 },
    /// From start to end.
    Sequential,
    /// The blocks are shared.
    Reflink,
}

/// What was done in which time.
#[derive(Debug)]
pub(super) struct Summary {
    way: Way,
    bytes: u64,
    elapsed: Duration,
    pub(super) verified: Option<Duration>,
    /// Whether the copy itself may have gone to standard output.
    pub(super) to_stderr: bool,
}

impl Summary {
    /// Of `bytes` that were copied since `started`.
    pub(super) fn new(started: Instant, way: Way, bytes: u64) -> Self {
        Self { way, bytes, elapsed: started.elapsed(), verified: None, to_stderr: false }
    }

    /// Prints the line, unless it is not wanted.
    pub(super) fn print(&self, context: &Context, args: &CpArgs) -> Result<(), Failure> {
        if args.quiet {
            return Ok(());
        }
        let line = self.line(context, args);
        if self.to_stderr {
            output::remark(line);
            return Ok(());
        }
        output::print(format_args!("{line}\n"))
    }

    fn line(&self, context: &Context, args: &CpArgs) -> String {
        let mut line = format!("{self}, backend {}", context.info().backend);
        if let Way::Parallel { .. } = self.way {
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
        match self.way {
            Way::Reflink => return write!(f, "shared {bytes} in {seconds:.2} s (reflink)"),
            Way::Parallel { size } | Way::Kernel { size } if size > self.bytes => {
                write!(f, "copied {bytes} of data in a file of {}", Size(size))?;
            }
            Way::Parallel { .. } | Way::Kernel { .. } | Way::Sequential => {
                write!(f, "copied {bytes}")?
            }
        }
        let speed = self.bytes as f64 / seconds.max(f64::EPSILON) / (1_u64 << 30) as f64;
        write!(f, " in {seconds:.2} s, {speed:.2} GiB/s")?;
        match self.way {
            Way::Kernel { .. } => f.write_str(" (copy_file_range)"),
            _ => Ok(()),
        }
    }
}
