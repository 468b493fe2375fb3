//! The flags as they are typed, and their help.

mod bench;
mod cp;
mod look;
mod util;

use std::path::PathBuf;

use caio::Choice;
use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

pub(crate) use bench::{BenchArgs, BenchParticipantArgs};
pub(crate) use cp::{CpArgs, Preserve, Reflink};
pub(crate) use look::{DuArgs, TailArgs, WatchArgs};
pub(crate) use util::{HashArgs, MergeArgs, SplitArgs, SyncArgs};

const EXAMPLES: &str = "\
Examples:
  aiofile cp big copy --verify             copy by parallel offset-addressed writes, then compare
  aiofile cp -a project backup             copy a directory, with all that can be kept of it
  aiofile cat /proc/cpuinfo                any file: regular, /proc, pipe, device
  aiofile hash -a sha256 *.iso             like sha256sum, several files at once
  aiofile sync photos /backup/photos       copies what differs, and goes on after an interruption
  aiofile tail -f log                      the last lines, and what is written from then on
  aiofile watch src -- make                runs a command when something changes
  aiofile --backend thread cat log         with this backend and no other
  CAIO_IMPL=uring,linux aiofile cat log    with the first of these that works
  aiofile doctor                           which backend is in use here, and why
  aiofile bench --html report.html         the backends compared on this disk

Exit codes:
  0  done; also when the reader of a pipe went away
  1  an operation failed, and stderr says which, on what file, and why
  2  wrong usage
  129, 130, 143  killed by SIGHUP, SIGINT (Ctrl-C), SIGTERM, as a shell tells it";

const BACKEND_HELP: &str = "\
The backend to use: one of uring, linux, thread, rust; an ordered list of them (the first that
works is taken); or auto. Beats CAIO_IMPL and the configuration files. A single name is a demand:
where it does not work here, the command fails and says why. Without this option and without
CAIO_IMPL the choice is auto.";

/// Asynchronous file I/O on Linux, from the command line.
///
/// Reads and writes files by offset through io_uring, kernel AIO or a pool of threads, whichever
/// works here and whichever is asked for.
#[derive(Debug, Parser)]
#[command(name = "aiofile", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// The backend: uring, linux, thread, rust, an ordered list, or auto
    #[arg(long, global = true, value_name = "NAME[,NAME…]|auto", long_help = BACKEND_HELP)]
    pub(crate) backend: Option<Choice>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One variant a command; `commands::run` holds the table.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Cat(CatArgs),
    Cp(CpArgs),
    Hash(HashArgs),
    Split(SplitArgs),
    Merge(MergeArgs),
    Sync(SyncArgs),
    Du(DuArgs),
    Tail(TailArgs),
    Watch(WatchArgs),
    Doctor(DoctorArgs),
    Bench(BenchArgs),
    #[command(hide = true)]
    BenchParticipant(BenchParticipantArgs),
    Completions(CompletionsArgs),
}

/// Print files to standard output, one after the other.
///
/// Takes any file that can be read: regular, below /proc and /sys, FIFOs, devices. A file that
/// cannot be read is reported, the others are still printed, and the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aiofile cat /proc/cpuinfo
  generate | aiofile cat header - footer > report")]
pub(crate) struct CatArgs {
    /// The files to print; - is standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath,
          value_parser = clap::value_parser!(PathBuf))]
    pub(crate) files: Vec<PathBuf>,
}

/// Tell which backend is in use, who asked for it, what was refused and why.
///
/// Then tries each backend and tests the one in use on a temporary file, on /proc/cpuinfo and on a
/// pipe. The exit code is 1 where the backend in use is not the one that was asked for (first), or
/// where a test failed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aiofile doctor
  CAIO_IMPL=uring aiofile doctor && echo io_uring works here
  aiofile doctor --json | jq .backend")]
pub(crate) struct DoctorArgs {
    /// Print the report as one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// Where the temporary file of the test goes; the system's temporary directory unless set
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: Option<PathBuf>,
}

/// Print a script that completes this command's flags in a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aiofile completions bash > ~/.local/share/bash-completion/completions/aiofile
  aiofile completions fish > ~/.config/fish/completions/aiofile.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}
