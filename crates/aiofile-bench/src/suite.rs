//! The cells: those for one disk, and those of the comparison with other libraries.

mod comparison;
mod disk;

pub use comparison::comparison;
pub use disk::disk;
