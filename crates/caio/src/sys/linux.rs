//! What only Linux has.
//!
//! The first list is for the backends that are Linux's own. The second one is what `portable` has
//! as well, so that names and signatures of the two stay the same.

pub(crate) mod aio;
mod direct_call;
pub(crate) mod pthread;

pub(crate) mod event;
pub(crate) mod local;
pub(crate) mod nowait;
pub(crate) mod statfs;

/// Renaming that replaces nothing.
pub(crate) mod rename {
    use std::fs;
    use std::io;
    use std::path::Path;

    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;

    /// renameat2(2); where the file system has no such renaming, it is looked for before.
    pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) if fs::symlink_metadata(to).is_err() => {
                fs::rename(from, to)
            }
            result => Ok(result?),
        }
    }
}

/// A file's data to its device, as std has it.
pub(crate) mod flush {
    use std::fs::File;
    use std::io;

    /// fsync(2), or fdatasync(2) for the data alone.
    pub(crate) fn flush(file: &File, data_alone: bool) -> io::Result<()> {
        if data_alone { file.sync_data() } else { file.sync_all() }
    }
}

/// A file whose first byte is known, for trying a backend out.
pub(crate) mod known {
    use std::fs::File;
    use std::io::{self, Write};
    use std::path::PathBuf;

    use nix::sys::memfd::{MFdFlags, memfd_create};

    /// A file in memory where that is permitted, else the program itself; with a path for messages
    /// and the first byte.
    pub(crate) fn file() -> io::Result<(File, PathBuf, u8)> {
        const BYTE: u8 = 0xa5;
        const ELF: u8 = 0x7f;
        if let Ok(memory) = memfd_create(c"caio-probe", MFdFlags::MFD_CLOEXEC) {
            let mut memory = File::from(memory);
            if memory.write_all(&[BYTE]).is_ok() {
                return Ok((memory, PathBuf::from("/memfd:caio-probe"), BYTE));
            }
        }
        let program = PathBuf::from("/proc/self/exe");
        Ok((File::open(&program)?, program, ELF))
    }
}

/// The flags of open(2) that not every Unix has, and what is to be known about them.
pub(crate) mod open_flags {
    pub use libc::{O_DIRECT, O_NOATIME, O_PATH, O_TMPFILE};

    /// `O_DIRECT`, for code that is to compile where there is none, too.
    pub const DIRECT: Option<i32> = Some(O_DIRECT);

    /// What opens a name and no file, and so never waits.
    pub(crate) const NAMES_ONLY: i32 = O_PATH;

    /// Whether pwrite(2) on a file opened with `O_APPEND` appends, whatever its offset.
    pub(crate) const OFFSETS_APPEND: bool = true;

    /// Whether this is a device of memory that has its bytes at hand: `null`, `zero`, `full`,
    /// `random` and `urandom` of major number 1 (the kernel's devices.txt). Its `kmsg` is not: it
    /// waits.
    pub(crate) fn is_memory_device(rdev: u64) -> bool {
        libc::major(rdev) == 1 && matches!(libc::minor(rdev), 3 | 5 | 7 | 8 | 9)
    }
}

/// What wakes a thread out of poll(2): an eventfd.
pub(crate) mod notifier {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd};

    use nix::sys::eventfd::{EfdFlags, EventFd};

    /// Polls readable from the first notification until it is cleared.
    #[derive(Debug)]
    pub(crate) struct Notifier(EventFd);

    impl Notifier {
        /// One that has not been notified.
        pub(crate) fn new() -> io::Result<Self> {
            let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
            Ok(Self(EventFd::from_flags(flags)?))
        }

        /// Makes it readable, without waiting.
        pub(crate) fn notify(&self) {
            // It fails only where there were 2^64 - 2 notifications and none was cleared.
            let _ = self.0.write(1);
        }

        /// Forgets every notification so far.
        pub(crate) fn clear(&self) {
            let _ = self.0.read();
        }
    }

    impl AsFd for Notifier {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

/// statx(2), for what O_DIRECT asks of an open file: `STATX_DIOALIGN` (Linux 6.1),
/// `STATX_DIO_READ_ALIGN` (6.15) and `STATX_WRITE_ATOMIC` (6.11).
pub(crate) mod statx {
    use std::os::fd::BorrowedFd;

    use rustix::fs::{AtFlags, StatxFlags, statx};

    use crate::file::{AtomicWriteLimits, DirectAlignment};

    /// What to assume where the kernel does not tell: every disk in use accepts it.
    const SAFE: DirectAlignment = DirectAlignment { memory: 4096, read: 4096, write: 4096 };

    /// `stx_dio_read_offset_align`, since Linux 6.15.
    const STATX_DIO_READ_ALIGN: StatxFlags = StatxFlags::from_bits_retain(0x0002_0000);

    const STATX_WRITE_ATOMIC: StatxFlags = StatxFlags::from_bits_retain(0x0001_0000);

    /// Without asking a server.
    pub(crate) fn atomic_write_limits(file: BorrowedFd<'_>) -> Option<AtomicWriteLimits> {
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let stat = statx(file, c"", flags, STATX_WRITE_ATOMIC).ok()?;
        let is_told = stat.stx_mask & STATX_WRITE_ATOMIC.bits() != 0;
        (is_told && stat.stx_atomic_write_unit_max > 0).then_some(AtomicWriteLimits {
            unit_min: stat.stx_atomic_write_unit_min as usize,
            unit_max: stat.stx_atomic_write_unit_max as usize,
            segments_max: stat.stx_atomic_write_segments_max as usize,
        })
    }

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
}

/// Memory that the kernel empties in each forked child: `MADV_WIPEONFORK`, since Linux 4.14.
pub(crate) mod wiped {
    use std::ptr;
    use std::sync::atomic::AtomicU32;

    /// The kernel rounds it up where its pages are larger.
    const PAGE_BYTES: usize = 4096;

    /// A page that children find empty, kept as long as the process lives; `None` where the kernel
    /// has no such pages.
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
        // SAFETY: the page is zeroed, aligned to more than four bytes, never unmapped, and used as
        // this one number alone.
        Some(unsafe { &*number })
    }
}
