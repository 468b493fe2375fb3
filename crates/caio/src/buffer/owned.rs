//! The buffer types that users pass, and the way there and back.

use bytes::{Bytes, BytesMut};

use super::{AlignedBuffer, Buffer, Memory, PooledBuffer};

/// A type whose bytes can be written to a file: it moves in and comes back unchanged. Where it need
/// not come back, [`IntoBuffer`](super::IntoBuffer) takes more.
///
/// Closed: implemented for `Vec<u8>`, `String`, `Bytes`, `BytesMut`, `&'static [u8]`,
/// `&'static str`, [`AlignedBuffer`], [`PooledBuffer`] and [`Buffer`] itself. (`&b"x"[..]` makes
/// a slice of a byte string.)
///
/// ```
/// use caio::OwnedBuffer;
///
/// let buffer = String::from("some text").into_buffer();
/// assert_eq!(buffer.as_slice(), b"some text");
/// assert_eq!(String::from_buffer(buffer), "some text");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot move into an operation and come back",
    label = "the kernel may use these bytes for longer than the caller waits",
    note = "these are owned and can: `Vec<u8>`, `String`, `Bytes`, `BytesMut`, `AlignedBuffer`, \
            `PooledBuffer`, `Buffer`, and `&'static` bytes and text; `to_vec()` makes one",
    note = "buffers of different types in one list are each `Buffer::from(..)`"
)]
pub trait OwnedBuffer: private::Sealed + Send + 'static {
    /// Gives the bytes to an operation, without a copy.
    fn into_buffer(self) -> Buffer;

    /// Takes them back. An empty value where the operation was abandoned and keeps the memory.
    fn from_buffer(buffer: Buffer) -> Self;
}

/// A type that can be read into: a read fills its capacity from the start and sets its length.
///
/// ```
/// use caio::{Buffer, OwnedBufferMut};
///
/// fn to_read_into(memory: impl OwnedBufferMut) -> Buffer {
///     memory.into_buffer()
/// }
/// assert!(to_read_into(Vec::with_capacity(4096)).is_writable());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read into",
    label = "the kernel may write to this memory for longer than the caller waits",
    note = "these are owned and can: `Vec<u8>`, `BytesMut`, `AlignedBuffer`, `PooledBuffer`, \
            `Buffer`; a read fills the capacity, so make it with `Vec::with_capacity(..)`"
)]
pub trait OwnedBufferMut: OwnedBuffer {}

mod private {
    #[allow(unnameable_types)]
    pub trait Sealed {}
}

impl private::Sealed for Vec<u8> {}
impl OwnedBufferMut for Vec<u8> {}
impl OwnedBuffer for Vec<u8> {
    #[inline]
    fn into_buffer(self) -> Buffer {
        self.into()
    }

    #[inline]
    fn from_buffer(buffer: Buffer) -> Self {
        match buffer.memory {
            Memory::Vec(vec) => vec,
            _ => Self::new(),
        }
    }
}

impl private::Sealed for BytesMut {}
impl OwnedBufferMut for BytesMut {}
impl OwnedBuffer for BytesMut {
    #[inline]
    fn into_buffer(self) -> Buffer {
        self.into()
    }

    #[inline]
    fn from_buffer(buffer: Buffer) -> Self {
        match buffer.memory {
            Memory::BytesMut(bytes) => bytes,
            _ => Self::new(),
        }
    }
}

impl private::Sealed for AlignedBuffer {}
impl OwnedBufferMut for AlignedBuffer {}
impl OwnedBuffer for AlignedBuffer {
    #[inline]
    fn into_buffer(self) -> Buffer {
        self.into()
    }

    #[inline]
    fn from_buffer(buffer: Buffer) -> Self {
        match buffer.memory {
            Memory::Aligned(aligned) => aligned,
            _ => Self::default(),
        }
    }
}

impl private::Sealed for PooledBuffer {}
impl OwnedBufferMut for PooledBuffer {}
impl OwnedBuffer for PooledBuffer {
    #[inline]
    fn into_buffer(self) -> Buffer {
        self.into()
    }

    #[inline]
    fn from_buffer(buffer: Buffer) -> Self {
        match buffer.memory {
            Memory::Pooled(pooled) => pooled,
            _ => Self::default(),
        }
    }
}

impl private::Sealed for Bytes {}
impl OwnedBuffer for Bytes {
    fn into_buffer(self) -> Buffer {
        self.into()
    }

    fn from_buffer(buffer: Buffer) -> Self {
        match buffer.memory {
            Memory::Bytes(bytes) => bytes,
            _ => Self::new(),
        }
    }
}

impl private::Sealed for Buffer {}
impl OwnedBufferMut for Buffer {}
impl OwnedBuffer for Buffer {
    #[inline]
    fn into_buffer(self) -> Buffer {
        self
    }

    #[inline]
    fn from_buffer(buffer: Buffer) -> Self {
        buffer
    }
}

impl private::Sealed for &'static [u8] {}
impl OwnedBuffer for &'static [u8] {
    fn into_buffer(self) -> Buffer {
        self.into()
    }

    fn from_buffer(buffer: Buffer) -> Self {
        match buffer.memory {
            Memory::Static(bytes) => bytes,
            _ => &[],
        }
    }
}

impl private::Sealed for &'static str {}
impl OwnedBuffer for &'static str {
    fn into_buffer(self) -> Buffer {
        self.as_bytes().into()
    }

    fn from_buffer(buffer: Buffer) -> Self {
        match buffer.memory {
            Memory::Static(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
            _ => "",
        }
    }
}

impl private::Sealed for String {}
impl OwnedBuffer for String {
    fn into_buffer(self) -> Buffer {
        self.into_bytes().into()
    }

    fn from_buffer(buffer: Buffer) -> Self {
        match buffer.memory {
            Memory::Vec(vec) => String::from_utf8(vec).unwrap_or_default(),
            _ => Self::new(),
        }
    }
}
