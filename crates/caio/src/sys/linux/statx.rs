//! statx(2), for the O_DIRECT alignment of an open file: `STATX_DIOALIGN` (Linux 6.1) and
//! `STATX_DIO_READ_ALIGN` (6.15).

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::file::DirectAlignment;

/// What to assume where the kernel does not tell: every disk in use accepts it.
const SAFE: DirectAlignment = DirectAlignment { memory: 4096, read: 4096, write: 4096 };

/// `stx_dio_read_offset_align`, since Linux 6.15; not in every libc yet.
const STATX_DIO_READ_ALIGN: u32 = 0x0002_0000;

#[allow(unsafe_code)]
pub(crate) fn direct_alignment(file: BorrowedFd<'_>) -> Option<DirectAlignment> {
    let mut stat = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: the descriptor is borrowed for the call, the path is a static empty C string, and
    // `stat` is a local that outlives the call.
    let code = unsafe {
        libc::statx(
            file.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            libc::STATX_DIOALIGN | STATX_DIO_READ_ALIGN,
            stat.as_mut_ptr(),
        )
    };
    if code != 0 {
        return Some(SAFE);
    }
    // SAFETY: zeroed above and filled by the kernel; every bit pattern of its integers is valid.
    let stat = unsafe { stat.assume_init() };
    if stat.stx_mask & libc::STATX_DIOALIGN == 0 {
        return Some(SAFE);
    }
    if stat.stx_dio_offset_align == 0 {
        return None;
    }
    let write = u64::from(stat.stx_dio_offset_align);
    let read = match stat.stx_mask & STATX_DIO_READ_ALIGN {
        0 => write,
        _ => u64::from(stat.stx_dio_read_offset_align).max(1),
    };
    Some(DirectAlignment { memory: stat.stx_dio_mem_align.max(1) as usize, read, write })
}
