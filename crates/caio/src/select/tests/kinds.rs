//! What may stand where a configuration file is expected: whatever it is, there is an answer.

use std::fs::File;
use std::os::unix::net::UnixListener;
use std::sync::mpsc;
use std::thread;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::*;

/// The error that the selection in this directory ends with, given a value of `CAIO_CONFIG`. Fails
/// where there is none within the time in which the busiest machine reads a file.
#[track_caller]
fn refusal(directory: Directory, config: Option<&str>) -> String {
    let config = config.unwrap_or_default().to_owned();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(directory.open(&[("CAIO_CONFIG", &config)], None).err()));
    let answer = receiver.recv_timeout(2 * HANGS).expect("it does not wait");
    let error = answer.expect("it is no configuration");
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    error.to_string()
}

/// The errors where `make` has made something in the place of each file: searched for, in a
/// directory that `CAIO_CONFIG` names, and named by it.
#[track_caller]
fn refusals(make: impl Fn(&str)) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["caio.toml", "default_implementation"] {
        for config in [None, Some("etc".to_owned()), Some(format!("etc/{name}"))] {
            let directory = Directory::new();
            make_all(&directory.0.join("etc"));
            let path = directory.at(&format!("etc/{name}"));
            make(&path);
            let config = config.map(|config| directory.at(&config));
            let shown = refusal(directory, config.as_deref());
            assert!(shown.starts_with(&format!("{path}: ")), "{shown}");
            found.push(shown);
        }
    }
    found
}

#[test]
fn a_fifo_is_refused_without_waiting_for_a_writer() {
    for shown in refusals(|path| mkfifo(path, Mode::S_IRUSR).unwrap()) {
        assert!(shown.contains("it is a FIFO, not a regular file"), "{shown}");
    }
}

#[test]
fn a_directory_and_a_socket_are_refused_by_name() {
    // A directory that CAIO_CONFIG names is looked into, and this one is empty.
    for shown in refusals(|path| fs::create_dir(path).unwrap()) {
        let expected = ["it is a directory, not a regular file", "no readable caio.toml"];
        assert!(expected.iter().any(|text| shown.contains(text)), "{shown}");
    }
    for shown in refusals(|path| drop(UnixListener::bind(path).unwrap())) {
        assert!(shown.contains("it is a socket, not a regular file"), "{shown}");
    }
}

#[test]
fn a_device_is_refused_and_not_even_opened() {
    for device in ["/dev/zero", "/dev/tty"] {
        let shown = refusal(Directory::new(), Some(device));
        assert!(shown.contains("it is a device, not a regular file"), "{shown}");
    }
}

#[test]
fn a_file_of_gigabytes_and_one_that_is_no_text_are_refused() {
    let large = |path: &str| {
        File::create(path).unwrap().set_len(5 << 30).unwrap();
        set_mode(path, 0o644);
    };
    for shown in refusals(large) {
        assert!(shown.contains("it is longer than 1048576 bytes"), "{shown}");
    }
    let no_text = |path: &str| {
        fs::write(path, [0xff, 0xfe]).unwrap();
        set_mode(path, 0o644);
    };
    for shown in refusals(no_text) {
        assert!(shown.contains("valid UTF-8"), "{shown}");
    }
}
