//! Which backend, asked for by whom, and why not another.

mod choice;
mod interim;

pub use choice::Choice;
pub use interim::Info;
pub(crate) use interim::{custom, open};
