//! Requests to the file server, as they stand on the wire.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use crate::support::{failure, file, place, program, strange_name, unreadable};

/// More than the sockets and the server hold together.
const LARGE: usize = 24 << 20;

/// A running server, which ends with the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(directory: &Path) -> Self {
        let mut command = program("file_server");
        command.args(["--listen", "127.0.0.1:0"]).arg(directory).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// The head and the body of the answer.
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> (String, Vec<u8>) {
        let mut stream = self.connect();
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let headers: String = headers.collect();
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let body = answer.split_off(end + 4);
        (String::from_utf8(answer).unwrap().to_ascii_lowercase(), body)
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String, Vec<u8>) {
        let (head, body) = self.ask("GET", path, headers);
        (status(&head), head, body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A file that is old enough for certain validators.
fn old_file(directory: &Path, name: &str, contents: impl AsRef<[u8]>) {
    let path = file(directory, name, contents);
    let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn whole_files_and_ranges() {
    let place = place();
    old_file(place.path(), "digits", "0123456789");
    old_file(place.path(), "empty", "");
    let server = Server::start(place.path());
    let (status, head, body) = server.get("/digits", &[]);
    assert_eq!((status, &body[..]), (200, &b"0123456789"[..]), "{head}");
    assert_eq!(header(&head, "accept-ranges"), Some("bytes"));
    let (head, body) = server.ask("HEAD", "/digits", &[]);
    assert_eq!((header(&head, "content-length"), body.len()), (Some("10"), 0));

    for (range, expected) in [
        ("0-0", "0"),
        ("2-4", "234"),
        ("7-", "789"),
        ("-3", "789"),
        ("8-99999999999999999999", "89"),
        ("-50", "0123456789"),
    ] {
        let (status, head, body) = server.get("/digits", &[("Range", &format!("bytes={range}"))]);
        assert_eq!((status, &body[..]), (206, expected.as_bytes()), "{range}: {head}");
        let start = "0123456789".find(expected).unwrap();
        let told = format!("bytes {start}-{}/10", start + expected.len() - 1);
        assert_eq!(header(&head, "content-range"), Some(&told[..]), "{range}");
    }
    for (path, range) in [("/digits", "bytes=10-"), ("/digits", "bytes=-0"), ("/empty", "bytes=0-")]
    {
        let (status, head, _) = server.get(path, &[("Range", range)]);
        assert_eq!(status, 416, "{path} {range}: {head}");
        assert!(header(&head, "content-range").unwrap().starts_with("bytes */"), "{head}");
    }
    let (status, _, body) = server.get("/digits", &[("Range", "Bytes=2-4")]);
    assert_eq!((status, &body[..]), (206, &b"234"[..]), "units have no case");
    // What is not understood is passed over, and so are several ranges, as RFC 9110 allows.
    for range in ["lines=1-2", "bytes=4-2", "bytes=a-b", "bytes=", "bytes=0-1,3-4", "bytes=-"] {
        assert_eq!(server.get("/digits", &[("Range", range)]).0, 200, "{range}");
    }
    assert_eq!(server.get("/empty", &[]).2, b"");
}

#[test]
fn conditional_requests() {
    let place = place();
    old_file(place.path(), "page", "contents");
    let server = Server::start(place.path());
    let (_, head, _) = server.get("/page", &[]);
    let etag = header(&head, "etag").unwrap();
    assert_eq!(header(&head, "last-modified"), Some("sun, 09 sep 2001 01:46:40 gmt"));
    let (same, older) = ("Sun, 09 Sep 2001 01:46:40 GMT", "Sun, 09 Sep 2001 01:46:39 GMT");

    for (name, value, expected) in [
        ("If-None-Match", etag, 304),
        ("If-None-Match", &format!("\"other\", W/{etag}"), 304),
        ("If-None-Match", "*", 304),
        ("If-None-Match", "\"other\"", 200),
        ("If-Modified-Since", same, 304),
        ("If-Modified-Since", older, 200),
        ("If-Modified-Since", "yesterday", 200),
        ("If-Match", etag, 200),
        ("If-Match", &format!("\"other\", {etag}"), 200),
        ("If-Match", "*", 200),
        ("If-Match", "\"other\"", 412),
        ("If-Match", &format!("W/{etag}"), 412),
        ("If-Unmodified-Since", same, 200),
        ("If-Unmodified-Since", older, 412),
        ("If-Unmodified-Since", "yesterday", 200),
    ] {
        let (status, head, body) = server.get("/page", &[(name, value)]);
        assert_eq!(status, expected, "{name}: {value}: {head}");
        assert_eq!(body == b"contents", status == 200);
        assert_eq!(header(&head, "etag"), Some(etag));
    }
    let both = [("If-None-Match", "\"other\""), ("If-Modified-Since", same)];
    assert_eq!(server.get("/page", &both).0, 200, "the tag decides");
    let both = [("If-Match", etag), ("If-Unmodified-Since", older)];
    assert_eq!(server.get("/page", &both).0, 200, "the tag decides");
    let both = [("If-Match", "\"other\""), ("If-None-Match", etag), ("Range", "bytes=1-2")];
    assert_eq!(server.get("/page", &both).0, 412, "it comes first");
    let both = [("If-None-Match", etag), ("Range", "bytes=99-")];
    assert_eq!(server.get("/page", &both).0, 304, "conditions come before ranges");

    for (value, expected) in
        [(etag, 206), (same, 206), ("\"other\"", 200), (older, 200), (&format!("W/{etag}"), 200)]
    {
        let (status, ..) = server.get("/page", &[("Range", "bytes=1-2"), ("If-Range", value)]);
        assert_eq!(status, expected, "{value}");
    }
    old_file(place.path(), "page", "changed contents");
    assert_eq!(server.get("/page", &[("If-None-Match", etag)]).0, 200);
    assert_eq!(server.get("/page", &[("Range", "bytes=1-2"), ("If-Range", etag)]).0, 200);
}

#[test]
fn nothing_outside_of_the_directory_is_served() {
    let place = place();
    file(place.path(), "secret", "secret");
    let root = place.path().join("root");
    std::fs::create_dir_all(root.join("sub")).unwrap();
    file(&root, "inside", "inside");
    symlink("../secret", root.join("leak")).unwrap();
    symlink("..", root.join("up")).unwrap();
    symlink("inside", root.join("link")).unwrap();
    let fifo = root.join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::fs::write(root.join(strange_name()), "strange").unwrap();
    let unreadable = unreadable(&root);

    let server = Server::start(&root);
    for (path, expected) in [
        ("/../secret", 400),
        ("/sub/../../secret", 400),
        ("/%2e%2e/secret", 400),
        ("/..%2fsecret", 400),
        ("/sub%2f..%2f..%2fsecret", 400),
        ("/inside%00", 400),
        ("/leak", 404),
        ("/up/secret", 404),
        ("/sub", 404),
        ("/", 404),
        ("/fifo", 404),
        ("/missing", 404),
        ("/inside/more", 404),
        (&format!("/{}", "x".repeat(5000)), 404),
        ("/link", 200),
        ("//./sub/.//inside", 404),
        ("//./inside?query", 200),
    ] {
        let (status, head, body) = server.get(path, &[]);
        assert_eq!(status, expected, "{path}: {head}");
        assert!(!String::from_utf8_lossy(&body).contains("secret"), "{path}");
    }
    let name: String =
        strange_name().as_bytes().iter().map(|byte| format!("%{byte:02X}")).collect();
    assert_eq!(server.get(&format!("/{name}"), &[]).2, b"strange");
    if unreadable.is_some() {
        assert_eq!(server.get("/unreadable", &[]).0, 403);
    }
    let (head, _) = server.ask("DELETE", "/inside", &[]);
    assert_eq!((status(&head), header(&head, "allow")), (405, Some("get, head")));
}

#[test]
fn a_client_that_reads_nothing_costs_little_and_one_that_reads_gets_all() {
    let place = place();
    let contents: Vec<u8> = (0..LARGE).map(|index| (index ^ (index >> 8)) as u8).collect();
    file(place.path(), "large", &contents);
    let server = Server::start(place.path());
    let memory = |server: &Server| {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
    };
    let before = memory(&server);
    let mut idle: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for stream in &mut idle {
        stream.write_all(b"GET /large HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
        stream.read_exact(&mut [0; 100]).unwrap();
    }
    let (status, _, body) = server.get("/large", &[]);
    assert!(status == 200 && body == contents);
    let grown = memory(&server) - before;
    assert!(grown < LARGE, "{grown} bytes for nine clients of {LARGE} bytes each");
    // One of them goes on.
    let mut rest = Vec::new();
    Read::take(&mut idle[0], LARGE as u64).read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len(), LARGE);
}

#[test]
fn a_file_that_is_cut_under_way_breaks_the_connection() {
    let place = place();
    let path = file(place.path(), "large", vec![7; LARGE]);
    let server = Server::start(place.path());
    let mut stream = server.connect();
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 100]).unwrap();
    std::fs::File::options().write(true).open(path).unwrap().set_len(10).unwrap();
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest);
    assert!(rest.len() < LARGE - 100, "{ended:?}: not the whole length");
}

#[test]
fn it_ends_when_it_is_interrupted_and_finishes_what_it_began() {
    let place = place();
    file(place.path(), "large", vec![7; LARGE]);
    let mut server = Server::start(place.path());
    let mut stream = server.connect();
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 100]).unwrap();
    let pid = nix::unistd::Pid::from_raw(server.child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.len() > LARGE - 100);
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn a_wrong_start_is_told() {
    let place = place();
    let path = file(place.path(), "file", "");
    for (argument, expected) in
        [(path, "not a directory"), (place.path().join("none"), "No such file")]
    {
        let (_, said) = failure(program("file_server").arg(argument), 1);
        assert!(said.starts_with("file_server: ") && said.contains(expected), "{said}");
    }
    let server = Server::start(place.path());
    let mut command = program("file_server");
    let (_, said) = failure(command.args(["--listen", &server.address]).arg(place.path()), 1);
    assert!(said.contains("listen at 127.0.0.1"), "{said}");
}
