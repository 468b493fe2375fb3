//! `aiofile cat`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::process::Stdio;
use std::thread;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::support::{BACKENDS, Ran, aiofile, file, noise, place, run, works};

#[test]
fn several_files_come_one_after_the_other() {
    let place = place();
    let (one, two) = (noise(1_000_003, 1), noise(70_000, 2));
    let first = file(place.path(), "one", &one);
    let second = file(place.path(), "two", &two);
    let empty = file(place.path(), "empty", b"");
    let ran = run(aiofile().arg("cat").args([&first, &empty, &second, &first])).succeeded();
    assert!(ran.stdout == [&one[..], &two, &one].concat());
}

#[test]
fn proc_cpuinfo_is_printed_on_every_backend() {
    for backend in BACKENDS.into_iter().filter(|backend| works(backend)) {
        let ran = run(aiofile().env("CAIO_IMPL", backend).args(["cat", "/proc/cpuinfo"]));
        let text = ran.succeeded().text();
        let lines = |text: &str| text.lines().filter(|line| line.starts_with("processor")).count();
        let known = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        assert_eq!(lines(&text), lines(&known), "{backend}: {text}");
        assert_eq!(text.lines().count(), known.lines().count(), "{backend}");
    }
}

#[test]
fn every_backend_prints_a_regular_file_whole() {
    let place = place();
    let contents = noise(3_000_001, 3);
    let path = file(place.path(), "file", &contents);
    for backend in BACKENDS.into_iter().filter(|backend| works(backend)) {
        let ran = run(aiofile().args(["--backend", backend, "cat"]).arg(&path)).succeeded();
        assert!(ran.stdout == contents, "{backend}");
    }
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_printed() {
    let place = place();
    let path = file(place.path(), "file", b"contents");
    let missing = place.path().join("missing");
    let ran = run(aiofile().arg("cat").args([place.path(), &missing, &path]));
    assert_eq!((ran.code, ran.text().as_str()), (Some(1), "contents"));
    let lines: Vec<_> = ran.stderr.lines().collect();
    let directory = format!("aiofile: read {}: Is a directory", place.path().display());
    assert!(lines[0].starts_with(&directory), "{lines:?}");
    let missing = format!("aiofile: open {}: No such file or directory", missing.display());
    assert!(lines[1].starts_with(&missing) && lines.len() == 2, "{lines:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = aiofile()
        .args(["cat", "/dev/zero"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut some = [0; 1000];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_file_that_could_not_be_read_is_told_by_the_code_though_the_reader_went_away() {
    for backend in [&[][..], &["--backend", "thread"]] {
        let mut child = aiofile()
            .args(backend)
            .args(["cat", "/nonexistent", "/dev/zero"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdout.take().unwrap().read_exact(&mut [0; 1000]).unwrap();
        Ran::from(child.wait_with_output().unwrap()).failed(1, &["/nonexistent"]);
    }
}

#[test]
fn names_are_shown_without_their_control_characters() {
    let ran = run(aiofile().args(["cat", "no\u{1b}[31msuch\nfile"]));
    ran.failed(1, &["no\\u{1b}[31msuch\\nfile"]);
}

#[test]
fn standard_input_is_named_in_words() {
    for backend in [&[][..], &["--backend", "thread"]] {
        let directory = File::open("/").unwrap();
        let ran = run(aiofile().args(backend).args(["cat", "-"]).stdin(directory));
        ran.failed(1, &["read standard input", "Is a directory"]);
    }
}

#[test]
fn every_kind_of_output_gets_all_of_it() {
    let place = place();
    let contents = noise(3_000_001, 9);
    let path = file(place.path(), "file", &contents);
    for backend in [&[][..], &["--backend", "thread"]] {
        let cat = || {
            let mut cat = aiofile();
            cat.args(backend).arg("cat").args([&path, &path]);
            cat
        };
        assert!(run(&mut cat()).succeeded().stdout == [&contents[..], &contents].concat());
        let out = place.path().join("out");
        run(cat().stdout(File::create(&out).unwrap())).succeeded();
        assert!(std::fs::read(&out).unwrap() == [&contents[..], &contents].concat());
        let end = OpenOptions::new().append(true).open(&out).unwrap();
        run(cat().stdout(end)).succeeded();
        assert!(std::fs::read(&out).unwrap() == contents.repeat(4));
        run(cat().stdout(File::create("/dev/null").unwrap())).succeeded();
    }
}

#[test]
fn a_full_device_is_an_error() {
    let full = File::create("/dev/full").unwrap();
    let ran = run(aiofile().args(["cat", "/proc/cpuinfo"]).stdout(full));
    ran.failed(1, &["standard output", "No space left on device"]);
}

#[test]
fn standard_input_is_read_between_files() {
    let place = place();
    let path = file(place.path(), "file", b"<file>");
    let mut child = aiofile()
        .arg("cat")
        .args([path.as_os_str(), "-".as_ref(), path.as_os_str()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"first, ").unwrap();
    stdin.write_all(b"second").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"<file>first, second<file>");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn standard_input_goes_on_where_it_stands_and_stdout_too() {
    let place = place();
    let path = file(place.path(), "in", b"skipped, printed");
    let mut input = File::open(&path).unwrap();
    input.seek(std::io::SeekFrom::Start(9)).unwrap();
    let out = place.path().join("out");
    let mut output = File::create(&out).unwrap();
    output.write_all(b"before: ").unwrap();
    let shared = (input.try_clone().unwrap(), output.try_clone().unwrap());
    run(aiofile().args(["cat", "-"]).stdin(shared.0).stdout(shared.1)).succeeded();
    output.write_all(b", after").unwrap();
    assert_eq!(std::fs::read(&out).unwrap(), b"before: printed, after");
    assert_eq!(input.stream_position().unwrap(), 16);
}

#[test]
fn a_fifo_is_read_until_its_writer_closes_it() {
    let place = place();
    let path = place.path().join("fifo");
    mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
    for backend in BACKENDS.into_iter().filter(|backend| works(backend)) {
        let fifo = path.clone();
        let writer = thread::spawn(move || {
            let mut fifo = OpenOptions::new().write(true).open(fifo).unwrap();
            fifo.write_all(b"some ").unwrap();
            thread::sleep(std::time::Duration::from_millis(20));
            fifo.write_all(b"bytes").unwrap();
        });
        let ran = run(aiofile().args(["--backend", backend, "cat"]).arg(&path)).succeeded();
        writer.join().unwrap();
        assert_eq!(ran.text(), "some bytes", "{backend}");
    }
}

#[test]
fn a_file_is_not_printed_to_its_own_end() {
    let place = place();
    let path = file(place.path(), "file", b"contents");
    let first = file(place.path(), "first", b"some text\n");
    for backend in [None, Some("uring"), Some("thread"), Some("rust")] {
        if backend.is_some_and(|backend| !works(backend)) {
            continue;
        }
        let option = backend.map(|backend| format!("--backend={backend}"));
        // It is empty when it is opened, and not any more when its turn comes.
        for _ in 0..10 {
            let out = place.path().join("out");
            let new = File::create(&out).unwrap();
            let ran = run(aiofile().args(&option).arg("cat").args([&first, &out]).stdout(new));
            ran.failed(1, &["it is the output as well"]);
            assert_eq!(std::fs::read(&out).unwrap(), b"some text\n");
        }
    }
    let end = OpenOptions::new().append(true).open(&path).unwrap();
    let ran = run(aiofile().arg("cat").arg(&path).stdout(end));
    ran.failed(1, &["it is the output as well"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"contents");
}
