//! The requests that the kernel holds, by index and generation.
