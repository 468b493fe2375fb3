//! The flags of `aiofile bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use crate::size::Size;

const EXAMPLES: &str = "\
Examples:
  aiofile bench /data --html report.html   the whole of it, some three minutes
  aiofile bench --quick                    a first impression of the current directory's disk
  aiofile bench --only 'random-*' --only uring --only pread --details
  aiofile bench --json - | jq '.cells[] | {name, winner, ratio}'

Rows are kinds of work, columns are participants: our backends uring, linux, thread and rust, each
with the routes it has by default; NAME-alone, the same backend with nothing done in place and
nothing by the pool; pread, plain system calls with a thread for each operation in flight; tokio-fs.

Each run is a process of its own. One whose backend is not that of its label, or whose data was not
cached or cold as the row says, is refused, and the reason is shown. The scratch files are removed
at the end, also after SIGINT, SIGTERM and SIGHUP. CAIO_IMPL and the configuration files have no
influence; --backend leaves out our other backends.";

/// Compare our backends with plain system calls and with tokio::fs, on your own disk.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    /// The directory to measure in; its file system is what is measured
    #[arg(value_name = "PATH", default_value = ".", value_hint = ValueHint::DirPath)]
    pub(crate) path: PathBuf,

    /// The most important rows only, two rounds, some twenty seconds
    #[arg(long)]
    pub(crate) quick: bool,

    /// Runs of each participant in each row; 5 unless set, 2 with --quick
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) rounds: Option<u16>,

    /// How long each run counts; unless set, what keeps the whole within three minutes, at most 1
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub(crate) seconds: Option<Duration>,

    /// Bytes of the file that is read; 256M unless set, less where little is free
    ///
    /// The other scratch files take half as much together. Whatever is set, two thirds of what is
    /// free stay free or nearly so.
    #[arg(long, value_name = "SIZE")]
    pub(crate) size: Option<Size>,

    /// Only rows, or only participants, with this in their name; * and ? fit anything
    ///
    /// May be repeated: rows and participants are picked apart from each other.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,

    /// What the work follows from: the same seed, the same places in the same order
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Print every figure of every row
    #[arg(long)]
    pub(crate) details: bool,

    /// Write everything as JSON; - is standard output, instead of the table
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) json: Option<PathBuf>,

    /// Write a page with plots that needs no other file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) html: Option<PathBuf>,
}

/// One run, in a process of its own; the job is JSON, and so is the report.
#[derive(Debug, Args)]
pub(crate) struct BenchParticipantArgs {
    /// The job
    pub(crate) job: String,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.001..=3600.0).contains(number));
    number.map(Duration::from_secs_f64).ok_or_else(|| "0.001 to 3600 are valid".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_decimals_and_bounds() {
        assert_eq!(seconds("0.05"), Ok(Duration::from_millis(50)));
        for text in ["0", "-1", "NaN", "inf", "4000", "1s"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
