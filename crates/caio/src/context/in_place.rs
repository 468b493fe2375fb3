//! An operation that layers have let in, done on the calling thread where that needs no waiting.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Context, Inner};
use crate::config::BufferedWrites;
use crate::file::SharedFile;
use crate::in_place;
use crate::op::{Op, Output};

impl Context {
    /// What the operation gave; `None` where nothing was done and it has to go another way.
    pub(super) fn try_in_place(&self, file: Option<&SharedFile>, op: &mut Op) -> Option<Output> {
        let inner = &self.inner;
        let config = &inner.config;
        if !config.in_place || self.is_shut_down() || op.check().is_err() {
            return None;
        }
        self.check_fork().ok()?;
        let bytes_max = config.in_place_bytes_max;
        let (kind, length) = (op.kind(), op.length());
        let output = match (op, file) {
            (Op::Read { buffer, range, offset }, Some(file))
                if length > 0 && in_place::can_read(file) =>
            {
                let length = length.min(bytes_max);
                let range = range.start..range.start + length;
                let bytes = in_place::read(file, buffer, range, *offset)?;
                self.inner.metrics.in_place(kind, bytes, length);
                Output::Bytes(bytes)
            }
            (Op::Write { buffer, range, offset }, Some(file))
                if length > 0
                    && in_place::can_write(
                        file,
                        length,
                        bytes_max,
                        inner.writes_may_wait(file),
                    ) =>
            {
                let length = length.min(bytes_max);
                let bytes = &buffer.as_slice()[range.start..range.start + length];
                let written = in_place::write(file, bytes, *offset, inner.writes_may_wait(file))?;
                self.inner.metrics.in_place(kind, written, length);
                Output::Bytes(written)
            }
            (Op::Metadata, Some(file)) if file.file_system().is_local() => {
                let metadata = file.file().metadata().ok()?;
                self.inner.metrics.in_place_other();
                Output::Metadata(Box::new(metadata))
            }
            (Op::Open { path, flags, .. }, None) => {
                Output::File(self.open_cached(as_path(path), *flags)?)
            }
            (Op::ReadFile { path }, None) => {
                Output::Contents(self.read_file_cached(as_path(path))?)
            }
            _ => return None,
        };
        Some(output)
    }
}

impl Inner {
    /// What does buffered writes to this file.
    pub(super) fn buffered_writes(&self, file: Option<&SharedFile>) -> BufferedWrites {
        file.and_then(SharedFile::buffered_writes).unwrap_or(self.config.buffered_writes)
    }

    /// Whether those are done in place that could wait.
    pub(super) fn writes_may_wait(&self, file: &SharedFile) -> bool {
        self.buffered_writes(Some(file)) == BufferedWrites::InPlace
    }
}

fn as_path(path: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(path.to_bytes()))
}
