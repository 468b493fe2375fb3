//! The files the cells work on: made once, filled with data that does not compress, and removed at
//! the end, also when the program is interrupted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};

use crate::cell::{self, Cell, Work};
use crate::stage::Result;

/// A file is written by pieces of this size.
const LARGE: usize = 1 << 20;

/// One that is then written at random places, by these, as a database writes. What the page cache
/// keeps together follows from how it came there, and within a large folio ext4 looks through all
/// blocks for the one that is written: now and then that takes ten times as long as the write.
const SMALL: usize = 4096;

/// The scratch directory; gone when this is dropped.
pub struct Scratch {
    directory: PathBuf,
}

impl Scratch {
    /// Makes the directory below `parent`, and sees to it that an interruption removes it.
    pub fn new(parent: &Path) -> Result<Scratch> {
        if statfs(parent)?.filesystem_type() == TMPFS_MAGIC {
            let message = "is in memory, not on a disk; choose another place with --dir";
            return Err(format!("{} {message}", parent.display()).into());
        }
        let directory =
            parent.canonicalize()?.join(format!("compare-scratch-{}", std::process::id()));
        fs::create_dir(&directory)?;
        let scratch = Scratch { directory };
        let doomed = scratch.directory.clone();
        ctrlc::set_handler(move || {
            // A participant may still hold files open; their space is freed when it ends with this
            // process.
            let removed = fs::remove_dir_all(&doomed);
            eprintln!("interrupted; scratch files removed: {}", removed.is_ok());
            std::process::exit(130);
        })?;
        Ok(scratch)
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes the file of this cell unless it is there already.
    pub fn provide(&self, cell: &Cell) -> io::Result<()> {
        let path = self.directory.join(cell.file_name());
        if cell.size == 0 || path.exists() {
            return Ok(());
        }
        match cell.work {
            Work::SmallFiles => write_small_files(&path, cell),
            Work::LineBytes | Work::LineStrings => write_log(&path, cell.size),
            Work::RandomWrite if !cell.direct => write_noise(&path, cell.size, SMALL),
            _ => write_noise(&path, cell.size, LARGE),
        }
    }

    /// Brings the page cache into the same state before each run: nothing dirty, and the file in it
    /// (or out of it).
    pub fn settle(&self, cell: &Cell) -> Result<()> {
        let path = self.directory.join(cell.file_name());
        if cell.size == 0 || cell.work == Work::SmallFiles {
            return Ok(());
        }
        if cell.is_copy() {
            // The last copy, its dirty pages, and the blocks that the file system has yet to free.
            let _ = fs::remove_file(self.directory.join("copy"));
            nix::unistd::syncfs(&File::open(&self.directory)?)?;
        }
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        if cell.writes() {
            file.sync_all()?;
        }
        if cell.direct {
            posix_fadvise(file.as_fd(), 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
        } else {
            let mut buffer = vec![0; 1 << 20];
            while file.read(&mut buffer)? > 0 {}
        }
        if cell.is_copy() {
            leave_pages(&self.directory.join("pages"), 2 * cell.size)?;
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            eprintln!("{} could not be removed: {error}", self.directory.display());
        }
    }
}

/// Leaves as many free pages behind as a copy needs, which the kernel gives out first. How long it
/// takes to find others depends on what came before, and the host of a virtual machine may even
/// have taken them back.
fn leave_pages(path: &Path, size: u64) -> io::Result<()> {
    let (mut file, chunk) = (File::create(path)?, vec![1; LARGE]);
    for _ in 0..size / LARGE as u64 {
        file.write_all(&chunk)?;
    }
    fs::remove_file(path)
}

fn write_noise(path: &Path, size: u64, piece: usize) -> io::Result<()> {
    let mut file = File::create(path)?;
    let (mut chunk, mut state, mut left) = (vec![0u8; piece], 0x2545_f491_4f6c_dd1d_u64, size);
    while left > 0 {
        for word in chunk.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        let part = left.min(chunk.len() as u64);
        file.write_all(&chunk[..part as usize])?;
        left -= part;
    }
    file.sync_all()
}

fn write_small_files(directory: &Path, cell: &Cell) -> io::Result<()> {
    let content = vec![0x5a; cell.block];
    for index in 0..cell.size / cell.block as u64 {
        let path = cell::small_path(directory, index);
        if index % 1000 == 0 {
            fs::create_dir_all(path.parent().unwrap_or(directory))?;
        }
        fs::write(path, &content)?;
    }
    Ok(())
}

/// A log whose lines are as long as those of a web server's: 40 to 160 bytes.
fn write_log(path: &Path, size: u64) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let filler =
        "GET /assets/application.js HTTP/1.1 200 client=203.0.113.7 agent=browser took=12ms trace=";
    let filler = filler.repeat(2);
    let (mut left, mut number) = (size, 0_u64);
    while left > 0 {
        let length = (40 + number.wrapping_mul(2_654_435_761) % 121).min(left) as usize;
        let head = format!("{number:010} ");
        let line = format!("{head}{filler}");
        file.write_all(&line.as_bytes()[..length - 1])?;
        file.write_all(b"\n")?;
        left -= length as u64;
        number += 1;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_exactly_the_size_and_ends_with_a_line() {
        let path = std::env::temp_dir().join(format!("compare-log-{}", std::process::id()));
        write_log(&path, 100_003).unwrap();
        let content = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(content.len(), 100_003);
        assert_eq!(content.last(), Some(&b'\n'));
        assert!(content.split(|byte| *byte == b'\n').all(|line| line.len() < 160));
    }
}
