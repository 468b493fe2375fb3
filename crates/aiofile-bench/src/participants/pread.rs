//! Plain system calls: threads that each wait in their call.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::{advise, full_buffer, own_memory};
use crate::Result;
use crate::cell::{Access, Cell, RANGES, Work};
use crate::client::Client;
use crate::job::{Job, Report, check_lines};
use crate::line_kind::LineKind;
use crate::path_call::PathCall;
use crate::threads::{self, Thread};

/// Runs the job on so many threads, each with a client of its own.
///
/// # Errors
/// Where the system does not tell what this process uses.
pub fn run(job: &Job, threads: usize) -> Result<Report> {
    threads::run(job, threads, threads, |thread| match job.cell.work {
        Work::WholeFiles => whole_files(thread),
        Work::Path(PathCall::Copy) => copies(thread),
        _ if job.cell.is_lines() => lines(thread),
        _ => transfers(thread),
    })
}

fn whole_files(thread: &Thread<'_>) -> Result<Vec<Client>> {
    let paths = thread.job.small_paths();
    let mut clients = thread.ready();
    for client in &mut clients {
        while let Some(index) = client.begin() {
            client.finish(fs::read(&paths[index as usize]).map(|content| content.len()))?;
        }
    }
    Ok(clients)
}

/// `std::fs::copy`, each time onto the same file.
fn copies(thread: &Thread<'_>) -> Result<Vec<Client>> {
    let paths = thread.job.small_paths();
    let target = thread.job.directory.join(format!("own-other-{}", thread.index));
    let mut clients = thread.ready();
    for client in &mut clients {
        while let Some(index) = client.begin() {
            fs::copy(&paths[index as usize], &target)?;
            client.finish_whole();
        }
    }
    fs::remove_file(&target)?;
    Ok(clients)
}

fn transfers(thread: &Thread<'_>) -> Result<Vec<Client>> {
    let (file, cell) = (thread.job.open()?, &thread.job.cell);
    advise(thread.job, &file)?;
    let mut buffer = full_buffer(cell.block);
    let mut clients = thread.ready();
    for client in &mut clients {
        match cell.work {
            Work::Ranges => ranges(cell, client, &file)?,
            Work::OwnedRange => {
                while let Some(range) = client.begin_range() {
                    let mut buffer = own_memory(cell, &range);
                    let moved = file.read_at(&mut buffer, range.start)?;
                    client.finish_range(black_box(buffer).len().min(moved), &range)?;
                }
            }
            Work::DurableAppend => {
                while client.begin().is_some() {
                    let written = (&file).write(&buffer);
                    file.sync_data()?;
                    client.finish(written)?;
                }
            }
            Work::DurableWrite => {
                while let Some(offset) = client.begin() {
                    let written = file.write_at(&buffer, offset);
                    file.sync_data()?;
                    client.finish(written)?;
                }
            }
            _ if cell.writes() => {
                while let Some(offset) = client.begin() {
                    client.finish(file.write_at(&buffer, offset))?;
                }
            }
            _ => {
                while let Some(offset) = client.begin() {
                    client.finish(file.read_at(&mut buffer, offset))?;
                }
            }
        }
    }
    Ok(clients)
}

/// `read_until` into one reused vector, or `lines()` with a `String` each.
fn lines(thread: &Thread<'_>) -> Result<Vec<Client>> {
    let (path, cell) = (thread.job.path(), &thread.job.cell);
    let mut clients = thread.ready();
    for client in &mut clients {
        while client.begin().is_some() {
            let reader = BufReader::with_capacity(cell.block, File::open(&path)?);
            let seen = match cell.work {
                Work::LineBytes => bytes(reader),
                _ => strings(reader, cell.lines()),
            };
            check_lines(seen?, cell.size)?;
            client.finish_whole();
        }
    }
    Ok(clients)
}

fn bytes(mut reader: BufReader<File>) -> io::Result<u64> {
    let (mut line, mut seen) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut line)? > 0 {
        seen += black_box(&line).len() as u64;
        line.clear();
    }
    Ok(seen)
}

fn strings(reader: BufReader<File>, kind: Option<LineKind>) -> io::Result<u64> {
    let mut seen = 0;
    let end = kind.map_or(0, |kind| kind.end().len() as u64);
    for line in reader.lines() {
        seen += black_box(line?).len() as u64 + end;
    }
    Ok(seen)
}

/// Cached ranges are read one after the other, since a thread more costs more than it brings;
/// others by as many threads as there are ranges, which stay from one operation to the next.
fn ranges(cell: &Cell, client: &mut Client, file: &File) -> Result<()> {
    let mut places = Vec::new();
    if cell.access == Access::Cached {
        let mut buffers = vec![vec![0; cell.block]; RANGES];
        while client.begin_ranges(&mut places).is_some() {
            let mut moved = 0;
            for (buffer, offset) in buffers.iter_mut().zip(&places) {
                moved += file.read_at(buffer, *offset)?;
            }
            client.finish_ranges(moved)?;
        }
        return Ok(());
    }
    thread::scope(|scope| {
        let (done, results) = sync_channel(RANGES);
        let inboxes: Vec<_> = (0..RANGES)
            .map(|_| {
                let (inbox, offsets) = sync_channel(1);
                let done = done.clone();
                scope.spawn(move || fetch(file, cell.block, &offsets, &done));
                inbox
            })
            .collect();
        while client.begin_ranges(&mut places).is_some() {
            for (inbox, offset) in inboxes.iter().zip(&places) {
                inbox.send(*offset)?;
            }
            let mut moved = 0;
            for _ in 0..RANGES {
                moved += results.recv()??;
            }
            client.finish_ranges(moved)?;
        }
        Ok(())
    })
}

fn fetch(file: &File, block: usize, offsets: &Receiver<u64>, done: &SyncSender<io::Result<usize>>) {
    let mut buffer = full_buffer(block);
    while let Ok(offset) = offsets.recv() {
        if done.send(file.read_at(&mut buffer, offset)).is_err() {
            return;
        }
    }
}
