//! Models of the state machines: the code itself, run in every order of its threads, or in many.
//!
//! With `--cfg caio_loom` loom runs them exhaustively, with `--cfg caio_shuttle` shuttle runs the
//! larger ones in orders that it draws. What they prove, how each is seen to find a planted defect
//! and how a failure is replayed: docs/testing.md.

pub(crate) mod backend;
#[cfg(caio_loom)]
pub(crate) mod exhaustive;
#[cfg(caio_shuttle)]
pub(crate) mod random;
pub(crate) mod system;
pub(crate) mod task;
mod threads;
