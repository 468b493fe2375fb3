//! Which backend, asked for by whom, and why not another.

mod choice;

pub use choice::Choice;
