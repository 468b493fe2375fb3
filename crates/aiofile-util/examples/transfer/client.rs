//! One request, on a connection of its own.

use std::io::{self, ErrorKind};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::http::request::Builder;
use hyper::{Request, Response, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A request for what a URL names; its method and further headers are the caller's.
pub(crate) fn request(url: &Uri) -> io::Result<Builder> {
    let (Some("http"), Some(authority)) = (url.scheme_str(), url.authority()) else {
        let message = format!("{url}: not a URL that begins with http://");
        return Err(io::Error::new(ErrorKind::InvalidInput, message));
    };
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    Ok(Request::builder().uri(path).header(header::HOST, authority.as_str()))
}

/// Sends it and gives the answer, if it is one of those expected.
pub(crate) async fn send(
    url: &Uri,
    request: Builder,
    body: Bytes,
    expected: &[StatusCode],
) -> io::Result<Response<Incoming>> {
    let fail = |error: &dyn std::fmt::Display| io::Error::other(format!("{url}: {error}"));
    let request = request.body(Full::new(body)).map_err(|error| fail(&error))?;
    let (host, port) = (url.host().unwrap_or_default(), url.port_u16().unwrap_or(80));
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await;
    let stream = stream.map_err(|error| fail(&error))?;
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| fail(&error))?;
    // It ends with the answer; its error is the request's too.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| fail(&error))?;
    if expected.contains(&response.status()) {
        Ok(response)
    } else {
        Err(fail(&format_args!("the server answered {}", response.status())))
    }
}
