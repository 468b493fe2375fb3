//! A file whose first byte is known, for trying a backend out.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use nix::sys::memfd::{MFdFlags, memfd_create};

/// A file in memory where that is permitted, else the program itself; with a path for messages and
/// the first byte.
pub(crate) fn file() -> io::Result<(File, PathBuf, u8)> {
    const BYTE: u8 = 0xa5;
    const ELF: u8 = 0x7f;
    if let Ok(memory) = memfd_create(c"caio-probe", MFdFlags::MFD_CLOEXEC) {
        let mut memory = File::from(memory);
        if memory.write_all(&[BYTE]).is_ok() {
            return Ok((memory, PathBuf::from("/memfd:caio-probe"), BYTE));
        }
    }
    let program = PathBuf::from("/proc/self/exe");
    Ok((File::open(&program)?, program, ELF))
}
