//! The flags of open(2) that options stand for.

use caio::{Error, ErrorKind, Result, flags};

use super::OpenOptions;
use crate::mode::Mode;

impl OpenOptions {
    /// The mode string that comes closest.
    pub(super) fn as_mode(&self) -> Mode {
        let (alone, with_reading) = match self {
            Self { append: true, .. } => (Mode::APPEND, Mode::APPEND_READ),
            Self { create_new: true, .. } => (Mode::CREATE_NEW, Mode::CREATE_NEW_READ),
            Self { truncate: true, .. } => (Mode::WRITE, Mode::WRITE_READ),
            Self { write: true, .. } => (Mode::WRITE, Mode::READ_WRITE),
            _ => (Mode::READ, Mode::READ),
        };
        if self.read { with_reading } else { alone }
    }

    pub(super) fn flags(&self) -> Result<i32> {
        let access = match (self.read, self.write || self.append) {
            (true, true) => flags::O_RDWR,
            (true, false) => flags::O_RDONLY,
            (false, true) => flags::O_WRONLY,
            (false, false) => return Err(contradiction("neither read, write nor append is set")),
        };
        let writes = self.write || self.append;
        if (self.create || self.create_new) && !writes {
            return Err(contradiction("creating a file needs write or append"));
        }
        // As std has it: a file that must be new has nothing to cut off.
        if self.truncate && !self.create_new && (self.append || !self.write) {
            return Err(contradiction("truncating a file needs write, without append"));
        }
        if self.atomic_writes
            && (!self.asks_for_direct() || !self.write || self.append || self.bounce)
        {
            return Err(contradiction(
                "atomic writes need direct and write, without append and bounce",
            ));
        }
        let chosen = [
            (self.append, flags::O_APPEND),
            (self.truncate && !self.create_new, flags::O_TRUNC),
            (self.create, flags::O_CREAT),
            (self.create_new, flags::O_CREAT | flags::O_EXCL),
            (self.direct, self.direct_flag()),
        ];
        let chosen = chosen.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag);
        // What was said with `read` and `write` holds.
        let custom = self.custom_flags & !(flags::O_WRONLY | flags::O_RDWR);
        Ok(chosen.fold(access | custom, |flags, flag| flags | flag))
    }

    fn asks_for_direct(&self) -> bool {
        self.direct || flags::DIRECT.is_some_and(|flag| self.custom_flags & flag != 0)
    }

    pub(super) fn direct_flag(&self) -> i32 {
        flags::DIRECT.filter(|_| self.direct).unwrap_or(0)
    }
}

/// Options that do not go together.
pub(super) fn contradiction(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, message).during(caio::OpKind::Open)
}
