//! How large the scratch files of `aiofile bench` are: what `--size` says, and what is free.

use crate::cell::{Cell, Work};

/// The sizes of the scratch files, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Of the file that is read.
    pub data: u64,
    /// Of the file that is overwritten.
    pub target: u64,
    /// Of the log.
    pub log: u64,
    /// Of all small files together.
    pub files: u64,
}

const LARGEST_BLOCK: u64 = 1 << 20;
const SMALL_FILES_BYTES_MAX: u64 = 4096 * 4096;

impl Sizes {
    /// What follows from the size that is wanted, and from what is free.
    ///
    /// # Errors
    /// Where too little is free for anything.
    pub fn new(wanted: Option<u64>, free: u64) -> Result<Self, String> {
        // The other files together take less than half as much again, and half of what is free
        // stays.
        let possible = free / 3;
        let data = match wanted {
            Some(size) if size > possible => {
                return Err(format!("--size {size} is more than a third of the {free} bytes free"));
            }
            Some(size) => size,
            None => possible.min(256 << 20),
        };
        let data = data / LARGEST_BLOCK * LARGEST_BLOCK;
        if data < LARGEST_BLOCK {
            let message = "less than 1 MiB to work on; say another PATH, or another --size";
            return Err(message.to_owned());
        }
        Ok(Self {
            data,
            target: (data / 4).max(LARGEST_BLOCK),
            log: data / 8,
            files: (data / 16).clamp(64 * 4096, SMALL_FILES_BYTES_MAX),
        })
    }

    /// Gives the cells' files their sizes.
    pub fn apply(self, cells: &mut [Cell]) {
        for cell in cells {
            cell.size = match cell.work {
                Work::DurableAppend => 0,
                Work::WholeFiles | Work::Path(_) => self.files,
                Work::LineBytes | Work::LineStrings => self.log,
                _ if cell.writes() => self.target,
                _ => self.data,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_leave_room_and_hold_whole_blocks() {
        let sizes = Sizes::new(None, 300 << 20).unwrap();
        assert_eq!(sizes.data, 100 << 20);
        let together = sizes.data + sizes.target + sizes.log + sizes.files;
        assert!(together <= 150 << 20, "{together}");
        assert_eq!(Sizes::new(None, 1 << 40).unwrap().data, 256 << 20);
        assert_eq!(Sizes::new(Some(5 << 20), 1 << 40).unwrap().data, 5 << 20);
        assert!(Sizes::new(Some(1 << 30), 1 << 30).is_err());
        assert!(Sizes::new(None, 1 << 20).is_err());
    }
}
