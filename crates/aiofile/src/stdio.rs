//! The standard streams of the process, as files that hold up no runtime and no process.
//!
//! Reads and writes of terminals, pipes and sockets wait in the engine's one poll(2), and not each
//! in a thread. So a read of [`stdin`] to which nothing comes keeps neither the runtime nor the
//! process from ending, and a full pipe behind [`stdout`] takes no thread from anything else. The
//! descriptors are used as they are: `O_NONBLOCK`, which the shell and other processes would see,
//! is never set. Where a stream is a regular file, its position is shared with what the program
//! prints and with other processes.

mod input;
mod output;
mod standard;

use crate::File;
pub use input::{Stdin, stdin};
pub use output::{Stderr, Stdout, stderr, stdout};
