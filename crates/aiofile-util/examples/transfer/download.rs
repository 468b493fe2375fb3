//! Gets a file in blocks.

use std::io;
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use hyper::body::Incoming;
use hyper::{Method, Response, StatusCode, Uri, header};

use crate::client::{request, send};
use crate::partial::{Partial, range};

/// Gets what is missing of the file.
pub(crate) async fn run(url: &Uri, file: &Path, connections: usize) -> io::Result<()> {
    let head =
        send(url, request(url)?.method(Method::HEAD), Bytes::new(), &[StatusCode::OK]).await?;
    let length = text(&head, header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let length =
        length.ok_or_else(|| io::Error::other(format!("{url}: its length is not told")))?;
    let version = version(&head);
    let partial = Partial::open(file, length, &version).await?;
    let missing = partial.missing();
    let count = missing.len();
    let fetches = stream::iter(missing).map(|block| fetch(url, block, length, &version, &partial));
    fetches.buffer_unordered(connections).try_collect::<()>().await?;
    partial.finish().await?;
    crate::say(&format!("{length} bytes, {count} of {} blocks fetched", partial.blocks())).await
}

async fn fetch(
    url: &Uri,
    block: u64,
    length: u64,
    expected: &str,
    partial: &Partial,
) -> io::Result<()> {
    let Range { start, end } = range(block, length);
    let wanted = format!("bytes={start}-{}", end - 1);
    let request = request(url)?.header(header::RANGE, wanted);
    let response = send(url, request, Bytes::new(), &[StatusCode::PARTIAL_CONTENT]).await?;
    let told = text(&response, header::CONTENT_RANGE);
    if told != Some(&format!("bytes {start}-{}/{length}", end - 1))
        || version(&response) != expected
    {
        return Err(io::Error::other(format!("{url}: it changed under way; start again")));
    }
    let written = partial.write(block, response.into_body()).await;
    written.map_err(|error| io::Error::new(error.kind(), format!("{url}: {error}")))
}

/// What tells one version of the file from another, as far as the server says.
fn version(response: &Response<Incoming>) -> String {
    let etag = text(response, header::ETAG).map(|etag| etag.trim_start_matches("W/"));
    etag.or(text(response, header::LAST_MODIFIED)).unwrap_or("no version").to_owned()
}

fn text(response: &Response<Incoming>, name: header::HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}
