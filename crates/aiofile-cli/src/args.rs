//! The flags as they are typed, and their help.

mod bench;
mod look;
mod util;

use std::path::PathBuf;

use caio::Choice;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use crate::size::Size;

pub(crate) use bench::{BenchArgs, BenchParticipantArgs};
pub(crate) use look::{DuArgs, TailArgs, WatchArgs};
pub(crate) use util::{HashArgs, MergeArgs, SplitArgs, SyncArgs};

const EXAMPLES: &str = "\
Examples:
  aiofile cp big copy --verify             copy by parallel offset-addressed writes, then compare
  aiofile cp -r project backup             copy a directory
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

const CP_EXAMPLES: &str = "\
Examples:
  aiofile cp big copy --verify
  aiofile cp disk.img /backup/ --direct --jobs 8 --block 4M --sync
  aiofile cp --reflink never --jobs 1 big copy
  aiofile cp -r project /backup/           as /backup/project

What can share the blocks of its source does so, unless --reflink is never. Else the kernel copies
by itself (copy_file_range), unless an option tells how the bytes are to move: --backend, --jobs,
--block, --direct, --verify, --reflink never. Then the backend reads and writes them.

The copy appears under its name when it is complete, never before: until then it is a temporary
file beside it, which an interruption (SIGINT, SIGTERM, SIGHUP) removes; a signal that was ignored
at the start, as under nohup, stays ignored. Where a file cannot be replaced like this (a directory
that is not writable, or sticky, or only takes new names; a file that is mounted; no room for both),
it is written in place, and that is said. Holes stay holes. Permissions and times are kept, and
where they cannot be, that is said; owner, extended attributes and hard links are not, and an access
control list gives nobody more. What the source grows by while it is copied is left out; a source
that shrinks is an error. A source without a known size (a pipe, a file of /proc) is copied from its
start to its end by one job.

An option that cannot be obeyed with these files is an error: --verify, --direct, --sync and
--reflink always on what they make no sense for.

The last line tells how much was copied in which time, by which backend, and how many of its
operations were routed to the pool of threads, done in place, or short.";

/// Copy a file, or with -r a directory.
///
/// By shared blocks, within the kernel, or by parallel reads and writes at offsets.
#[derive(Debug, Args)]
#[command(after_help = CP_EXAMPLES)]
pub(crate) struct CpArgs {
    /// The file to copy, or with -r the directory
    #[arg(value_name = "SRC", value_hint = ValueHint::FilePath)]
    pub(crate) source: PathBuf,

    /// The copy: a file, which is replaced, or a directory, which gets a file of the same name
    #[arg(value_name = "DST", value_hint = ValueHint::AnyPath)]
    pub(crate) target: PathBuf,

    /// Copy a directory with all that is in it; links stay links
    ///
    /// What is there already is merged with and replaced. What cannot be copied is reported, the
    /// rest is copied, and the exit code is 1. --jobs is how many threads work at once.
    #[arg(short, long, visible_short_alias = 'R')]
    pub(crate) recursive: bool,

    /// How many blocks are copied at once, 1 to 1024; 4 unless set
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// Bytes read and written at once, 1 to 1G, with suffixes K, M, G (1024) and kB, MB, GB (1000);
    /// 1M unless set
    ///
    /// Each job holds one such block of memory. With --direct a multiple of 4096.
    #[arg(short, long, value_name = "SIZE", value_parser = block)]
    block: Option<Size>,

    /// Bypass the page cache for both files (O_DIRECT)
    #[arg(long)]
    pub(crate) direct: bool,

    /// Read both files again and compare them before the copy gets its name
    ///
    /// Reads what the system has by then: the page cache, or with --direct the device.
    #[arg(long)]
    pub(crate) verify: bool,

    /// Put the copy on the device before the command ends: fsync of the file and of its directory
    #[arg(long)]
    pub(crate) sync: bool,

    /// Whether the copy may share the source's blocks, where the file system can (Btrfs, XFS)
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Reflink::Auto)]
    pub(crate) reflink: Reflink,

    /// No progress bar, also on a terminal
    #[arg(long)]
    pub(crate) no_progress: bool,

    /// No summary line and no progress bar
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

impl CpArgs {
    /// How many blocks are copied at once.
    pub(crate) fn jobs(&self) -> u16 {
        self.jobs.unwrap_or(4)
    }

    /// Bytes read and written at once.
    pub(crate) fn block(&self) -> Size {
        self.block.unwrap_or(Size(1 << 20))
    }

    /// Whether it is all the same how the bytes get into the copy.
    pub(crate) fn any_way(&self) -> bool {
        // Of a directory they are how many threads there are.
        let jobs_tell = self.jobs.is_some() && !self.recursive;
        let told = jobs_tell || self.block.is_some() || self.direct || self.verify;
        !told && self.reflink != Reflink::Never
    }
}

/// The largest block, in bytes: memory of one job, and more than any device profits from.
const BLOCK_BYTES_MAX: u64 = 1 << 30;

fn block(text: &str) -> Result<Size, String> {
    let size = text.parse::<Size>()?;
    if size.0 > BLOCK_BYTES_MAX {
        return Err("a block is at most 1G".to_owned());
    }
    Ok(size)
}

/// Whether blocks may be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reflink {
    /// Share them where possible, copy them otherwise
    Auto,
    /// Copy them
    Never,
    /// Share them or fail
    Always,
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
