//! The few system calls that neither std nor nix wraps, each made safe in one small file.

#[cfg(target_os = "linux")]
pub(crate) mod statx;
