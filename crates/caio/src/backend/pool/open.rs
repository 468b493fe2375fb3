//! Opening files by path, without waiting for the other end of a FIFO: that may take for ever, and
//! a pool has only so many threads.

use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Waker};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{Mode, SFlag, stat};

use super::execute::{is, move_bytes, retry_on_eintr};
use crate::buffer::{Buffer, OwnedBuffer};
use crate::file::{FileClass, SharedFile};
use crate::op::{Op, Output, READ_FILE_BYTES_MAX};
use crate::sys::open_flags;

/// Opens and examines a file. `None` where it is a FIFO that is to be written to, and that no
/// process reads from yet: nothing was opened, and it is to be tried again later.
pub(super) fn open(path: &CStr, flags: i32, mode: u32) -> io::Result<Option<SharedFile>> {
    let flags = OFlag::from_bits_retain(flags) | OFlag::O_CLOEXEC;
    let mode = Mode::from_bits_truncate(mode as nix::libc::mode_t);
    let waits = waits_for_its_other_end(path, flags);
    let extra = if waits { OFlag::O_NONBLOCK } else { OFlag::empty() };
    let file = match retry_on_eintr(|| Ok(nix::fcntl::open(path, flags | extra, mode)?)) {
        Err(error) if waits && is(&error, Errno::ENXIO) => return Ok(None),
        result => File::from(result?),
    };
    if waits {
        // Whoever reads from it or writes to it is to wait, as after a plain open(2).
        let flags = OFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GETFL)?);
        fcntl(&file, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
    }
    Ok(Some(SharedFile::new(file, Path::new(OsStr::from_bytes(path.to_bytes())))?))
}

/// Reads a regular file of up to [`READ_FILE_BYTES_MAX`] to its end; opens any other.
pub(super) fn read_file(path: &CStr) -> io::Result<Output> {
    let Some(file) = open(path, nix::libc::O_RDONLY, 0)? else {
        return Err(Errno::ENXIO.into());
    };
    if !matches!(file.class(), FileClass::Regular | FileClass::Pseudo) {
        return Ok(Output::File(file));
    }
    match contents(&file) {
        Ok(None) => Ok(Output::File(file)),
        result => {
            close_here(file);
            result.map(|contents| Output::Contents(contents.unwrap_or_default()))
        }
    }
}

/// Whether a plain open(2) would wait until another process opens the FIFO at this path.
///
/// On Linux a reader waits in poll(2) as well, which reports no hang-up before the first writer has
/// come. A descriptor for both directions never waits.
fn waits_for_its_other_end(path: &CStr, flags: OFlag) -> bool {
    let direction = flags & OFlag::O_ACCMODE;
    let reads = direction == OFlag::O_RDONLY && cfg!(target_os = "linux");
    let waits = reads || direction == OFlag::O_WRONLY;
    let names_only = flags.bits() & open_flags::NAMES_ONLY != 0;
    if !waits || names_only || flags.contains(OFlag::O_NONBLOCK) {
        return false;
    }
    stat(path).is_ok_and(|found| {
        SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFIFO
    })
}

/// All bytes of the file; `None` where there are too many.
fn contents(file: &SharedFile) -> io::Result<Option<Vec<u8>>> {
    /// Files that the kernel makes up do not tell how long they are.
    const UNKNOWN: usize = 4096;
    let length = usize::try_from(file.file().metadata()?.len()).unwrap_or(usize::MAX);
    if length > READ_FILE_BYTES_MAX {
        return Ok(None);
    }
    // One byte more than expected: only a read that finds nothing more is the end.
    let capacity = if file.class() == FileClass::Pseudo { length.max(UNKNOWN) } else { length } + 1;
    let mut contents = Vec::with_capacity(capacity);
    while contents.len() <= READ_FILE_BYTES_MAX {
        let filled = contents.len();
        if filled == contents.capacity() {
            contents.reserve(filled);
        }
        let range = filled..contents.capacity();
        let mut op = Op::Read { buffer: Buffer::from(contents), range, offset: filled as u64 };
        let bytes = move_bytes(&mut op, file)?;
        let Op::Read { mut buffer, .. } = op else { unreachable!("a read stays a read") };
        buffer.set_len(filled + bytes);
        contents = Vec::from_buffer(buffer);
        if bytes == 0 {
            return Ok(Some(contents));
        }
    }
    Ok(None)
}

/// Closes the only share of a file on this thread. Merely dropped, a file of a remote file system
/// would be closed by a thread of its own.
fn close_here(file: SharedFile) {
    let released = pin!(file.released());
    drop(released.poll(&mut Context::from_waker(Waker::noop())));
}
