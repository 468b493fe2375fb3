//! The files that the cells work on: made when first needed, filled with noise that follows from
//! the seed, brought into the same state before each run, and gone at the end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::unistd::syncfs;
use tempfile::TempDir;

use crate::Result;
use crate::cell::{Access, Cell, Work};
use crate::interrupt::Interrupt;
use crate::job::Job;
use crate::line_kind::LineKind;
use crate::pattern::mix;

const CHUNK_BYTES: usize = 1 << 20;

/// A file that will be written at random places is made by pieces of this size. What the page cache
/// keeps together follows from how it came there, and within a large folio ext4 looks through all
/// blocks for the one that is written, which takes longer than the write.
const WRITTEN_BYTES: usize = 4096;

/// The scratch directory.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
}

impl Scratch {
    /// Makes the directory below `parent`.
    ///
    /// # Errors
    /// What mkdir(2) answers.
    pub fn new(parent: &Path) -> io::Result<Self> {
        let parent = parent.canonicalize()?;
        let directory = tempfile::Builder::new().prefix(".aiofile-bench-").tempdir_in(parent)?;
        Ok(Self { directory })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Removes it, and says where that fails.
    ///
    /// # Errors
    /// What the system answers.
    pub fn remove(self) -> io::Result<()> {
        self.directory.close()
    }

    /// Makes the file of this job unless it is there, and fills or empties the page cache.
    ///
    /// # Errors
    /// Where the file system does not want the files, or an interruption came.
    pub(crate) fn provide(&self, job: &Job, interrupt: &Interrupt) -> Result<()> {
        let (path, cell) = (job.path(), &job.cell);
        if !has_file(cell) {
            return Ok(());
        }
        if !path.exists() {
            make(&path, job, interrupt).map_err(|error| {
                let place = job.directory.display();
                format!("make the scratch files in {place}: {error} (choose another directory)")
            })?;
        }
        if cell.has_small_files() {
            return Ok(());
        }
        match cell.access {
            Access::Cached => warm(&path)?,
            Access::Cold | Access::Direct => drop_cache(&path)?,
        }
        Ok(())
    }

    /// Leaves nothing behind of the run before: no dirty page, no cold block that became warm, no
    /// record in the journal, no copy.
    ///
    /// # Errors
    /// What the system answers.
    pub(crate) fn settle(job: &Job) -> Result<()> {
        let (path, cell) = (job.path(), &job.cell);
        match cell.work {
            Work::DurableAppend => {
                let journal = OpenOptions::new().write(true).open(path)?;
                journal.set_len(0)?;
                journal.sync_all()?;
            }
            Work::Copy | Work::CopyBytes => {
                // The last copy, its dirty pages, and the blocks that the file system has yet to
                // free.
                let _ = fs::remove_file(job.copy_path());
                syncfs(&File::open(&job.directory)?)?;
                leave_pages(&job.directory.join("pages"), 2 * cell.size)?;
            }
            Work::CopyTree => {
                if job.copy_path().exists() {
                    fs::remove_dir_all(job.copy_path())?;
                }
                syncfs(&File::open(&job.directory)?)?;
                for path in job.small_paths() {
                    match cell.access {
                        Access::Cached => drop(fs::read(path)?),
                        _ => drop_cache(&path)?,
                    }
                }
                if cell.access == Access::Cold {
                    // Of what is no file's contents only the whole machine can forget all, and
                    // only for root: names and inodes, and the blocks that they lie in.
                    let _ = fs::write("/proc/sys/vm/drop_caches", "3");
                }
            }
            _ if cell.writes() => OpenOptions::new().write(true).open(path)?.sync_data()?,
            _ if cell.access == Access::Cold && cell.has_small_files() => {
                job.small_paths().iter().try_for_each(|path| drop_cache(path))?;
            }
            _ if cell.access == Access::Cold => drop_cache(&path)?,
            _ => {}
        }
        Ok(())
    }
}

fn make(path: &Path, job: &Job, interrupt: &Interrupt) -> Result<()> {
    let cell = &job.cell;
    match cell.work {
        _ if cell.has_small_files() => small_files(job)?,
        Work::DurableAppend => drop(File::create(path)?),
        _ if cell.writes() => noise(path, WRITTEN_BYTES, job, interrupt)?,
        _ => match cell.lines() {
            Some(kind) => text(path, kind, cell.size)?,
            None => noise(path, CHUNK_BYTES, job, interrupt)?,
        },
    }
    Ok(())
}

fn has_file(cell: &Cell) -> bool {
    cell.size > 0 || cell.work == Work::DurableAppend
}

/// Why a cell cannot be measured here: too little data for its blocks, or a file system without
/// O_DIRECT.
pub(crate) fn refusal(job: &Job) -> Option<String> {
    if job.cell.size < job.cell.needs() {
        return Some(format!("needs {} bytes; say a larger --size", job.cell.needs()));
    }
    let opened = if job.cell.is_direct() { job.open().err() } else { None };
    opened.map(|error| format!("O_DIRECT is not possible on this file system: {error}"))
}

/// Leaves as many free pages behind as a copy needs, which the kernel gives out first. How long it
/// takes to find others depends on what came before, and the host of a virtual machine may even
/// have taken them back.
fn leave_pages(path: &Path, size: u64) -> io::Result<()> {
    let (mut file, chunk) = (File::create(path)?, vec![1; CHUNK_BYTES]);
    for _ in 0..size / CHUNK_BYTES as u64 {
        file.write_all(&chunk)?;
    }
    fs::remove_file(path)
}

fn noise(path: &Path, piece: usize, job: &Job, interrupt: &Interrupt) -> Result<()> {
    let mut file = File::create(path)?;
    let (mut chunk, mut state) = (vec![0; piece], job.seed);
    for _ in 0..job.cell.size / piece as u64 {
        for word in chunk.chunks_exact_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            word.copy_from_slice(&mix(state).to_le_bytes());
        }
        file.write_all(&chunk)?;
        interrupt.check()?;
    }
    Ok(file.sync_all()?)
}

