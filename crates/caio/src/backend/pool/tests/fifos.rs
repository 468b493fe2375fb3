//! FIFOs: what waits for their other end takes no thread.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::Mode;

use super::*;
use crate::error::ErrorKind;
use crate::file::FileClass;

for_both! {
    a_reader_is_opened_at_once_and_waits_for_its_first_writer,
    a_writer_waits_for_its_reader_and_takes_no_thread,
    a_writer_that_is_given_up_opens_nothing_later,
    a_writer_that_waits_ends_with_its_pool,
    what_does_not_wait_is_opened_as_it_is,
}

struct Fifo {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl Fifo {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fifo");
        nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap();
        Self { path, _directory: directory }
    }

    /// A reader that does not wait for a writer.
    fn reader(&self) -> File {
        File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&self.path).unwrap()
    }
}

fn waits(file: &SharedFile) -> bool {
    !OFlag::from_bits_retain(fcntl(file, FcntlArg::F_GETFL).unwrap()).contains(OFlag::O_NONBLOCK)
}

fn a_reader_is_opened_at_once_and_waits_for_its_first_writer(open: Open) {
    let pool = &*open(&named("reader").with(|config| config.threads_max = 1));
    for op in [
        |path: &Path| opening(path, libc::O_RDONLY),
        |path: &Path| Op::ReadFile { path: name(path) },
    ] {
        let fifo = Fifo::new();
        let file = opened(run(pool, op(&fifo.path), None));
        assert_eq!((file.class(), waits(&file)), (FileClass::Stream, true));
        let reading = submit(pool, read(9, 0), Some(&file));
        std::thread::sleep(Duration::from_millis(20));
        let mut writer = File::options().write(true).open(&fifo.path).unwrap();
        writer.write_all(b"text").unwrap();
        assert_eq!(contents(answer(reading)), b"text", "it was not told of an end");
        drop(writer);
        assert_eq!(contents(run(pool, read(9, 0), Some(&file))), b"");
    }
}

fn a_writer_waits_for_its_reader_and_takes_no_thread(open: Open) {
    let pool = &*open(&named("writer").with(|config| config.threads_max = 1));
    let fifos: Vec<_> = (0..4).map(|_| Fifo::new()).collect();
    let waiting: Vec<_> =
        fifos.iter().map(|fifo| submit(pool, opening(&fifo.path, libc::O_WRONLY), None)).collect();
    for _ in 0..20 {
        assert_eq!(contents(run(pool, read(4, 0), Some(&file_with(b"text")))), b"text");
        std::thread::sleep(Duration::from_millis(5));
    }
    for (fifo, waiting) in fifos.iter().zip(waiting) {
        let mut reader = fifo.reader();
        let file = opened(answer(waiting));
        assert_eq!((file.class(), waits(&file)), (FileClass::Stream, true));
        assert_eq!(bytes(&run(pool, write(b"text", 0), Some(&file))), 4);
        let mut text = [0; 4];
        reader.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"text");
    }
}

fn a_writer_that_is_given_up_opens_nothing_later(open: Open) {
    let pool = &*open(&named("given"));
    let fifo = Fifo::new();
    let first = submit(pool, opening(&fifo.path, libc::O_WRONLY), None);
    let second = submit(pool, opening(&fifo.path, libc::O_WRONLY), None);
    std::thread::sleep(Duration::from_millis(20));
    pool.cancel(first.cancel().expect("it waits"));
    let mut reader = fifo.reader();
    let file = opened(answer(second));
    assert_eq!(reader.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    drop(file);
    assert_eq!(reader.read(&mut [0]).unwrap(), 0, "there is no other writer");
    let began = Instant::now();
    assert_eq!(pool.shutdown(began + 2 * HANGS), 0);
    assert!(began.elapsed() < HANGS);
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
}

fn a_writer_that_waits_ends_with_its_pool(open: Open) {
    let fifo = Fifo::new();
    let options = named("fend").with(|config| config.threads_idle_timeout_ms = 3_600_000);
    for shut_down in [true, false] {
        let pool = open(&options);
        let waiting = submit(&*pool, opening(&fifo.path, libc::O_WRONLY), None);
        std::thread::sleep(Duration::from_millis(20));
        if shut_down {
            let began = Instant::now();
            assert_eq!(pool.shutdown(began + 2 * HANGS), 0);
            assert!(began.elapsed() < HANGS, "nothing waits for what may never come");
        }
        drop(pool);
        assert_eq!(answer(waiting).result.unwrap_err().kind(), ErrorKind::Shutdown);
    }
    until("the threads go", || threads_of(&options) == 0);
}

fn what_does_not_wait_is_opened_as_it_is(open: Open) {
    let pool = &*open(&named("plain").with(|config| config.threads_max = 1));
    let fifo = Fifo::new();
    let open = |path: &Path, flags| run(pool, opening(path, flags), None);
    let refused = open(&fifo.path, libc::O_WRONLY | libc::O_NONBLOCK).result.unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::ENXIO));
    assert!(!waits(&opened(open(&fifo.path, libc::O_RDONLY | libc::O_NONBLOCK))));
    assert!(waits(&opened(open(&fifo.path, libc::O_RDWR))));
    let link = fifo.path.with_file_name("link");
    std::os::unix::fs::symlink(&fifo.path, &link).unwrap();
    let refused = open(&link, libc::O_WRONLY | libc::O_NOFOLLOW).result.unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::ELOOP));
    let _reader = fifo.reader();
    assert!(waits(&opened(open(&link, libc::O_WRONLY))));
}
