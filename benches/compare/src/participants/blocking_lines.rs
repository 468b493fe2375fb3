//! Lines through std: `read_until` into one reused vector behind a 64 KiB buffer, and `lines()`
//! with a `String` each.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, BufRead, BufReader};

use crate::cell::Work;
use crate::lane::Lane;
use crate::stage::{Result, Seat};

/// Goes over the log from the first line to the last until the time is over.
pub fn run(seat: &Seat<'_>) -> Result<Vec<Lane>> {
    let (path, block) = (seat.job.path(), seat.job.cell.block);
    let mut lanes = seat.ready();
    for lane in &mut lanes {
        while lane.begin().is_some() {
            let reader = BufReader::with_capacity(block, File::open(&path)?);
            let seen = match seat.job.cell.work {
                Work::LineBytes => bytes(reader)?,
                _ => strings(reader)?,
            };
            check(seen, seat.job.cell.size)?;
            lane.finish_whole();
        }
    }
    Ok(lanes)
}

fn bytes(mut reader: BufReader<File>) -> io::Result<u64> {
    let (mut line, mut seen) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut line)? > 0 {
        seen += black_box(&line).len() as u64;
        line.clear();
    }
    Ok(seen)
}

fn strings(reader: BufReader<File>) -> io::Result<u64> {
    let mut seen = 0;
    for line in reader.lines() {
        seen += black_box(line?).len() as u64 + 1;
    }
    Ok(seen)
}

/// A pass that has not seen every byte is no pass.
pub fn check(seen: u64, size: u64) -> io::Result<()> {
    if seen == size {
        return Ok(());
    }
    Err(io::Error::other(format!("the lines hold {seen} bytes, the file {size}")))
}
