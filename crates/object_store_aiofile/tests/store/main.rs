//! The store in the types of each version of object_store, held to what its trait says.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::single_range_in_vec_init, reason = "one range is meant")]

mod v0_13;
mod v0_14;
