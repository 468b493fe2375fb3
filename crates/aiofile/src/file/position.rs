//! The position of a descriptor that was opened elsewhere and that others may share.
//!
//! A duplicate of standard output, or a descriptor that a child process has too, has one position
//! for all, which read(2) and write(2) move. The engine reads and writes by offset and moves
//! nothing. So a handle on such a descriptor takes its position over before each operation and
//! moves it along after it. A write moves it before, over the bytes that are to be written, in one
//! step: what others write meanwhile then lies behind them.

use std::fs;
use std::io::{Seek, SeekFrom};
use std::sync::atomic::Ordering;

use caio::{Error, FileClass, Result, SharedFile};

use super::File;
use crate::aio_file::AioFile;

impl File {
    /// Takes over where others have moved the position.
    pub(super) fn adopt_position(&mut self) {
        if let Some(position) = self.shared_position() {
            self.set_position(position);
        }
    }

    /// From now on the cursor is the descriptor's own position, which another descriptor has too.
    /// Returns where it is.
    ///
    /// # Errors
    /// What lseek(2) answers; nothing has changed then.
    pub(super) fn share_position(&self) -> Result<u64> {
        let shared = self.file.file()?;
        if !shared.is_seekable() || self.shares_position.load(Ordering::Acquire) {
            return Ok(self.settled_position(false));
        }
        let position = self.settled_position(true);
        match shared.file().seek(SeekFrom::Start(position)) {
            Ok(_) => self.shares_position.store(true, Ordering::Release),
            Err(error) if has_position(shared) => {
                return Err(Error::system(error).on(shared.path()));
            }
            // A device without one.
            Err(_) => {}
        }
        Ok(position)
    }

    /// The position that is shared, unless a change of this handle's is under way and will move it.
    pub(super) fn shared_position(&self) -> Option<u64> {
        self.shared().filter(|_| self.is_idle())?.stream_position().ok()
    }

    /// Moves the shared position to the cursor. What cannot be moved stays, and the next operation
    /// begins there.
    pub(crate) fn publish_position(&self) {
        if let Some(mut file) = self.shared().filter(|_| self.is_idle()) {
            let _ = file.seek(SeekFrom::Start(self.position));
        }
    }

    /// Moves the cursor, and the shared position before it, which the system may refuse.
    ///
    /// # Errors
    /// What lseek(2) answers; nothing has moved then.
    pub(super) fn seek_to(&mut self, position: u64) -> Result<()> {
        if let Some(mut file) = self.shared() {
            let moved = file.seek(SeekFrom::Start(position));
            moved.map_err(|error| match self.file.file() {
                Ok(shared) => Error::system(error).on(shared.path()),
                Err(closed) => closed,
            })?;
        }
        self.set_position(position);
        Ok(())
    }

    /// Moves the shared position over `length` bytes that are about to be written, and the cursor
    /// to where they begin. Returns where they end; nothing where a write has no place of its own.
    pub(super) fn reserve_place(&mut self, length: usize) -> Option<u64> {
        let is_append = self.file.file().is_ok_and(SharedFile::is_append);
        let (mut file, distance) = (self.shared()?, i64::try_from(length).ok()?);
        if !is_append && let Ok(end) = file.seek(SeekFrom::Current(distance)) {
            self.set_position(end - length as u64);
            return Some(end);
        }
        self.adopt_position();
        None
    }

    /// Moves the shared position back to the end of a write that was not written whole, unless
    /// others have moved it since; and to the cursor where no place was reserved.
    pub(super) fn release_place(&self, reserved: Option<u64>) {
        if reserved.is_none() || self.shared_position() == reserved {
            self.publish_position();
        }
    }

    fn shared(&self) -> Option<&fs::File> {
        let file =
            self.file.file().ok().filter(|_| self.shares_position.load(Ordering::Acquire))?;
        Some(file.file())
    }
}

/// The position of a descriptor that was opened elsewhere; `None` where that has no meaning, and
/// for a file that this crate opened, whose position nothing moves.
pub(crate) fn position(file: &AioFile) -> Option<u64> {
    let shared = file.file().ok().filter(|_| file.is_foreign())?;
    shared.file().stream_position().ok()
}

/// Whether the position of this file's descriptor is for others to move and to expect.
pub(super) fn is_shared(file: &AioFile) -> bool {
    file.is_foreign() && file.file().is_ok_and(has_position)
}

/// Whether a file of this kind has a position that reads and writes move.
fn has_position(file: &SharedFile) -> bool {
    matches!(file.class(), FileClass::Regular | FileClass::Block)
}