fn text(path: &Path, kind: LineKind, size: u64) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(CHUNK_BYTES, File::create(path)?);
    let (mut left, mut number) = (size, 0);
    while left > 0 {
        let line = kind.line(number, left);
        file.write_all(line.as_bytes())?;
        (left, number) = (left - line.len() as u64, number + 1);
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// No more than a thousand in a directory.
fn small_files(job: &Job) -> io::Result<()> {
    let directories = job.small_files().div_ceil(1000);
    for index in 0..directories {
        let path = job.small_file(index * 1000);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
    }
    (0..job.small_files()).try_for_each(|index| {
        fs::write(job.small_file(index), vec![(index % 251) as u8; job.cell.block])
    })
}

fn warm(path: &Path) -> io::Result<()> {
    let (mut file, mut buffer) = (File::open(path)?, vec![0; CHUNK_BYTES]);
    while file.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Drops a file from the page cache.
///
/// # Errors
/// What the system answers, for example where the file may not be written to.
pub fn drop_cache(path: &Path) -> Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    file.sync_data()?;
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizes::Sizes;
    use crate::suite;

    #[test]
    fn the_files_have_their_sizes_and_follow_from_the_seed() {
        let parent = tempfile::tempdir().unwrap();
        let interrupt = Interrupt::never();
        let sizes = Sizes { data: 2 << 20, target: 1 << 20, log: 100_003, files: 3 * 4096 };
        let mut cells = suite::disk(true);
        sizes.apply(&mut cells);
        let mut contents = Vec::new();
        for seed in [1, 1, 2] {
            let scratch = Scratch::new(parent.path()).unwrap();
            for cell in &cells {
                let directory = scratch.path().to_owned();
                let job = Job { directory, seed, ..Job::for_tests(cell.clone()) };
                scratch.provide(&job, &interrupt).unwrap();
                Scratch::settle(&job).unwrap();
            }
            let names = ["data-2097152", "target-1048576", "log-100003", "journal-0"];
            let length = |name: &str| fs::metadata(scratch.path().join(name)).unwrap().len();
            assert_eq!(names.map(length), [2 << 20, 1 << 20, 100_003, 0]);
            assert_eq!(length("files-12288/000/000002"), 4096);
            let log = fs::read(scratch.path().join("log-100003")).unwrap();
            assert_eq!(log.last(), Some(&b'\n'));
            assert!(log.split(|byte| *byte == b'\n').all(|line| line.len() < 160));
            contents.push(fs::read(scratch.path().join("data-2097152")).unwrap());
            scratch.remove().unwrap();
        }
        assert!(contents[0] == contents[1] && contents[0] != contents[2]);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_cell_without_room_for_its_blocks_is_refused() {
        let cell = suite::disk(false).into_iter().find(|cell| cell.block == 1 << 20).unwrap();
        assert!(refusal(&Job::for_tests(cell)).unwrap().contains("--size"));
    }
}
