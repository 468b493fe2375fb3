//! The flags of open(2) that not every Unix has, and what is to be known about them.

pub use libc::{O_DIRECT, O_NOATIME, O_PATH, O_TMPFILE};

/// `O_DIRECT`, for code that is to compile where there is none, too.
pub const DIRECT: Option<i32> = Some(O_DIRECT);

/// What opens a name and no file, and so never waits.
pub(crate) const NAMES_ONLY: i32 = O_PATH;

/// Whether pwrite(2) on a file opened with `O_APPEND` appends, whatever its offset.
pub(crate) const OFFSETS_APPEND: bool = true;

/// Whether this is a device of memory that has its bytes at hand: `null`, `zero`, `full`, `random`
/// and `urandom` of major number 1 (the kernel's devices.txt). Its `kmsg` is not: it waits.
pub(crate) fn is_memory_device(rdev: u64) -> bool {
    libc::major(rdev) == 1 && matches!(libc::minor(rdev), 3 | 5 | 7 | 8 | 9)
}
