//! The few system calls that neither std nor nix wraps, each made safe in one small file.
//!
//! What only Linux has lies in `linux`. `portable` answers the same questions on other Unix
//! systems, mostly with "not here"; everything above goes on as on a kernel that lacks the call.
//! The cfg `caio_portable` takes that side on Linux, too, so that it can be tested there.

pub(crate) mod file_size_limit;
#[cfg(all(target_os = "linux", not(caio_portable)))]
mod linux;
#[cfg(not(all(target_os = "linux", not(caio_portable))))]
mod portable;
pub(crate) mod process;
pub(crate) mod transfer;

#[cfg(all(target_os = "linux", not(caio_portable)))]
pub(crate) use linux::*;
#[cfg(not(all(target_os = "linux", not(caio_portable))))]
pub(crate) use portable::*;
