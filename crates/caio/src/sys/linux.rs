//! What only Linux has.
//!
//! The first list is for the backends that are Linux's own. The second one is what `portable` has
//! as well, so that names and signatures of the two stay the same.

pub(crate) mod aio;
mod direct_call;
pub(crate) mod pthread;

pub(crate) mod event;
pub(crate) mod flush;
pub(crate) mod known;
pub(crate) mod local;
pub(crate) mod notifier;
pub(crate) mod nowait;
pub(crate) mod open_flags;
pub(crate) mod statfs;
pub(crate) mod statx;
pub(crate) mod wiped;
