//! Which operations can be right, by whichever way they were made.

use std::borrow::Cow;
use std::ops::Range;

use super::{Op, OpKind};
use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind};

impl Op {
    /// Whether the operation makes sense, for a backend that acts on a value which may have been
    /// made field by field. Costs a few comparisons for each buffer.
    ///
    /// More than [`VECTOR_BUFFERS_MAX`](crate::VECTOR_BUFFERS_MAX) buffers are no error: the
    /// operation works on the first of them.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when a range lies outside the buffer's capacity (of a read) or
    /// contents (of a write), a buffer to read into cannot be written to, more bytes are skipped
    /// than there are, or the operation would end beyond the largest offset (2^63 - 1).
    ///
    /// ```
    /// use caio::{Buffer, Op};
    ///
    /// let op = Op::WriteVectored { buffers: vec![Buffer::from(vec![0; 8])], skip: 9, offset: 0 };
    /// let error = op.check().unwrap_err();
    /// assert_eq!(error.to_string(), "writev at offset 0: 9 bytes are skipped of 8");
    /// ```
    pub fn check(&self) -> Result<(), Error> {
        match self {
            Self::Read { buffer, range, offset } => check_read(buffer, range, *offset),
            Self::Write { buffer, range, offset } => check_write(range, buffer.len(), *offset),
            Self::ReadVectored { buffers, skip, offset } => check_buffers(buffers)
                .and_then(|()| check_vectored(total(buffers, Buffer::capacity), *skip, *offset))
                .map_err(|error| error.during(OpKind::ReadVectored).at(*offset)),
            Self::WriteVectored { buffers, skip, offset } => {
                check_vectored(total(buffers, Buffer::len), *skip, *offset)
                    .map_err(|error| error.during(OpKind::WriteVectored).at(*offset))
            }
            Self::SetLength { length } if i64::try_from(*length).is_err() => {
                let message =
                    format!("the length {length} is beyond the largest file offset, 2^63 - 1");
                Err(invalid(message).during(OpKind::SetLength))
            }
            Self::SetLength { .. }
            | Self::Fsync
            | Self::Fdatasync
            | Self::Open { .. }
            | Self::ReadFile { .. }
            | Self::Metadata
            | Self::Close { .. }
            | Self::Path { .. }
            | Self::Run { .. } => Ok(()),
        }
    }
}

/// Refuses a read that [`Op::read`] would refuse, before it takes the buffer.
#[inline]
pub(crate) fn check_read(buffer: &Buffer, range: &Range<usize>, offset: u64) -> Result<(), Error> {
    if !buffer.is_writable() {
        return Err(invalid("the buffer to read into is read-only").during(OpKind::Read));
    }
    check_range(range, buffer.capacity(), offset)
        .map_err(|error| error.during(OpKind::Read).at(offset))
}

/// Refuses a write that [`Op::write`] would refuse, before it takes the buffer.
pub(crate) fn check_write(range: &Range<usize>, length: usize, offset: u64) -> Result<(), Error> {
    check_range(range, length, offset).map_err(|error| error.during(OpKind::Write).at(offset))
}

fn check_buffers(buffers: &[Buffer]) -> Result<(), Error> {
    if buffers.iter().all(Buffer::is_writable) {
        return Ok(());
    }
    Err(invalid("a buffer to read into is read-only"))
}

fn check_vectored(total: usize, skip: usize, offset: u64) -> Result<(), Error> {
    if skip > total {
        return Err(invalid(format!("{skip} bytes are skipped of {total}")));
    }
    check_extent(total - skip, offset)
}

/// The bytes of all buffers together. The sum of many shares of the same bytes can be more than
/// there is memory.
pub(super) fn total(buffers: &[Buffer], size: fn(&Buffer) -> usize) -> usize {
    buffers.iter().map(size).fold(0, usize::saturating_add)
}

#[inline]
fn check_range(range: &Range<usize>, limit: usize, offset: u64) -> Result<(), Error> {
    if range.start > range.end || range.end > limit {
        return Err(invalid(format!("range {range:?} lies outside the buffer's {limit} bytes")));
    }
    check_extent(range.len(), offset)
}

