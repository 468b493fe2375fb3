//! The answer to one request.

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};

use aiofile::{AioFile, ChunkStream, Reader, fs};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

use crate::conditions::{Validators, is_another, is_fresh, range_holds};
use crate::range::{Wanted, wanted};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Chunks that are read at once, and what a slow client costs.
const CHUNK_BYTES: usize = 64 << 10;

/// Never fails: what cannot be done is a status.
pub(crate) async fn respond(root: &Path, request: &Request<Incoming>) -> Response<Body> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match find(root, request.uri().path()).await {
        Ok((file, length, validators)) => answer(request, file, length, &validators),
        Err(error) => status(match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
                StatusCode::NOT_FOUND
            }
            ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
            ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }),
    }
}

/// Opens the file that a path of a URL means. What is no regular file or lies elsewhere is not
/// there.
async fn find(root: &Path, url: &str) -> io::Result<(AioFile, u64, Validators)> {
    let path = root.join(relative(url)?);
    // Symbolic links are followed first, to see where they lead. Whoever may change them in the
    // directory meanwhile is trusted.
    let path = fs::canonicalize(&path).await?;
    if !path.starts_with(root) || !fs::metadata(&path).await?.is_file() {
        return Err(ErrorKind::NotFound.into());
    }
    let file = AioFile::open(&path, "r").await?;
    let metadata = file.metadata().await?;
    Ok((file, metadata.len(), Validators::of(&metadata)))
}

/// The path below the directory: nothing in it leads upwards.
fn relative(url: &str) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let mut path = PathBuf::new();
    for part in url.split('/') {
        let name: Vec<u8> = percent_decode_str(part).collect();
        match name.as_slice() {
            b"" | b"." => {}
            b".." => return Err(ErrorKind::InvalidInput.into()),
            name if name.contains(&b'/') || name.contains(&0) => {
                return Err(ErrorKind::InvalidInput.into());
            }
            name => path.push(std::ffi::OsStr::from_bytes(name)),
        }
    }
    Ok(path)
}

/// The order of the conditions is that of RFC 9110, 13.2.2.
fn answer(
    request: &Request<Incoming>,
    file: AioFile,
    length: u64,
    validators: &Validators,
) -> Response<Body> {
    let headers = request.headers();
    let range = match headers.get(header::RANGE) {
        Some(range) if request.method() == Method::GET && range_holds(headers, validators) => {
            wanted(range, length)
        }
        _ => Wanted::All,
    };
    let mut response = if is_another(headers, validators) {
        status(StatusCode::PRECONDITION_FAILED)
    } else if is_fresh(headers, validators) {
        status(StatusCode::NOT_MODIFIED)
    } else {
        match range {
            Wanted::None => {
                let mut response = status(StatusCode::RANGE_NOT_SATISFIABLE);
                let range = format!("bytes */{length}");
                response.headers_mut().extend(
                    HeaderValue::try_from(range).map(|range| (header::CONTENT_RANGE, range)),
                );
                return response;
            }
            Wanted::All => with_body(request, file, 0..length),
            Wanted::Part(part) => {
                let range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
                let mut response = with_body(request, file, part);
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                response.headers_mut().extend(
                    HeaderValue::try_from(range).map(|range| (header::CONTENT_RANGE, range)),
                );
                response
            }
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    validators.put_into(headers);
    response
}

fn with_body(request: &Request<Incoming>, file: AioFile, part: Range<u64>) -> Response<Body> {
    let length = part.end - part.start;
    let body = if request.method() == Method::HEAD { empty() } else { body(file, part) };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length.into());
    let bytes = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, bytes);
    response
}

/// The bytes as they are read. The next chunk is asked for when the connection has room for it.
fn body(file: AioFile, part: Range<u64>) -> Body {
    let chunks = Reader::new(file).offset(part.start).chunk_size(CHUNK_BYTES).chunks();
    let frames = futures_util::stream::unfold((chunks, part.end - part.start), next_frame);
    StreamBody::new(frames.boxed()).boxed_unsync()
}

/// The next chunk, and how many bytes are left behind it. A file that was cut meanwhile is an
/// error, which ends the connection: the client must not take what came for all.
async fn next_frame(
    (mut chunks, left): (ChunkStream, u64),
) -> Option<(io::Result<Frame<Bytes>>, (ChunkStream, u64))> {
    if left == 0 {
        return None;
    }
    let chunk = match chunks.next().await {
        Some(Ok(mut chunk)) => {
            chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            chunk
        }
        Some(Err(error)) => return Some((Err(error), (chunks, 0))),
        None => return Some((Err(ErrorKind::UnexpectedEof.into()), (chunks, 0))),
    };
    let left = left - chunk.len() as u64;
    Some((Ok(Frame::data(chunk)), (chunks, left)))
}

/// A status with its own words as its text.
fn status(status: StatusCode) -> Response<Body> {
    let text = status.canonical_reason().unwrap_or_default();
    let is_bodiless = status == StatusCode::NOT_MODIFIED;
    let body = if is_bodiless {
        empty()
    } else {
        Full::from(text).map_err(|never| match never {}).boxed_unsync()
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn empty() -> Body {
    Full::default().map_err(|never| match never {}).boxed_unsync()
}
