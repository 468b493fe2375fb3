//! What only Linux has.
//!
//! The first list is for the backends that are Linux's own. The second one is what `portable` has
//! as well, so that names and signatures of the two stay the same.

pub(crate) mod aio;
mod direct_call;
pub(crate) mod pthread;

pub(crate) mod event;
pub(crate) mod local;
pub(crate) mod notifier;
pub(crate) mod nowait;
pub(crate) mod statfs;
pub(crate) mod statx;
pub(crate) mod wiped;

/// Renaming that replaces nothing.
pub(crate) mod rename {
    use std::fs;
    use std::io;
    use std::path::Path;

    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;

    /// renameat2(2); where the file system has no such renaming, it is looked for before.
    pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) if fs::symlink_metadata(to).is_err() => {
                fs::rename(from, to)
            }
            result => Ok(result?),
        }
    }
}

/// A file's data to its device, as std has it.
pub(crate) mod flush {
    use std::fs::File;
    use std::io;

    /// fsync(2), or fdatasync(2) for the data alone.
    pub(crate) fn flush(file: &File, data_alone: bool) -> io::Result<()> {
        if data_alone { file.sync_data() } else { file.sync_all() }
    }
}

/// A file whose first byte is known, for trying a backend out.
pub(crate) mod known {
    use std::fs::File;
    use std::io::{self, Write};
    use std::path::PathBuf;

    use nix::sys::memfd::{MFdFlags, memfd_create};

    /// A file in memory where that is permitted, else the program itself; with a path for messages
    /// and the first byte.
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
}

/// The flags of open(2) that not every Unix has, and what is to be known about them.
pub(crate) mod open_flags {
    pub use libc::{O_DIRECT, O_NOATIME, O_PATH, O_TMPFILE};

    /// `O_DIRECT`, for code that is to compile where there is none, too.
    pub const DIRECT: Option<i32> = Some(O_DIRECT);

    /// What opens a name and no file, and so never waits.
    pub(crate) const NAMES_ONLY: i32 = O_PATH;

    /// Whether pwrite(2) on a file opened with `O_APPEND` appends, whatever its offset.
    pub(crate) const OFFSETS_APPEND: bool = true;

    /// Whether this is a device of memory that has its bytes at hand: `null`, `zero`, `full`,
    /// `random` and `urandom` of major number 1 (the kernel's devices.txt). Its `kmsg` is not: it
    /// waits.
    pub(crate) fn is_memory_device(rdev: u64) -> bool {
        libc::major(rdev) == 1 && matches!(libc::minor(rdev), 3 | 5 | 7 | 8 | 9)
    }
}
