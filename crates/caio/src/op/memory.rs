//! The memory of a transfer: where it lies, as the kernel takes it, and what was filled of it.

use std::ffi::c_void;
use std::io;

use super::{Op, VECTOR_BUFFERS_MAX};

/// What a vectored transfer names to the kernel (`struct iovec`): the parts of its buffers. They
/// lie on the heap, so that moving this value leaves them where the kernel may read them later.
#[derive(Debug, Default)]
pub(crate) struct Vectors(Vec<libc::iovec>);

// SAFETY: the addresses are only numbers here; nothing follows them but the kernel, for which
// whoever has this keeps the buffers alive.
#[allow(unsafe_code)]
unsafe impl Send for Vectors {}

impl Vectors {
    /// The allocation for use again, if there is one.
    pub(crate) fn recycled(mut self) -> Option<Self> {
        self.0.clear();
        (self.0.capacity() > 0).then_some(self)
    }

    /// Names what lies behind the first `skip` bytes of the parts. What is too much for one call is
    /// left out: it comes with the next, as after any short transfer.
    fn name(
        &mut self,
        parts: impl Iterator<Item = (*const u8, usize)>,
        mut skip: usize,
        mut bytes_max: usize,
    ) -> (*mut c_void, usize) {
        self.0.clear();
        for (start, length) in parts {
            let skipped = skip.min(length);
            skip -= skipped;
            let iov_len = (length - skipped).min(bytes_max);
            if iov_len > 0 && self.0.len() < VECTOR_BUFFERS_MAX {
                bytes_max -= iov_len;
                let iov_base = start.wrapping_add(skipped).cast_mut().cast();
                self.0.push(libc::iovec { iov_base, iov_len });
            }
        }
        (self.0.as_mut_ptr().cast(), self.0.len())
    }
}

