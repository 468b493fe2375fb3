//! statx(2), for the O_DIRECT alignment of an open file: `STATX_DIOALIGN` (Linux 6.1) and
//! `STATX_DIO_READ_ALIGN` (6.15).

use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, StatxFlags, statx};

use crate::file::DirectAlignment;

/// What to assume where the kernel does not tell: every disk in use accepts it.
const SAFE: DirectAlignment = DirectAlignment { memory: 4096, read: 4096, write: 4096 };

/// `stx_dio_read_offset_align`, since Linux 6.15.
const STATX_DIO_READ_ALIGN: StatxFlags = StatxFlags::from_bits_retain(0x0002_0000);

pub(crate) fn direct_alignment(file: BorrowedFd<'_>) -> Option<DirectAlignment> {
    let wanted = StatxFlags::DIOALIGN | STATX_DIO_READ_ALIGN;
    let Ok(stat) = statx(file, c"", AtFlags::EMPTY_PATH, wanted) else { return Some(SAFE) };
    let told = |flag: StatxFlags| stat.stx_mask & flag.bits() != 0;
    if !told(StatxFlags::DIOALIGN) {
        return Some(SAFE);
    }
    if stat.stx_dio_offset_align == 0 {
        return None;
    }
    let write = u64::from(stat.stx_dio_offset_align);
    let read = match told(STATX_DIO_READ_ALIGN) {
        true => u64::from(stat.stx_dio_read_offset_align).max(1),
        false => write,
    };
    Some(DirectAlignment { memory: stat.stx_dio_mem_align.max(1) as usize, read, write })
}
