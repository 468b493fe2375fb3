//! The `O_*` flags of open(2), for [`Context::open`](crate::Context::open). `O_DIRECT`,
//! `O_NOATIME`, `O_PATH` and `O_TMPFILE` are there on Linux alone.
//!
//! ```
//! use caio::flags;
//!
//! assert_eq!(flags::O_RDWR & flags::O_WRONLY, 0);
//! ```

pub use libc::{
    O_APPEND, O_CREAT, O_DIRECTORY, O_DSYNC, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR,
    O_SYNC, O_TRUNC, O_WRONLY,
};

pub use crate::sys::open_flags::*;
