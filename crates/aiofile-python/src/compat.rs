//! What the modules under caio's names are made of: operations on descriptors by their numbers,
//! awaited, or submitted and collected.

mod context;
mod descriptor;
mod operation;

pub(crate) use context::CompatContext;
pub(crate) use descriptor::{
    fdsync_descriptor, fsync_descriptor, read_descriptor, write_descriptor,
};
pub(crate) use operation::CompatOperation;
