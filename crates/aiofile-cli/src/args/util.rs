//! The flags of the commands that stand on `aiofile-util`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use aiofile_util::{HashKind, SplitBy};
use clap::{Args, ValueHint};

use crate::size::Size;

/// Hash files, several at once, or check them against a list of hashes.
///
/// The output is that of sha256sum, md5sum and b3sum, and theirs is understood. A file that cannot
/// be read is reported, the others are still hashed, and the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aiofile hash *.iso                       BLAKE3, the fastest
  aiofile hash -a sha256 *.iso > SHA256SUMS
  aiofile hash -a sha256 --check SHA256SUMS")]
pub(crate) struct HashArgs {
    /// The hash: blake3, sha256 or md5
    #[arg(short, long, value_name = "NAME", default_value = "blake3", value_parser = hash_kind)]
    pub(crate) algorithm: HashKind,

    /// Check the files that this list names; - is standard input
    #[arg(short, long, value_name = "LIST", conflicts_with = "files",
          value_hint = ValueHint::FilePath)]
    pub(crate) check: Option<PathBuf>,

    /// The files to hash; - is standard input
    #[arg(required_unless_present = "check", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    /// How many files are read at once; twice the processors unless set
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,

    /// Print one JSON object for each file
    #[arg(long)]
    pub(crate) json: bool,

    /// No progress bar, and with --check no line for files that are right
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

fn hash_kind(name: &str) -> Result<HashKind, String> {
    name.parse().map_err(|error: std::io::Error| error.to_string())
}

/// Cut a file into pieces, by bytes, by lines or by their number.
///
/// The pieces are called PREFIXaa, PREFIXab and so on, and appear when all of them are complete.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aiofile split -b 1G disk.img disk.img.
  aiofile split -l 100000 -d -a 4 log log.
  aiofile split -n l/8 words words.        eight pieces, each of whole lines
  generate | aiofile split -b 64M - part.")]
pub(crate) struct SplitArgs {
    /// The file to cut; - is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) source: PathBuf,

    /// What the names of the pieces begin with
    #[arg(value_name = "PREFIX", default_value = "x")]
    pub(crate) prefix: PathBuf,

    /// Bytes of a piece, with suffixes K, M, G (1024) and kB, MB, GB (1000)
    #[arg(short, long, value_name = "SIZE", conflicts_with = "lines")]
    pub(crate) bytes: Option<Size>,

    /// Lines of a piece; 1000 unless set
    #[arg(short, long, value_name = "N")]
    pub(crate) lines: Option<NonZeroU64>,

    /// How many pieces of the same length; l/N: between lines
    #[arg(short, long, value_name = "N|l/N", value_parser = number,
          conflicts_with_all = ["bytes", "lines"])]
    pub(crate) number: Option<SplitBy>,

    /// Suffixes of digits instead of letters
    #[arg(short, long, conflicts_with = "hex")]
    pub(crate) digits: bool,

    /// Suffixes of hexadecimal digits
    #[arg(short = 'x', long)]
    pub(crate) hex: bool,

    /// How long the suffixes are; 2, and more where that is needed, unless set
    #[arg(short = 'a', long, value_name = "N")]
    pub(crate) suffix_length: Option<NonZeroUsize>,

    /// Replace files that have the names of pieces, which are an error otherwise
    #[arg(short, long)]
    pub(crate) force: bool,

    /// Print one JSON object for each piece
    #[arg(long)]
    pub(crate) json: bool,

    /// No summary line and no progress bar
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

fn number(text: &str) -> Result<SplitBy, String> {
    let (by, count): (fn(NonZeroU64) -> SplitBy, _) = match text.strip_prefix("l/") {
        Some(count) => (SplitBy::PiecesOfLines, count),
        None => (SplitBy::Pieces, text),
    };
    count.parse().map(by).map_err(|_| "not a number of pieces: N, or l/N".to_owned())
}

/// Put files together into one.
///
/// The target appears when it is complete. It may be one of the files.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aiofile merge disk.img.a* -o disk.img
  aiofile merge today.log -o all.log --append
  aiofile merge --sorted a.txt b.txt -o both.txt")]
pub(crate) struct MergeArgs {
    /// The files, in their order
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    /// Where they are put
    #[arg(short, long, value_name = "TARGET", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,

    /// Behind what is in the target already, instead of in its place
    #[arg(long)]
    pub(crate) append: bool,

    /// The files are sorted by bytes (LC_ALL=C sort), and so is the target
    #[arg(long)]
    pub(crate) sorted: bool,

    /// Put the target on the device before the command ends: fsync
    #[arg(long)]
    pub(crate) sync: bool,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// No summary line and no progress bar
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Make a directory like another one.
///
/// Files that differ in size or time are copied, with holes, permissions and times; symbolic links
/// are made as links. A file appears when it is complete, so that an interrupted run leaves no half
/// one and the next run goes on. What happens to one file is reported, the others are done, and the
/// exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aiofile sync photos /backup/photos
  aiofile sync photos /backup/photos --delete --dry-run
  aiofile sync --checksum site /srv/www
  aiofile sync --owner --xattrs --hard-links --delete /home /backup/home")]
pub(crate) struct SyncArgs {
    /// The directory to copy
    #[arg(value_name = "FROM", value_hint = ValueHint::DirPath)]
    pub(crate) from: PathBuf,

    /// The directory that becomes like it; it is made where there is none
    #[arg(value_name = "TO", value_hint = ValueHint::DirPath)]
    pub(crate) to: PathBuf,

    /// Delete what FROM does not have
    #[arg(long)]
    pub(crate) delete: bool,

    /// Change nothing, and list what would be done
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,

    /// Compare contents instead of times
    #[arg(short, long)]
    pub(crate) checksum: bool,

    /// Keep owner and group, which the system allows to few
    #[arg(long)]
    pub(crate) owner: bool,

    /// Keep extended attributes, access control lists among them
    #[arg(long)]
    pub(crate) xattrs: bool,

    /// Names of one file in FROM become names of one file in TO
    #[arg(short = 'H', long)]
    pub(crate) hard_links: bool,

    /// Put everything on the device before the command ends: fsync of each file and directory
    #[arg(long)]
    pub(crate) sync: bool,

    /// How many files are copied at once; twice the processors unless set
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,

    /// List what is done
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Print one JSON object for each path, and one for the whole
    #[arg(long)]
    pub(crate) json: bool,

    /// No summary line and no progress bar
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
