//! The last lines of a file.

use std::collections::VecDeque;
use std::io;

use aiofile::{AioFile, LineReader};
use caio::{Error, ErrorKind};
use memchr::memrchr_iter;

/// How much is read at once.
const BLOCK_BYTES: u64 = 64 << 10;

/// A reader that stands before the last `count` lines of a file, or at its start where there are
/// fewer. A last line without its end counts as one.
///
/// Costs: reads blocks of 64 KiB from the end backwards, until there are as many lines; one block
/// of memory, however long the lines are.
///
/// # Errors
/// `InvalidInput` for what has no end to begin at: pipes, terminals, files of /proc. Else what the
/// system answers.
///
/// # Cancel safety
/// Dropping the future has no effect.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("log");
/// std::fs::write(&path, "first\nsecond\nthird\n")?;
/// let log = aiofile::AioFile::open(&path, "r").await?;
///
/// let mut lines = aiofile_util::last_lines(&log, 2).await?;
/// assert_eq!(lines.position(), 6);
/// assert_eq!(lines.next_str().await?, Some("second"));
/// assert_eq!(lines.next_str().await?, Some("third"));
/// assert_eq!(lines.next_str().await?, None);
/// # Ok(()) }
/// ```
#[doc(alias = "tail")]
pub async fn last_lines(file: &AioFile, count: u64) -> io::Result<LineReader> {
    let metadata = file.metadata().await?;
    if !metadata.is_file() || metadata.len() == 0 && !is_empty(file).await? {
        let error = Error::new(ErrorKind::InvalidInput, "it has no end to begin at").doing("tail");
        let error = match file.path() {
            Some(path) => error.on(path),
            None => error,
        };
        return Err(error.hint("read it from its start with keep_last_lines").into());
    }
    let start = start_of_last(file, metadata.len(), count).await?;
    let mut lines = LineReader::new(file);
    lines.seek_to(start)?;
    Ok(lines)
}

/// The last `count` lines of what can only be read from front to back, such as a pipe, without
/// their separators. Reads to the end.
///
/// Costs: memory for these lines.
///
/// # Errors
/// As for [`LineReader::next_line`].
///
/// # Cancel safety
/// Dropping the future loses the lines that were read.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use aiofile::{AioFile, LineReader};
///
/// let status = AioFile::open("/proc/self/status", "r").await?;
/// let last = aiofile_util::keep_last_lines(&mut LineReader::new(&status), 1).await?;
/// assert!(last[0].starts_with(b"nonvoluntary_ctxt_switches"));
/// # Ok(()) }
/// ```
pub async fn keep_last_lines(
    lines: &mut LineReader,
    count: usize,
) -> io::Result<VecDeque<Vec<u8>>> {
    let mut kept = VecDeque::new();
    while let Some(line) = lines.next_line().await? {
        let mut room =
            if kept.len() < count { Vec::new() } else { kept.pop_front().unwrap_or_default() };
        room.clear();
        room.extend_from_slice(line);
        if count > 0 {
            kept.push_back(room);
        }
    }
    Ok(kept)
}

/// Whether a file without a length has nothing in it, which is not so in /proc.
async fn is_empty(file: &AioFile) -> io::Result<bool> {
    Ok(file.read_at(1, 0).await?.is_empty())
}

/// Where the last lines begin.
async fn start_of_last(file: &AioFile, length: u64, count: u64) -> io::Result<u64> {
    let mut end = length;
    // How many ends of lines are still to be found, without the one that ends the file.
    let mut left = count;
    let mut is_last_block = true;
    while end > 0 && count > 0 {
        let start = end.saturating_sub(BLOCK_BYTES);
        let block = file.read_at((end - start) as usize, start).await?;
        // It is shorter where the file was cut meanwhile, or is not as long as it says.
        end = start;
        let Some((last, before)) = block.split_last() else { continue };
        let searched = if is_last_block && *last == b'\n' { before } else { &block };
        is_last_block = false;
        for found in memrchr_iter(b'\n', searched) {
            left -= 1;
            if left == 0 {
                return Ok(start + found as u64 + 1);
            }
        }
    }
    Ok(if count == 0 { length } else { 0 })
}
