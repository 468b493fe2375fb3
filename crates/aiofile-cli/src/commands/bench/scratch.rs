//! The files that the cells work on: made when first needed, filled with noise that follows from
//! the seed, brought into the same state before each run, and gone at the end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use tempfile::TempDir;

use super::cell::{Access, Cell, Work};
use super::interrupt::Interrupt;
use super::job::{Job, Sizes};
use super::participant::Result;
use super::pattern::mix;

const CHUNK_BYTES: usize = 1 << 20;

/// A file that will be written at random places is made by pieces of this size. What the page cache
/// keeps together follows from how it came there, and within a large folio ext4 looks through all
/// blocks for the one that is written, which takes longer than the write.
const WRITTEN_BYTES: usize = 4096;

const SMALL_FILES_MAX: u64 = 4096;

/// The scratch directory.
#[derive(Debug)]
pub(super) struct Scratch {
    directory: TempDir,
}

impl Scratch {
    /// Makes the directory below `parent`.
    ///
    /// # Errors
    /// What mkdir(2) answers.
    pub(super) fn new(parent: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix(".aiofile-bench-").tempdir_in(parent)?;
        Ok(Self { directory })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Removes it, and says where that fails.
    ///
    /// # Errors
    /// What the system answers.
    pub(super) fn remove(self) -> io::Result<()> {
        self.directory.close()
    }

    /// Makes the file of this job unless it is there, and fills or empties the page cache.
    ///
    /// # Errors
    /// Where the file system does not want the files, or an interruption came.
    pub(super) fn provide(&self, job: &Job, interrupt: &Interrupt) -> Result<()> {
        let (path, sizes) = (job.path(), job.sizes);
        if !path.exists() {
            match job.cell.work {
                Work::WholeFile => small_files(job)?,
                Work::Lines => log(&path, sizes.log)?,
                Work::DurableAppend => drop(File::create(&path)?),
                _ if job.cell.writes() => {
                    noise(&path, sizes.target, WRITTEN_BYTES, job, interrupt)?;
                }
                _ => noise(&path, sizes.data, CHUNK_BYTES, job, interrupt)?,
            }
        }
        if job.cell.work == Work::WholeFile {
            return Ok(());
        }
        match job.cell.access {
            Access::Cached => warm(&path)?,
            Access::Cold | Access::Direct => drop_cache(&path)?,
        }
        Ok(())
    }

    /// Leaves nothing behind of the run before: no dirty page, no cold block that became warm, no
    /// record in the journal.
    ///
    /// # Errors
    /// What the system answers.
    pub(super) fn settle(job: &Job) -> Result<()> {
        let path = job.path();
        match job.cell.work {
            Work::DurableAppend => {
                let journal = OpenOptions::new().write(true).open(path)?;
                journal.set_len(0)?;
                journal.sync_all()?;
            }
            _ if job.cell.writes() => OpenOptions::new().write(true).open(path)?.sync_data()?,
            _ if job.cell.access == Access::Cold => drop_cache(&path)?,
            _ => {}
        }
        Ok(())
    }
}

/// The sizes that follow from `--size` and from what is free.
///
/// # Errors
/// Where too little is free for anything.
pub(super) fn sizes(wanted: Option<u64>, free: u64) -> Result<Sizes, String> {
    const LARGEST_BLOCK: u64 = 1 << 20;
    // The other files together take less than half as much again, and half of what is free stays.
    let possible = free / 3;
    let data = match wanted {
        Some(size) if size > possible => {
            return Err(format!("--size {size} is more than a third of the {free} bytes free"));
        }
        Some(size) => size,
        None => possible.min(256 << 20),
    };
    let data = data / LARGEST_BLOCK * LARGEST_BLOCK;
    if data < LARGEST_BLOCK {
        return Err("less than 1 MiB to work on; say another PATH, or another --size".to_owned());
    }
    Ok(Sizes {
        data,
        target: (data / 4).max(LARGEST_BLOCK),
        log: data / 8,
        files: (data / 16 / 4096).clamp(64, SMALL_FILES_MAX),
    })
}

/// Whether the file system of this cell's file takes O_DIRECT, where the cell wants it.
pub(super) fn refusal(job: &Job) -> Option<String> {
    if job.cell.access != Access::Direct {
        return None;
    }
    let opened = {
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(caio::flags::O_DIRECT).open(job.path())
    };
    opened.err().map(|error| format!("O_DIRECT is not possible on this file system: {error}"))
}

/// Whether a cell can be measured at all in this much data: each lane needs its blocks.
pub(super) fn too_small(cell: &Cell, sizes: Sizes) -> Option<String> {
    let size = if cell.writes() { sizes.target } else { sizes.data };
    let needed = match cell.work {
        Work::Ranges => cell.block * super::cell::RANGES,
        Work::DurableAppend | Work::WholeFile | Work::Lines => 0,
        _ => cell.block * cell.in_flight,
    };
    (size < needed as u64).then(|| format!("needs {needed} bytes; say a larger --size"))
}

fn noise(path: &Path, size: u64, piece: usize, job: &Job, interrupt: &Interrupt) -> Result<()> {
    let mut file = File::create(path)?;
    let (mut chunk, mut state) = (vec![0; piece], job.seed);
    for _ in 0..size / piece as u64 {
        for word in chunk.chunks_exact_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            word.copy_from_slice(&mix(state).to_le_bytes());
        }
        file.write_all(&chunk)?;
        interrupt.check()?;
    }
    Ok(file.sync_all()?)
}

