//! Which backend, asked by whom, and why not another.
