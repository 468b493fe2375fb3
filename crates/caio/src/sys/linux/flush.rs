//! A file's data to its device, as std has it.

use std::fs::File;
use std::io;

/// fsync(2), or fdatasync(2) for the data alone.
pub(crate) fn flush(file: &File, data_alone: bool) -> io::Result<()> {
    if data_alone { file.sync_data() } else { file.sync_all() }
}
