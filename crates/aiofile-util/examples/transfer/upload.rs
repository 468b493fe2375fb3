//! Gives a file in blocks.

use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use aiofile::AioFile;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http_body_util::BodyExt;
use hyper::http::request::Builder;
use hyper::{Method, StatusCode, Uri, header};

use crate::client::{request, send};
use crate::partial::range;

/// What tells one version of the file from another.
pub(crate) const VERSION: &str = "x-version";

/// How many bytes the whole file has.
pub(crate) const LENGTH: &str = "x-length";

/// Gives the blocks that the server says are missing.
pub(crate) async fn run(path: &Path, url: &Uri, connections: usize) -> io::Result<()> {
    let file = AioFile::open(path, "r").await?;
    let metadata = file.metadata().await?;
    let (length, changed) = (metadata.len(), (metadata.mtime(), metadata.mtime_nsec()));
    let version = format!("{}-{}-{}", metadata.ino(), changed.0, changed.1);
    let about = |request: Builder| request.header(VERSION, &version).header(LENGTH, length);

    let begin = about(request(url)?.method(Method::POST));
    let response = send(url, begin, Bytes::new(), &[StatusCode::OK]).await?;
    let missing = response.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    let missing: Vec<u64> =
        String::from_utf8_lossy(&missing).lines().filter_map(|line| line.parse().ok()).collect();
    let count = missing.len();
    let sends = stream::iter(missing).map(|block| {
        let (file, about) = (&file, &about);
        async move {
            let Range { start, end } = range(block, length);
            let bytes = file.read_exact_at((end - start) as usize, start).await?;
            let content = format!("bytes {start}-{}/{length}", end - 1);
            let put =
                about(request(url)?.method(Method::PUT)).header(header::CONTENT_RANGE, content);
            send(url, put, bytes, &[StatusCode::NO_CONTENT]).await
        }
    });
    sends.buffer_unordered(connections).map_ok(drop).try_collect::<()>().await?;

    let now = file.metadata().await?;
    if (now.len(), (now.mtime(), now.mtime_nsec())) != (length, changed) {
        let message = format!("{}: it changed under way; start again", path.display());
        return Err(io::Error::other(message));
    }
    let end = about(request(url)?.method(Method::POST)).header("x-end", "true");
    send(url, end, Bytes::new(), &[StatusCode::CREATED]).await?;
    crate::say(&format!("{length} bytes, {count} blocks sent")).await
}
