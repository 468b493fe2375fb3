//! The flags of `aiofile cp`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::size::Size;

const CP_EXAMPLES: &str = "\
Examples:
  aiofile cp big copy --verify
  aiofile cp disk.img /backup/ --direct --jobs 8 --block 4M --sync
  aiofile cp --reflink never --jobs 1 big copy
  aiofile cp -r project /backup/           as /backup/project
  aiofile cp -a home /backup/              with owners, extended attributes and hard links

What can share the blocks of its source does so, unless --reflink is never. Else the kernel copies
by itself (copy_file_range), unless an option tells how the bytes are to move: --backend, --jobs,
--block, --direct, --verify, --reflink never. Then the backend reads and writes them.

The copy appears under its name when it is complete, never before: until then it is a temporary
file beside it, which an interruption (SIGINT, SIGTERM, SIGHUP) removes; a signal that was ignored
at the start, as under nohup, stays ignored. Only a new file of a directory (-r) has its name from
the beginning, and is removed where it was not completed. Where a file cannot be replaced like
this (a directory that is not writable, or sticky, or only takes new names; a file that is
mounted; no room for both), it is written in place, and that is said. Holes stay holes.
Permissions and times are kept, owner, extended attributes and hard links where --preserve says
so, and where something cannot be kept, that is said; an access control list gives nobody more.
What the source grows by while it is copied is left out; a source that shrinks is an error. A
source without a known size (a pipe, a file of /proc) is copied from its start to its end by one
job.

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

    /// Copy a directory with all that is in it; links in it stay links
    ///
    /// A link that is SRC itself is followed. Of `SRC/.` the contents go into DST. What is there
    /// already is merged with and replaced. What cannot be copied is reported, the rest is
    /// copied, and the exit code is 1. --jobs is how many threads work at once.
    #[arg(short, long, visible_short_alias = 'R')]
    recursive: bool,

    /// As -r --preserve=all
    #[arg(short, long)]
    archive: bool,

    /// What is kept of each file; permissions and times are in any case
    ///
    /// Without a list: owner, permissions and times. Extended attributes include access control
    /// lists. Names of one file within a directory that is copied stay names of one file.
    #[arg(long, value_enum, value_name = "WHAT,…", value_delimiter = ',', num_args = 0..,
          require_equals = true, default_missing_value = "mode,ownership,timestamps")]
    preserve: Vec<Preserve>,

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

    /// No progress line, also on a terminal
    #[arg(long)]
    pub(crate) no_progress: bool,

    /// Print one JSON object instead of the summary, and one for each file that failed
    #[arg(long)]
    pub(crate) json: bool,

    /// No summary line and no progress line
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

    /// Whether a directory is copied.
    pub(crate) fn recursive(&self) -> bool {
        self.recursive || self.archive
    }

    /// Whether this is kept.
    pub(crate) fn preserves(&self, what: Preserve) -> bool {
        self.archive || [what, Preserve::All].iter().any(|kept| self.preserve.contains(kept))
    }

    /// Whether it is all the same how the bytes get into the copy.
    pub(crate) fn any_way(&self) -> bool {
        // Of a directory they are how many threads there are.
        let jobs_tell = self.jobs.is_some() && !self.recursive();
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

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preserve {
    /// Permissions, in any case
    Mode,
    /// Times of the last change and of the last access, in any case
    Timestamps,
    /// Owner and group, which the system allows to few
    Ownership,
    /// Names of one file
    Links,
    /// Extended attributes
    Xattr,
    /// All of these
    All,
}
