//! The answer to one request.

use std::io::{self, ErrorKind};
use std::ops::Range;

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use crate::body::Body;
use crate::conditions::{Validators, is_another, is_fresh, range_holds};
use crate::found::{File, find};
use crate::range::{Wanted, wanted};
use crate::serve_dir::Settings;

/// Never fails: what cannot be done is a status.
pub(crate) async fn answer(settings: &Settings, request: &Parts) -> Response<Body> {
    if request.method != Method::GET && request.method != Method::HEAD {
        let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let answered = match find(settings, request.uri.path(), &request.headers).await {
        Ok(Some(file)) => of_file(request, file).await,
        Ok(None) => Ok(to_directory(request)),
        Err(error) => Err(error),
    };
    let mut response = answered.unwrap_or_else(|error| status(status_of(&error)));
    if !settings.encodings.is_empty() {
        let encoding = HeaderValue::from_static("accept-encoding");
        response.headers_mut().append(header::VARY, encoding);
    }
    response
}

fn status_of(error: &io::Error) -> StatusCode {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
            StatusCode::NOT_FOUND
        }
        ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The order of the conditions is that of RFC 9110, 13.2.2.
async fn of_file(request: &Parts, file: File) -> io::Result<Response<Body>> {
    let (headers, length) = (&request.headers, file.metadata.len());
    let validators = Validators::of(&file.metadata);
    let range = match headers.get(header::RANGE) {
        Some(range) if request.method == Method::GET && range_holds(headers, &validators) => {
            wanted(range, length)
        }
        _ => Wanted::All,
    };
    let mut response = if is_another(headers, &validators) {
        status(StatusCode::PRECONDITION_FAILED)
    } else if is_fresh(headers, &validators) {
        status(StatusCode::NOT_MODIFIED)
    } else {
        match range {
            Wanted::None => {
                let mut response = status(StatusCode::RANGE_NOT_SATISFIABLE);
                put(&mut response, header::CONTENT_RANGE, format!("bytes */{length}"));
                return Ok(response);
            }
            Wanted::All => with_body(request, file, 0..length).await?,
            Wanted::Part(part) => {
                let range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
                let mut response = with_body(request, file, part).await?;
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                put(&mut response, header::CONTENT_RANGE, range);
                response
            }
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    validators.put_into(headers);
    Ok(response)
}

async fn with_body(request: &Parts, file: File, part: Range<u64>) -> io::Result<Response<Body>> {
    let length = part.end - part.start;
    let File { file, path, encoding, .. } = file;
    let body = match request.method == Method::HEAD {
        true => Body::empty(),
        false => Body::part(file, part).await?,
    };
    let mut response = Response::new(body);
    let guess = mime_guess::from_path(&path).first_or_octet_stream();
    put(&mut response, header::CONTENT_TYPE, guess.as_ref());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length.into());
    if let Some(encoding) = encoding {
        let token = HeaderValue::from_static(encoding.token());
        headers.insert(header::CONTENT_ENCODING, token);
    }
    Ok(response)
}

/// To the same path with a slash behind it, on this host.
fn to_directory(request: &Parts) -> Response<Body> {
    // Two slashes at the beginning would be another host.
    let path = request.uri.path().trim_start_matches('/');
    let query = request.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = status(StatusCode::PERMANENT_REDIRECT);
    put(&mut response, header::LOCATION, format!("/{path}/{query}"));
    response
}

/// A header whose value comes of what a client or a file's name says.
fn put(response: &mut Response<Body>, name: header::HeaderName, value: impl AsRef<str>) {
    let value = HeaderValue::from_str(value.as_ref());
    response.headers_mut().extend(value.map(|value| (name, value)));
}

/// A status with its own words as its text.
fn status(status: StatusCode) -> Response<Body> {
    let body = match status {
        StatusCode::NOT_MODIFIED => Body::empty(),
        _ => Body::of(status.canonical_reason().unwrap_or_default()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
