//! The service by itself: what the file server of `aiofile-util`, which is tested on the wire, does
//! not ask of it.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

use std::fs;
use std::path::Path;

use aiofile_http::{Body, Encoding, ServeDir};
use http_body_util::BodyExt;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tower::ServiceExt;

async fn ask(files: &ServeDir, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    files.clone().oneshot(request.body(()).unwrap()).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

fn header_of<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

fn file(directory: &Path, name: &str, contents: &str) {
    fs::write(directory.join(name), contents).unwrap();
}

#[tokio::test]
async fn a_compressed_file_is_served_to_those_who_accept_it() {
    let place = tempfile::tempdir().unwrap();
    file(place.path(), "app.js", "plain");
    file(place.path(), "app.js.gz", "gzip");
    file(place.path(), "app.js.br", "brotli");
    file(place.path(), "only.css", "plain");
    let files = ServeDir::new(place.path()).precompressed([Encoding::Brotli, Encoding::Gzip]);
    for (accepted, encoding, contents) in [
        (None, None, "plain"),
        (Some("gzip"), Some("gzip"), "gzip"),
        (Some("gzip, br"), Some("br"), "brotli"),
        (Some("gzip, br;q=0"), Some("gzip"), "gzip"),
        (Some("zstd"), None, "plain"),
    ] {
        let headers: Vec<_> = accepted.map(|one| ("accept-encoding", one)).into_iter().collect();
        let response = ask(&files, "/app.js", &headers).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header_of(&response, "content-encoding"), encoding, "{accepted:?}");
        assert_eq!(header_of(&response, "vary"), Some("accept-encoding"));
        assert_eq!(header_of(&response, "content-type"), Some("text/javascript"));
        assert_eq!(text(response).await, contents, "{accepted:?}");
    }
    let response = ask(&files, "/only.css", &[("accept-encoding", "gzip")]).await;
    assert_eq!((header_of(&response, "content-encoding"), response.status().as_u16()), (None, 200));
    assert_eq!(text(response).await, "plain");
    let range = [("accept-encoding", "gzip"), ("range", "bytes=1-2")];
    let response = ask(&files, "/app.js", &range).await;
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(text(response).await, "zi", "a range is one of the compressed file");
}

#[tokio::test]
async fn directories_have_an_index_and_end_with_a_slash() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir_all(place.path().join("docs/empty")).unwrap();
    file(place.path(), "index.html", "<p>root");
    file(&place.path().join("docs"), "index.html", "<p>docs");
    let files = ServeDir::new(place.path()).index_file("index.html");
    let response = ask(&files, "/", &[]).await;
    assert_eq!(header_of(&response, "content-type"), Some("text/html"));
    assert_eq!(text(response).await, "<p>root");
    assert_eq!(text(ask(&files, "/docs/", &[]).await).await, "<p>docs");
    for (path, location) in [("/docs", "/docs/"), ("/docs?a=b", "/docs/?a=b"), ("//docs", "/docs/")]
    {
        let response = ask(&files, path, &[]).await;
        assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT, "{path}");
        assert_eq!(header_of(&response, "location"), Some(location), "{path}");
    }
    assert_eq!(ask(&files, "/docs/empty/", &[]).await.status(), StatusCode::NOT_FOUND);
    let plain = ServeDir::new(place.path());
    assert_eq!(ask(&plain, "/docs/", &[]).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_length_comes_whole_in_any_context() {
    let place = tempfile::tempdir().unwrap();
    let context = aiofile::context().in_place(false).build().unwrap();
    let files = ServeDir::new(place.path()).context(&context);
    for length in [0, 1, 64 << 10, (64 << 10) + 1, 3 << 20] {
        let contents = "x".repeat(length);
        file(place.path(), "data", &contents);
        let response = ask(&files, "/data", &[]).await;
        let told = HeaderValue::from(length);
        assert_eq!(response.headers().get(header::CONTENT_LENGTH), Some(&told));
        assert!(text(response).await == contents, "{length}");
    }
    assert!(context.metrics().bytes_read > 3 << 20);
}

#[tokio::test]
async fn a_directory_that_comes_later_is_found() {
    let place = tempfile::tempdir().unwrap();
    let late = place.path().join("late");
    let files = ServeDir::new(&late);
    assert_eq!(ask(&files, "/file", &[]).await.status(), StatusCode::NOT_FOUND);
    fs::create_dir(&late).unwrap();
    file(&late, "file", "contents");
    assert_eq!(text(ask(&files, "/file", &[]).await).await, "contents");
}
