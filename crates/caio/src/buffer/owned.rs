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

/// The type, how it moves into a buffer, and how it comes back out of the memory that it was.
macro_rules! owned {
    ($($type:ty, $own:ident => $buffer:expr, $memory:pat => $back:expr, else $empty:expr;)*) => {$(
        impl private::Sealed for $type {}
        impl OwnedBuffer for $type {
            #[inline]
            fn into_buffer(self) -> Buffer {
                let $own = self;
                $buffer
            }

            #[inline]
            fn from_buffer(buffer: Buffer) -> Self {
                match buffer.memory {
                    $memory => $back,
                    _ => $empty,
                }
            }
        }
    )*};
}

owned! {
    Vec<u8>, vec => vec.into(), Memory::Vec(vec) => vec, else Self::new();
    BytesMut, bytes => bytes.into(), Memory::BytesMut(bytes) => bytes, else Self::new();
    AlignedBuffer, own => own.into(), Memory::Aligned(own) => own, else Self::default();
    PooledBuffer, own => own.into(), Memory::Pooled(own) => own, else Self::default();
    Bytes, bytes => bytes.into(), Memory::Bytes(bytes) => bytes, else Self::new();
    &'static [u8], bytes => bytes.into(), Memory::Static(bytes) => bytes, else &[];
    &'static str, text => text.as_bytes().into(),
        Memory::Static(bytes) => std::str::from_utf8(bytes).unwrap_or_default(), else "";
    String, text => text.into_bytes().into(),
        Memory::Vec(vec) => String::from_utf8(vec).unwrap_or_default(), else Self::new();
}

impl private::Sealed for Buffer {}
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

impl OwnedBufferMut for Vec<u8> {}
impl OwnedBufferMut for BytesMut {}
impl OwnedBufferMut for AlignedBuffer {}
impl OwnedBufferMut for PooledBuffer {}
impl OwnedBufferMut for Buffer {}
