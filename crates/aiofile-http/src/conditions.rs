//! Conditional requests: what a client has already, and whether it is still the same.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{self, HeaderValue};

/// A time of change that is younger cannot tell two versions of a file apart.
const CERTAIN_AFTER: Duration = Duration::from_secs(2);

/// What tells one version of a file from another.
pub(crate) struct Validators {
    /// In its quotes; with `W/` in front where two versions might have the same.
    etag: String,
    /// In whole seconds, as HTTP has times.
    modified: SystemTime,
    is_certain: bool,
}

impl Validators {
    /// Of a file, by what its metadata says: another content has another time, size or number.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let (seconds, nanos) = (metadata.mtime(), metadata.mtime_nsec());
        let age = metadata.modified().ok().and_then(|time| time.elapsed().ok());
        let is_certain = age.is_some_and(|age| age > CERTAIN_AFTER);
        let weak = if is_certain { "" } else { "W/" };
        let (inode, length) = (metadata.ino(), metadata.len());
        Self {
            etag: format!("{weak}\"{inode:x}-{length:x}-{seconds:x}-{nanos:x}\""),
            modified: UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or(0)),
            is_certain,
        }
    }

    pub(crate) fn put_into(&self, headers: &mut HeaderMap) {
        let modified = httpdate::fmt_http_date(self.modified);
        headers.extend(HeaderValue::try_from(&self.etag).map(|etag| (header::ETAG, etag)));
        headers.extend(HeaderValue::try_from(modified).map(|time| (header::LAST_MODIFIED, time)));
    }
}

/// Whether the client wants an answer from another version alone, by `If-Match`, which compares
/// strongly, and only without it by `If-Unmodified-Since`.
pub(crate) fn is_another(headers: &HeaderMap, validators: &Validators) -> bool {
    if headers.contains_key(header::IF_MATCH) {
        let is_same = |etag: &str| validators.is_certain && etag == validators.etag;
        return !etags(headers, header::IF_MATCH).any(|etag| etag == "*" || is_same(etag));
    }
    let since = time(headers, header::IF_UNMODIFIED_SINCE);
    since.is_some_and(|since| validators.modified > since)
}

/// Whether the client has this version, by `If-None-Match`, and only without it by
/// `If-Modified-Since`.
pub(crate) fn is_fresh(headers: &HeaderMap, validators: &Validators) -> bool {
    let opaque = |etag: &str| etag.trim_start_matches("W/").to_owned();
    if headers.contains_key(header::IF_NONE_MATCH) {
        let own = opaque(&validators.etag);
        return etags(headers, header::IF_NONE_MATCH)
            .any(|etag| etag == "*" || opaque(etag) == own);
    }
    time(headers, header::IF_MODIFIED_SINCE).is_some_and(|since| validators.modified <= since)
}

/// Whether a range may be given: without `If-Range`, or where that means exactly this version. A
/// range of another version behind one of the former would be a file that never was.
pub(crate) fn range_holds(headers: &HeaderMap, validators: &Validators) -> bool {
    let Some(condition) = headers.get(header::IF_RANGE) else { return true };
    let is_same = match time(headers, header::IF_RANGE) {
        Some(time) => time == validators.modified,
        None => condition == validators.etag.as_str(),
    };
    is_same && validators.is_certain
}

/// The tags of a list. None of ours has a comma in it.
fn etags(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let lists = headers.get_all(name).into_iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim)
}

fn time(headers: &HeaderMap, name: header::HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}
