//! The body of a response: nothing, bytes that are there, or a file that is read as it is sent.

use std::fmt;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aiofile::{AioFile, ChunkStream, Reader};
use bytes::Bytes;
use futures_core::Stream;
use http_body::{Frame, SizeHint};

/// What is no longer is read before the answer: one piece is cheaper than a stream of one.
const WHOLE_BYTES: u64 = 64 << 10;

/// What a slow client costs is a few of these.
const CHUNK_BYTES: usize = 256 << 10;

/// The bytes of a response of [`ServeDir`](crate::ServeDir).
pub struct Body(Kind);

enum Kind {
    Whole(Bytes),
    /// The chunks, and how many bytes are to come.
    Chunks(ChunkStream, u64),
}

impl Body {
    pub(crate) fn empty() -> Self {
        Self::of(Bytes::new())
    }

    pub(crate) fn of(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Whole(bytes.into()))
    }

    /// A part of a file.
    pub(crate) async fn part(file: AioFile, part: Range<u64>) -> io::Result<Self> {
        let length = part.end - part.start;
        if length <= WHOLE_BYTES {
            return Ok(Self::of(file.read_exact_at(length as usize, part.start).await?));
        }
        let chunks = Reader::new(file).offset(part.start).chunk_size(CHUNK_BYTES).chunks();
        Ok(Self(Kind::Chunks(chunks, length)))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    /// A file that was cut meanwhile is an error, which ends the connection: the client must not
    /// take what came for all.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let (chunks, left) = match &mut self.0 {
            Kind::Whole(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Kind::Whole(bytes) => {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes)))));
            }
            Kind::Chunks(_, 0) => return Poll::Ready(None),
            Kind::Chunks(chunks, left) => (chunks, left),
        };
        let chunk = match ready!(Pin::new(chunks).poll_next(cx)) {
            Some(Ok(mut chunk)) => {
                chunk.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= chunk.len() as u64;
                Ok(Frame::data(chunk))
            }
            Some(Err(error)) => Err(error),
            None => Err(ErrorKind::UnexpectedEof.into()),
        };
        if chunk.is_err() {
            *left = 0;
        }
        Poll::Ready(Some(chunk))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}

impl Body {
    fn left(&self) -> u64 {
        match &self.0 {
            Kind::Whole(bytes) => bytes.len() as u64,
            Kind::Chunks(_, left) => *left,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.left())
    }
}