/// Lines of 40 to 160 bytes, as those of logs are.
fn log(path: &Path, size: u64) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(CHUNK_BYTES, File::create(path)?);
    let (mut left, mut number) = (size, 0);
    while left > 0 {
        let length = (40 + mix(number) % 121).min(left) as usize;
        let line = format!("{number:012} INFO request served {:<160}", mix(number));
        file.write_all(&line.as_bytes()[..length - 1])?;
        file.write_all(b"\n")?;
        (left, number) = (left - length as u64, number + 1);
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn small_files(job: &Job) -> io::Result<()> {
    fs::create_dir(job.path())?;
    (0..job.sizes.files).try_for_each(|index| {
        fs::write(job.small_file(index), vec![(index % 251) as u8; job.cell.block])
    })
}

fn warm(path: &Path) -> io::Result<()> {
    let (mut file, mut buffer) = (File::open(path)?, vec![0; CHUNK_BYTES]);
    while file.read(&mut buffer)? > 0 {}
    Ok(())
}

fn drop_cache(path: &Path) -> Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    file.sync_data()?;
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bench::cell;

    #[test]
    fn sizes_leave_room_and_hold_whole_blocks() {
        let sizes = sizes(None, 300 << 20).unwrap();
        assert_eq!(sizes.data, 100 << 20);
        let together = sizes.data + sizes.target + sizes.log + sizes.files * 4096;
        assert!(together <= 150 << 20, "{together}");
        assert_eq!(super::sizes(None, 1 << 40).unwrap().data, 256 << 20);
        assert_eq!(super::sizes(Some(5 << 20), 1 << 40).unwrap().data, 5 << 20);
        assert!(super::sizes(Some(1 << 30), 1 << 30).is_err());
        assert!(super::sizes(None, 1 << 20).is_err());
    }

    #[test]
    fn the_files_have_their_sizes_and_follow_from_the_seed() {
        let parent = tempfile::tempdir().unwrap();
        let interrupt = Interrupt::never();
        let mut contents = Vec::new();
        for seed in [1, 1, 2] {
            let scratch = Scratch::new(parent.path()).unwrap();
            for cell in cell::all(true) {
                let mut job = Job::for_tests(cell, seed);
                job.directory = scratch.path().to_owned();
                job.sizes = Sizes { data: 2 << 20, target: 1 << 20, log: 100_003, files: 3 };
                scratch.provide(&job, &interrupt).unwrap();
                Scratch::settle(&job).unwrap();
            }
            let lengths = ["data", "target", "log", "journal", "files/000002"]
                .map(|name| fs::metadata(scratch.path().join(name)).unwrap().len());
            assert_eq!(lengths, [2 << 20, 1 << 20, 100_003, 0, 4096]);
            let log = fs::read(scratch.path().join("log")).unwrap();
            assert_eq!(log.last(), Some(&b'\n'));
            contents.push(fs::read(scratch.path().join("data")).unwrap());
            scratch.remove().unwrap();
        }
        assert!(contents[0] == contents[1] && contents[0] != contents[2]);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