/// Refuses an extent that ends beyond what a signed 64-bit offset can say.
#[inline]
pub(crate) fn check_extent(length: usize, offset: u64) -> Result<(), Error> {
    let end = u64::try_from(length).ok().and_then(|length| offset.checked_add(length));
    if end.is_none_or(|end| i64::try_from(end).is_err()) {
        return Err(invalid(format!(
            "offset {offset} + length {length} ends beyond the largest file offset, 2^63 - 1"
        )));
    }
    Ok(())
}

fn invalid(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::VECTOR_BUFFERS_MAX;

    #[test]
    fn ranges_and_offsets_are_checked_when_an_operation_is_made() {
        let buffer = || Buffer::from(vec![0; 8]);
        assert!(Op::read(buffer(), 0..9, 0).is_err());
        assert!(Op::write(buffer(), 0..8, u64::MAX).is_err());
        assert!(Op::write(buffer(), 0..8, i64::MAX as u64 - 8).is_ok());
        assert!(Op::write(buffer(), 0..8, i64::MAX as u64 - 7).is_err());
        assert!(Op::read(Buffer::from(&b"constant"[..]), 0..8, 0).is_err());
    }

    /// The operations that move bytes of these buffers, all of them.
    fn vectored(buffers: fn() -> Vec<Buffer>, skip: usize, offset: u64) -> [Op; 2] {
        [
            Op::ReadVectored { buffers: buffers(), skip, offset },
            Op::WriteVectored { buffers: buffers(), skip, offset },
        ]
    }

    #[test]
    fn a_value_made_field_by_field_is_checked_and_has_a_length() {
        let two = || vec![Buffer::from(vec![0; 8]), Buffer::from(vec![0; 4])];
        for (skip, offset, length) in [(0, 0, 12), (5, 0, 7), (12, i64::MAX as u64, 0)] {
            for op in vectored(two, skip, offset) {
                op.check().unwrap();
                assert_eq!(op.length(), length, "{op:?}");
            }
        }
        for (skip, offset) in [(13, 0), (usize::MAX, 0), (0, u64::MAX), (0, i64::MAX as u64 - 11)] {
            for op in vectored(two, skip, offset) {
                let error = op.check().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
                assert_eq!((error.operation(), error.offset()), (Some(op.kind()), Some(offset)));
                assert!(op.length() <= 12, "{op:?}");
            }
        }
        let reversed = Range { start: 8, end: 2 };
        for (range, offset) in [(reversed, 0), (0..9, 0), (9..9, 0), (0..8, i64::MAX as u64 - 7)] {
            let buffer = || Buffer::from(vec![0; 8]);
            let read = Op::Read { buffer: buffer(), range: range.clone(), offset };
            let write = Op::Write { buffer: buffer(), range: range.clone(), offset };
            for op in [read, write] {
                let error = op.check().unwrap_err();
                assert_eq!(error.operation(), Some(op.kind()), "{error}");
                assert!(op.length() <= 9, "{op:?}");
            }
        }
    }

    #[test]
    fn only_reads_need_writable_buffers_and_more_buffers_than_the_system_takes_are_no_error() {
        let constants = || vec![Buffer::from(vec![0; 8]), Buffer::from(&b"constant"[..])];
        let [read, write] = vectored(constants, 0, 0);
        let error = read.check().unwrap_err();
        assert_eq!(error.to_string(), "readv at offset 0: a buffer to read into is read-only");
        write.check().unwrap();
        let many = || (0..=VECTOR_BUFFERS_MAX).map(|_| Buffer::from(vec![0; 1])).collect();
        for op in vectored(many, 0, 0) {
            op.check().unwrap();
        }
    }

    #[test]
    fn shares_of_the_same_bytes_add_up_and_a_length_beyond_the_largest_offset_is_refused() {
        let shares = || {
            let bytes = bytes::Bytes::from(vec![0; 1 << 20]);
            (0..VECTOR_BUFFERS_MAX).map(|_| Buffer::from(bytes.clone())).collect()
        };
        let [_, write] = vectored(shares, 0, 0);
        write.check().unwrap();
        assert_eq!(write.length(), 1 << 30);
        Op::SetLength { length: i64::MAX as u64 }.check().unwrap();
        let error = Op::SetLength { length: 1 << 63 }.check().unwrap_err();
        assert_eq!(
            (error.kind(), error.operation()),
            (ErrorKind::InvalidInput, Some(OpKind::SetLength))
        );
    }
}
