//! The pure-Rust thread pool.
