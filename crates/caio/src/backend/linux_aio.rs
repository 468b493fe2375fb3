//! Linux kernel AIO.
