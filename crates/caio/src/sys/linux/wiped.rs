//! Memory that the kernel empties in each forked child: `MADV_WIPEONFORK`, since Linux 4.14.

use std::ptr;
use std::sync::atomic::AtomicU32;

/// The kernel rounds it up where its pages are larger.
const PAGE_BYTES: usize = 4096;

/// A page that children find empty, kept as long as the process lives; `None` where the kernel has
/// no such pages.
#[allow(unsafe_code)]
pub(crate) fn page() -> Option<&'static AtomicU32> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping where the kernel likes, which replaces none.
    let address = unsafe { libc::mmap(ptr::null_mut(), PAGE_BYTES, protection, flags, -1, 0) };
    if address == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the mapping of this length was just made, and nothing is in it yet.
    if unsafe { libc::madvise(address, PAGE_BYTES, libc::MADV_WIPEONFORK) } != 0 {
        // SAFETY: as above, and nothing has its address.
        unsafe { libc::munmap(address, PAGE_BYTES) };
        return None;
    }
    let number = address.cast::<AtomicU32>();
    // SAFETY: the page is zeroed, aligned to more than four bytes, never unmapped, and used as this
    // one number alone.
    Some(unsafe { &*number })
}
