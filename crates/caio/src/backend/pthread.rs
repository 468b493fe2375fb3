//! The C-style pthread pool.