impl Op {
    /// The memory of a transfer of at most `bytes_max` bytes: its address and its length; of a
    /// vectored one the address of `vectors` and how many they are. The addresses are good for as
    /// long as the buffers and the vectors are kept.
    ///
    /// # Errors
    /// Those of [`check`](Self::check); EOPNOTSUPP for what moves no bytes of its own.
    pub(crate) fn memory(
        &mut self,
        vectors: &mut Vectors,
        bytes_max: usize,
    ) -> io::Result<(*mut c_void, usize)> {
        self.check()?;
        Ok(match self {
            Self::Read { buffer, range, .. } => {
                let start = buffer.as_mut_ptr().wrapping_add(range.start);
                (start.cast(), range.len().min(bytes_max))
            }
            Self::Write { buffer, range, .. } => {
                let start = buffer.as_ptr().wrapping_add(range.start);
                (start.cast_mut().cast(), range.len().min(bytes_max))
            }
            Self::ReadVectored { buffers, skip, .. } => {
                let parts = buffers
                    .iter_mut()
                    .map(|buffer| (buffer.as_mut_ptr().cast_const(), buffer.capacity()));
                vectors.name(parts, *skip, bytes_max)
            }
            Self::WriteVectored { buffers, skip, .. } => {
                let parts = buffers.iter().map(|buffer| (buffer.as_ptr(), buffer.len()));
                vectors.name(parts, *skip, bytes_max)
            }
            Self::Fsync
            | Self::Fdatasync
            | Self::Open { .. }
            | Self::ReadFile { .. }
            | Self::Metadata
            | Self::SetLength { .. }
            | Self::Close { .. }
            | Self::Path { .. }
            | Self::Run { .. } => return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP)),
        })
    }

    /// Notes that the kernel has moved so many bytes. What was read becomes part of what the
    /// buffers may show; their lengths are left to whoever asked for the read.
    ///
    /// # Safety
    /// The kernel was given what [`memory`](Self::memory) named, and says that it has moved the
    /// first `bytes` bytes of that.
    #[allow(unsafe_code)]
    pub(crate) unsafe fn moved(&mut self, mut bytes: usize) {
        match self {
            Self::Read { buffer, range, .. } => {
                // SAFETY: they were read to the start of the range, which lies within the capacity.
                unsafe { buffer.assume_filled(range.start, bytes) };
            }
            Self::ReadVectored { buffers, skip, .. } => {
                let mut skip = *skip;
                for buffer in buffers {
                    let start = skip.min(buffer.capacity());
                    let filled = bytes.min(buffer.capacity() - start);
                    (skip, bytes) = (skip - start, bytes - filled);
                    if filled > 0 {
                        // SAFETY: the capacities behind what was skipped are filled one after the
                        // other, so that this part of the bytes lies here.
                        unsafe { buffer.assume_filled(start, filled) };
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Buffer;

    fn named(vectors: &Vectors) -> Vec<(*const u8, usize)> {
        vectors.0.iter().map(|part| (part.iov_base.cast_const().cast(), part.iov_len)).collect()
    }

    #[test]
    fn skipped_bytes_and_empty_buffers_have_no_vector() {
        let buffers = || [b"ab".to_vec(), Vec::new(), b"cdef".to_vec()].map(Buffer::from).into();
        let mut vectors = Vectors::default();
        for (skip, bytes_max, lengths) in
            [(0, 9, &[2, 4][..]), (1, 9, &[1, 4]), (3, 9, &[3]), (6, 9, &[]), (1, 2, &[1, 1])]
        {
            let mut op = Op::WriteVectored { buffers: buffers(), skip, offset: 0 };
            let (start, count) = op.memory(&mut vectors, bytes_max).unwrap();
            assert_eq!((start.cast(), count), (vectors.0.as_mut_ptr(), lengths.len()));
            assert_eq!(named(&vectors).iter().map(|part| part.1).collect::<Vec<_>>(), lengths);
            let Op::WriteVectored { buffers, .. } = op else { unreachable!() };
            if skip == 3 {
                assert_eq!(named(&vectors)[0].0, buffers[2].as_ptr().wrapping_add(1));
            }
        }
    }

    #[test]
    fn operations_made_by_hand_cannot_reach_outside_their_buffers() {
        let buffer = || Buffer::from(vec![0; 8]);
        let constant = || Buffer::from(&b"constant"[..]);
        for mut op in [
            Op::Read { buffer: buffer(), range: 0..9, offset: 0 },
            Op::Read { buffer: buffer(), range: 0..8, offset: u64::MAX },
            Op::Read { buffer: constant(), range: 0..8, offset: 0 },
            Op::Write { buffer: buffer(), range: 4..9, offset: 0 },
            #[allow(clippy::reversed_empty_ranges)]
            Op::Write { buffer: buffer(), range: 8..4, offset: 0 },
            Op::ReadVectored { buffers: vec![constant()], skip: 0, offset: 0 },
            Op::WriteVectored { buffers: vec![buffer()], skip: 9, offset: 0 },
        ] {
            let error = op.memory(&mut Vectors::default(), usize::MAX).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{op:?}");
        }
        let error = Op::Metadata.memory(&mut Vectors::default(), usize::MAX).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EOPNOTSUPP));
    }

    #[test]
    #[allow(unsafe_code)]
    fn a_read_shows_what_it_brought_and_nothing_beyond() {
        let mut op = Op::read(Buffer::from(Vec::with_capacity(64)), 8..64, 0).unwrap();
        let (start, length) = op.memory(&mut Vectors::default(), usize::MAX).unwrap();
        assert_eq!(length, 56);
        // SAFETY: within the capacity of the buffer above, which nothing else uses.
        unsafe { start.cast::<u8>().write_bytes(7, 4) };
        // SAFETY: these bytes were written above.
        unsafe { op.moved(4) };
        let Op::Read { mut buffer, .. } = op else { unreachable!() };
        buffer.set_len(64);
        assert_eq!(buffer.as_slice(), [[0; 8].as_slice(), &[7; 4]].concat());
    }

    #[test]
    #[allow(unsafe_code)]
    fn a_read_that_filled_nothing_of_a_buffer_makes_nothing_of_it_visible() {
        let filled = vec![1; 4];
        let untouched = Vec::with_capacity(filled.capacity());
        let mut op =
            Op::ReadVectored { buffers: vec![filled.into(), untouched.into()], skip: 2, offset: 0 };
        // SAFETY: these bytes were there from the start.
        unsafe { op.moved(2) };
        let Op::ReadVectored { mut buffers, .. } = op else { unreachable!() };
        buffers.iter_mut().for_each(|buffer| buffer.set_len(4));
        assert_eq!(buffers.iter().map(Buffer::len).collect::<Vec<_>>(), [4, 0]);
    }
}
