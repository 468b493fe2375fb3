//! The flags of open(2) that not every Unix has, and what is to be known about them.

pub use libc::{O_DIRECT, O_NOATIME, O_PATH, O_TMPFILE};

/// `O_DIRECT`, for code that is to compile where there is none, too.
pub const DIRECT: Option<i32> = Some(O_DIRECT);

/// What an attempt to open in place cannot judge or do: these flags change the disk.
pub(crate) const CHANGING: i32 = libc::O_CREAT | libc::O_TRUNC | O_TMPFILE;

/// What `F_SETFL` sets, and so clears where it is not given again.
pub(crate) const SETTABLE: i32 = libc::O_APPEND | O_DIRECT | O_NOATIME;

/// Whether pwrite(2) on a file opened with `O_APPEND` appends, whatever its offset.
pub(crate) const OFFSETS_APPEND: bool = true;

/// Whether this is a device of memory that has its bytes at hand: `null`, `zero`, `full`, `random`
/// and `urandom` of major number 1 (the kernel's devices.txt). Its `kmsg` is not: it waits.
pub(crate) fn is_memory_device(rdev: u64) -> bool {
    libc::major(rdev) == 1 && matches!(libc::minor(rdev), 3 | 5 | 7 | 8 | 9)
}
