//! The flags of the commands that look: `du`, `tail` and `watch`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

/// Tell how much space directories take, with all that is below them.
///
/// Each directory comes after those in it; hard links to one file count once, and symbolic links
/// are not followed but for those that are named. What cannot be read is reported, the rest is
/// counted, and the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aiofile du project
  aiofile du -s /home/*
  aiofile du -s --json / -x | jq .bytes")]
pub(crate) struct DuArgs {
    /// The directories, or files
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,

    /// Only the sum of each PATH
    #[arg(short, long)]
    pub(crate) summarize: bool,

    /// The lengths of the files, and not the blocks that they take on disk
    #[arg(long)]
    pub(crate) apparent: bool,

    /// Leave out other file systems that are mounted below
    #[arg(short = 'x', long)]
    pub(crate) one_file_system: bool,

    /// Print one JSON object for each directory
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print the last lines of files.
///
/// Files are read from their end backwards. With -f it goes on with what is written to them, line
/// by line, follows the name where a file is rotated, and begins again where it is truncated. A
/// file that cannot be read is reported, the others are still printed, and the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aiofile tail -n 100 log
  aiofile tail -f /var/log/messages app.log
  generate | aiofile tail -n 1 -")]
pub(crate) struct TailArgs {
    /// The files; - is standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    /// How many lines
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub(crate) lines: u64,

    /// Go on with what is written from now on
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// Print one JSON object for each line
    #[arg(long)]
    pub(crate) json: bool,

    /// No headings with the names of the files, and no remarks
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Tell what changes in files and directories, and run a command when something does.
///
/// Directories are watched with all that is below them; where the system does not tell of changes
/// (/proc, /sys, NFS, FUSE), they are looked for again and again. Changes that come together are
/// told together, each path once. The command runs once for each such batch and not twice at a
/// time: what changes while it runs makes it run again, also where it was the command that changed
/// it. It ends when all that is watched is gone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aiofile watch /etc/app.toml
  aiofile watch --json uploads | jq -r .path
  aiofile watch -q src tests -- cargo test")]
pub(crate) struct WatchArgs {
    /// The files and directories
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,

    /// What to run when something has changed
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,

    /// Only what is in the directories themselves
    #[arg(long)]
    pub(crate) not_recursive: bool,

    /// For how long nothing must have changed before it is told, in milliseconds
    #[arg(short, long, value_name = "MS", default_value = "50", value_parser = milliseconds)]
    pub(crate) debounce: Duration,

    /// Look for changes again and again, also where the system would tell of them
    #[arg(long)]
    pub(crate) poll: bool,

    /// How long after a look the next one begins, in milliseconds, where the system does not tell
    #[arg(long, value_name = "MS", default_value = "1000", value_parser = milliseconds)]
    pub(crate) poll_interval: Duration,

    /// Print one JSON object for each change
    #[arg(long)]
    pub(crate) json: bool,

    /// Print no changes and no remarks
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let milliseconds = text.parse::<u32>().map_err(|_| "not a number of milliseconds")?;
    Ok(Duration::from_millis(milliseconds.into()))
}
