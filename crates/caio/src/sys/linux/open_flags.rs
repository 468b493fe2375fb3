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
