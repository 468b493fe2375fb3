//! Downloads and uploads on loopback, also such that are killed under way.

use std::io::{self, BufRead, BufReader};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::file_server::Server;
use crate::support::{failure, file, place, program, stdout};

const BLOCK: usize = 1 << 20;

/// Between a client and its server: lets so many connections through, and answers no further one.
struct Proxy {
    address: String,
}

impl Proxy {
    fn start(server: &str, connections: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (server, left) = (server.to_owned(), Arc::new(AtomicUsize::new(connections)));
        thread::spawn(move || {
            let mut held = Vec::new();
            for client in listener.incoming().map_while(Result::ok) {
                let is_open =
                    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
                if is_open.is_ok() {
                    let server = TcpStream::connect(&server).unwrap();
                    let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                    thread::spawn(move || pass(client, server));
                    thread::spawn(move || pass(back.0, back.1));
                } else {
                    held.push(client);
                }
            }
        });
        Self { address }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// `transfer receive`, which is killed with the test.
struct Receiver {
    child: Child,
    address: String,
}

impl Receiver {
    fn start(directory: &Path) -> Self {
        let mut command = program("transfer");
        command.args(["receive", "--listen", "127.0.0.1:0"]).arg(directory);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { child, address }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn download(address: &str, name: &str, to: &Path) -> Command {
    let mut command = program("transfer");
    command.arg("download").arg(format!("http://{address}/{name}")).arg(to);
    command
}

fn upload(from: &Path, address: &str, name: &str) -> Command {
    let mut command = program("transfer");
    command.arg("upload").arg(from).arg(format!("http://{address}/{name}"));
    command
}

fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index ^ (index >> 8) ^ (index >> 16)) as u8).collect()
}

/// Waits until a journal has noted so many blocks.
fn wait_for_blocks(journal: &Path, blocks: usize) {
    let start = Instant::now();
    // The first line says what is transferred.
    let noted = || {
        std::fs::read_to_string(journal).map_or(0, |text| text.lines().count().saturating_sub(1))
    };
    while noted() < blocks {
        assert!(start.elapsed() < Duration::from_secs(60), "{} blocks were noted", noted());
        thread::sleep(Duration::from_millis(5));
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Two directories, a file in the first, and where it is to go in the second.
fn places(contents: &[u8]) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let place = place();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    std::fs::create_dir(&from).unwrap();
    std::fs::create_dir(&to).unwrap();
    let source = file(&from, "data", contents);
    (place, source, to.join("data"))
}

#[test]
fn files_of_all_sizes_arrive_both_ways() {
    for length in [0, 1, BLOCK - 1, BLOCK, 5 * BLOCK + 17] {
        let contents = noise(length);
        let (_place, source, target) = places(&contents);
        let server = Server::start(source.parent().unwrap());
        let blocks = length.div_ceil(BLOCK);
        let said = stdout(&mut download(&server.address, "data", &target));
        assert_eq!(said, format!("{length} bytes, {blocks} of {blocks} blocks fetched\n"));
        assert!(std::fs::read(&target).unwrap() == contents);
        let receiver = Receiver::start(target.parent().unwrap());
        let said = stdout(&mut upload(&source, &receiver.address, "copy"));
        assert_eq!(said, format!("{length} bytes, {blocks} blocks sent\n"));
        assert!(std::fs::read(target.with_file_name("copy")).unwrap() == contents);
        assert_eq!(names(target.parent().unwrap()), ["copy", "data"]);
    }
}

#[test]
fn a_download_that_was_killed_goes_on() {
    let contents = noise(19 * BLOCK + 5);
    let (_place, source, target) = places(&contents);
    let server = Server::start(source.parent().unwrap());
    // The first connection asks for the length, the next three bring blocks.
    let proxy = Proxy::start(&server.address, 4);
    let mut child = download(&proxy.address, "data", &target).spawn().unwrap();
    let journal = target.with_file_name("data.part.journal");
    wait_for_blocks(&journal, 3);
    // While it runs, no other one writes the same file.
    let (_, said) = failure(&mut download(&server.address, "data", &target), 1);
    assert!(said.contains("another program writes it"), "{said}");
    kill(&mut child);
    assert_eq!(names(target.parent().unwrap()), ["data.part", "data.part.journal"]);

    // A kill may tear the last line: no number may come of it and the next line.
    let mut torn = std::fs::read(&journal).unwrap();
    torn.extend_from_slice(b"1");
    std::fs::write(&journal, torn).unwrap();
    let proxy = Proxy::start(&server.address, 3);
    let mut child = download(&proxy.address, "data", &target).spawn().unwrap();
    wait_for_blocks(&journal, 5);
    kill(&mut child);
    let said = stdout(&mut download(&server.address, "data", &target));
    assert!(said.ends_with("15 of 20 blocks fetched\n"), "{said}");
    assert!(std::fs::read(&target).unwrap() == contents);
    assert_eq!(names(target.parent().unwrap()), ["data"]);
}

#[test]
fn blocks_of_another_version_are_not_mixed_in() {
    let (_place, source, target) = places(&noise(3 * BLOCK));
    let server = Server::start(source.parent().unwrap());
    let proxy = Proxy::start(&server.address, 2);
    let mut child = download(&proxy.address, "data", &target).spawn().unwrap();
    wait_for_blocks(&target.with_file_name("data.part.journal"), 1);
    kill(&mut child);
    let other = vec![7; 3 * BLOCK];
    std::fs::remove_file(&source).unwrap();
    std::fs::write(&source, &other).unwrap();
    let said = stdout(&mut download(&server.address, "data", &target));
    assert!(said.ends_with("3 of 3 blocks fetched\n"), "{said}");
    assert!(std::fs::read(&target).unwrap() == other);
}

#[test]
fn an_upload_whose_both_ends_were_killed_goes_on() {
    let contents = noise(6 * BLOCK + 5);
    let (_place, source, target) = places(&contents);
    let directory = target.parent().unwrap();
    let mut receiver = Receiver::start(directory);
    let proxy = Proxy::start(&receiver.address, 3);
    let mut child = upload(&source, &proxy.address, "data").spawn().unwrap();
    wait_for_blocks(&directory.join("data.part.journal"), 2);
    kill(&mut child);
    receiver.child.kill().unwrap();
    drop(receiver);
    let receiver = Receiver::start(directory);
    let said = stdout(&mut upload(&source, &receiver.address, "data"));
    assert!(said.ends_with("5 blocks sent\n"), "{said}");
    assert!(std::fs::read(&target).unwrap() == contents);
    assert_eq!(names(directory), ["data"]);
}

#[test]
fn what_cannot_be_done_is_told() {
    let (place, source, target) = places(b"contents");
    let server = Server::start(source.parent().unwrap());
    let (_, said) = failure(&mut download(&server.address, "missing", &target), 1);
    assert!(said.contains("/missing: the server answered 404"), "{said}");
    assert!(names(target.parent().unwrap()).is_empty(), "nothing is begun");

    std::fs::write(&target, "mine").unwrap();
    let (_, said) = failure(&mut download(&server.address, "data", &target), 1);
    assert!(said.contains("exists already"), "{said}");
    assert_eq!(std::fs::read(&target).unwrap(), b"mine");

    let nowhere = target.with_file_name("none").join("data");
    let (_, said) = failure(&mut download(&server.address, "data", &nowhere), 1);
    assert!(said.contains("No such file"), "{said}");
    let (_, said) = failure(program("transfer").args(["download", "https://localhost/x", "y"]), 1);
    assert!(said.contains("begins with http://"), "{said}");

    let receiver = Receiver::start(target.parent().unwrap());
    let (_, said) = failure(&mut upload(&source, &receiver.address, "data"), 1);
    assert!(said.contains("409"), "{said}");
    for name in ["../out", "%2e%2e%2fout", ".hidden", ""] {
        let (_, said) = failure(&mut upload(&source, &receiver.address, name), 1);
        assert!(said.contains("400"), "{name}: {said}");
    }
    let (_, said) = failure(&mut upload(&place.path().join("none"), &receiver.address, "x"), 1);
    assert!(said.contains("No such file"), "{said}");
    assert_eq!(names(target.parent().unwrap()), ["data"]);
}
