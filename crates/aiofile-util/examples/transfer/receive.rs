//! Takes uploads: POST begins one and tells which blocks are missing, PUT brings a block, and POST
//! with `x-end` gives the file its name.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use aiofile::fs;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use crate::BLOCK_BYTES;
use crate::partial::{Partial, range};
use crate::upload::{LENGTH, VERSION};

/// The directory, and the uploads on their way by name, with their version.
struct Uploads {
    directory: PathBuf,
    open: Mutex<HashMap<String, (String, Arc<Partial>)>>,
}

/// Takes uploads until the process is ended.
pub(crate) async fn run(listen: SocketAddr, directory: PathBuf) -> io::Result<()> {
    let directory = fs::canonicalize(directory).await?;
    let uploads = Arc::new(Uploads { directory, open: Mutex::default() });
    let listener = TcpListener::bind(listen).await?;
    crate::say(&format!("http://{}/", listener.local_addr()?)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let uploads = Arc::clone(&uploads);
        let service = service_fn(move |request| {
            let uploads = Arc::clone(&uploads);
            async move { Ok::<_, Infallible>(uploads.answer(request).await) }
        });
        // A client that went away is no trouble of the server's.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

impl Uploads {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, text) = match self.take(request).await {
            Ok(answer) => answer,
            Err(error) => {
                let status = match error.kind() {
                    ErrorKind::InvalidInput | ErrorKind::InvalidData => StatusCode::BAD_REQUEST,
                    ErrorKind::AlreadyExists | ErrorKind::WouldBlock => StatusCode::CONFLICT,
                    ErrorKind::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
                    _ => StatusCode::INTERNAL_SERVER_ERROR,
                };
                (status, format!("{error}\n"))
            }
        };
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        response
    }

    async fn take(&self, request: Request<Incoming>) -> io::Result<(StatusCode, String)> {
        let text = |name: &str| request.headers().get(name)?.to_str().ok();
        let number = |name: &str| text(name)?.parse::<u64>().ok();
        let name = request.uri().path().trim_start_matches('/').to_owned();
        // One plain name, so that nothing leads out of the directory.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_plain = !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain);
        let (true, Some(version), Some(length)) = (is_plain, text(VERSION), number(LENGTH)) else {
            return Err(refuse("a plain name, a version and a length are needed"));
        };
        let partial = self.partial(&name, version, length).await?;
        let missing = partial.missing();
        match *request.method() {
            Method::PUT => {
                let start = text(header::CONTENT_RANGE.as_str()).and_then(|range| {
                    range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
                });
                let block = start.unwrap_or(u64::MAX) / BLOCK_BYTES;
                if block >= partial.blocks() || start != Some(range(block, length).start) {
                    return Err(refuse("the range is no block"));
                }
                partial.write(block, request.into_body()).await?;
                Ok((StatusCode::NO_CONTENT, String::new()))
            }
            Method::POST if text("x-end").is_none() => {
                let missing = missing.iter().map(|block| format!("{block}\n"));
                Ok((StatusCode::OK, missing.collect()))
            }
            Method::POST if missing.is_empty() => {
                self.open.lock().await.remove(&name);
                partial.finish().await?;
                Ok((StatusCode::CREATED, String::new()))
            }
            _ => Err(refuse("blocks are missing")),
        }
    }

    /// The upload that is on its way, or one that begins or goes on. Another version of the file
    /// takes the place of the former.
    async fn partial(&self, name: &str, version: &str, length: u64) -> io::Result<Arc<Partial>> {
        let mut open = self.open.lock().await;
        match open.get(name) {
            Some((known, partial)) if known == version => Ok(Arc::clone(partial)),
            _ => {
                open.remove(name);
                let target = self.directory.join(name);
                let partial = Arc::new(Partial::open(&target, length, version).await?);
                open.insert(name.to_owned(), (version.to_owned(), Arc::clone(&partial)));
                Ok(partial)
            }
        }
    }
}

fn refuse(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, why)
}
