//! Bytes from one open file into another, by the kernel where it can.
//!
//! Both files go on from their positions, so that the source may be anything that can be read.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use caio::Result;

use crate::steps::{Doing, READ_BYTES};

/// Copies up to `length` bytes. Fewer come only at the end of the source.
pub(crate) fn copy(
    (source, from): (&File, &Path),
    (target, to): (&File, &Path),
    length: u64,
) -> Result<u64> {
    let mut done = 0;
    while done < length {
        match by_kernel(source, target, length - done) {
            // Files of /proc end at once for the kernel. Other file systems, devices, streams and
            // seccomp filters: reading and writing either works there or says why it does not.
            Ok(0) | Err(_) => break,
            Ok(copied) => done += copied,
        }
    }
    let room = usize::try_from(length - done).map_or(READ_BYTES, |rest| rest.min(READ_BYTES));
    let mut buffer = if room == 0 { Vec::new() } else { vec![0; room.max(1)] };
    while done < length {
        let wanted = usize::try_from(length - done).map_or(room, |rest| rest.min(room));
        match (&mut &*source).read(&mut buffer[..wanted]) {
            Ok(0) => break,
            Ok(read) => {
                (&mut &*target).write_all(&buffer[..read]).doing("write", to)?;
                done += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).doing("read", from),
        }
    }
    Ok(done)
}

#[cfg(target_os = "linux")]
fn by_kernel(source: &File, target: &File, length: u64) -> io::Result<u64> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let copied = rustix::io::retry_on_intr(|| {
        rustix::fs::copy_file_range(source, None, target, None, length)
    })?;
    Ok(copied as u64)
}

#[cfg(not(target_os = "linux"))]
fn by_kernel(_: &File, _: &File, _: u64) -> io::Result<u64> {
    Ok(0)
}
