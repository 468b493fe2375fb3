//! What may be written where the buffer does not come back.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{AlignedBuffer, Buffer, OwnedBuffer, PooledBuffer};

/// Bytes or text that can be written to a file, owned or borrowed for however long.
///
/// Closed: implemented for `Vec<u8>`, `String`, `[u8; N]`, `Bytes`, `BytesMut`, [`AlignedBuffer`],
/// [`PooledBuffer`], [`Buffer`], `Box`, `Arc` and `Cow` of `[u8]` and of `str`, and references to
/// most of them. What is owned is not copied, nor is what is shared by counting. What is borrowed
/// is copied where an operation takes it, since the kernel may use it for longer than the caller
/// waits; [`Bytes::from_static`] spares that copy for what lives as long as the program.
///
/// ```
/// use caio::{Buffer, IntoBuffer};
///
/// let of = |bytes: Buffer| String::from_utf8_lossy(bytes.as_slice()).into_owned();
/// assert_eq!(of(b"bytes".into_owned_buffer()), "bytes");
/// assert_eq!(of([b'a', b'b'].into_owned_buffer()), "ab");
/// assert_eq!(of(format!("{}", 1).as_str().into_owned_buffer()), "1");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written to a file as it is",
    label = "this is neither bytes nor text",
    note = "bytes and text can be written: `&[u8]`, `&str`, `[u8; N]`, `Vec<u8>`, `String`, \
            `Bytes`, `Box<[u8]>`, `Arc<[u8]>`, `Cow<[u8]>`, `Cow<str>`",
    note = "of a number take `value.to_le_bytes()`, of what can be printed `value.to_string()`"
)]
pub trait IntoBuffer: private::Sealed + Send {
    /// Gives the bytes to an operation.
    fn into_owned_buffer(self) -> Buffer;

    /// The bytes where they are.
    fn as_slice(&self) -> &[u8];
}

mod private {
    #[allow(unnameable_types)]
    pub trait Sealed {}
}

macro_rules! bytes {
    ($($type:ty, $value:ident => $buffer:expr, $slice:expr;)*) => {$(
        impl private::Sealed for $type {}
        impl IntoBuffer for $type {
            #[inline]
            fn into_owned_buffer(self) -> Buffer {
                let $value = self;
                $buffer
            }

            #[inline]
            fn as_slice(&self) -> &[u8] {
                let $value = self;
                $slice
            }
        }
    )*};
}

bytes! {
    Buffer, buffer => buffer, buffer.as_slice();
    Vec<u8>, vec => vec.into(), vec;
    String, text => text.into_buffer(), text.as_bytes();
    Bytes, bytes => bytes.into(), bytes;
    BytesMut, bytes => bytes.into(), bytes;
    AlignedBuffer, aligned => aligned.into(), aligned;
    PooledBuffer, pooled => pooled.into(), pooled;
    Box<[u8]>, boxed => boxed.into_vec().into(), boxed;
    Box<str>, boxed => boxed.into_string().into_buffer(), boxed.as_bytes();
    Arc<[u8]>, shared => Bytes::from_owner(shared).into(), shared;
    Arc<str>, shared => Bytes::from_owner(Arc::<[u8]>::from(shared)).into(), shared.as_bytes();
    Cow<'_, [u8]>, bytes => bytes.into_owned().into(), bytes;
    Cow<'_, str>, text => text.into_owned().into_buffer(), text.as_bytes();
    &[u8], slice => slice.to_vec().into(), slice;
    &str, text => text.as_bytes().to_vec().into(), text.as_bytes();
    &Vec<u8>, vec => vec.clone().into(), vec;
    &String, text => text.clone().into_buffer(), text.as_bytes();
    &Bytes, bytes => bytes.clone().into(), bytes;
    &Arc<[u8]>, shared => Bytes::from_owner(Arc::clone(shared)).into(), shared;
    &Box<[u8]>, boxed => boxed.to_vec().into(), boxed;
}

impl<const N: usize> private::Sealed for [u8; N] {}
impl<const N: usize> IntoBuffer for [u8; N] {
    #[inline]
    fn into_owned_buffer(self) -> Buffer {
        Vec::from(self).into()
    }

    #[inline]
    fn as_slice(&self) -> &[u8] {
        self
    }
}

impl<const N: usize> private::Sealed for &[u8; N] {}
impl<const N: usize> IntoBuffer for &[u8; N] {
    #[inline]
    fn into_owned_buffer(self) -> Buffer {
        self.to_vec().into()
    }

    #[inline]
    fn as_slice(&self) -> &[u8] {
        *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_bytes_arrives_as_it_is() {
        let text = String::from("bytes");
        let local: &str = &text;
        let boxed: Box<[u8]> = b"bytes"[..].into();
        let shared: Arc<[u8]> = b"bytes"[..].into();
        let buffers = [
            b"bytes".into_owned_buffer(),
            (*b"bytes").into_owned_buffer(),
            local.into_owned_buffer(),
            local.as_bytes().into_owned_buffer(),
            (&text).into_owned_buffer(),
            (&text.clone().into_bytes()).into_owned_buffer(),
            Cow::Borrowed(local).into_owned_buffer(),
            Cow::<[u8]>::Borrowed(local.as_bytes()).into_owned_buffer(),
            Arc::<str>::from(local).into_owned_buffer(),
            Box::<str>::from(local).into_owned_buffer(),
            (&boxed).into_owned_buffer(),
            boxed.into_owned_buffer(),
            (&shared).into_owned_buffer(),
            shared.into_owned_buffer(),
            (&Bytes::from_static(b"bytes")).into_owned_buffer(),
            BytesMut::from(&b"bytes"[..]).into_owned_buffer(),
            AlignedBuffer::copy_of(b"bytes", 512).into_owned_buffer(),
            text.clone().into_owned_buffer(),
        ];
        for buffer in buffers {
            assert_eq!(buffer.as_slice(), b"bytes", "{buffer:?}");
        }
        assert_eq!(IntoBuffer::as_slice(&local), b"bytes");
        assert_eq!(IntoBuffer::as_slice(b"bytes"), b"bytes");
        assert_eq!(IntoBuffer::as_slice(&Cow::<str>::Owned(text)), b"bytes");
    }

    #[test]
    fn what_is_owned_or_shared_is_not_copied() {
        let (vec, boxed) = (vec![1; 100], vec![2; 100].into_boxed_slice());
        let shared: Arc<[u8]> = vec![3; 100].into();
        let places = [vec.as_ptr(), boxed.as_ptr(), shared.as_ptr()];
        let buffers =
            [vec.into_owned_buffer(), boxed.into_owned_buffer(), shared.into_owned_buffer()];
        assert_eq!(buffers.each_ref().map(Buffer::as_ptr), places);
    }
}
