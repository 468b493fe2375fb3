//! Pipes, FIFOs, sockets, terminals, directories and devices.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use aiofile::{AioFile, Error, ErrorKind, Reader, async_open};
use futures_util::TryStreamExt;
use nix::fcntl::OFlag;
use tokio::io::AsyncSeekExt;

use crate::backends::{each, open, over, pipe_reader, pipe_writer};

#[test]
fn a_pipe_counts_what_goes_through_and_has_no_positions() {
    each(async |context| {
        let (reader, writer) = io::pipe().unwrap();
        let (mut reading, mut writing) =
            (pipe_reader(context, reader).await, pipe_writer(context, writer).await);
        writing.write_owned("one\ntwo\nthree").await.unwrap();
        assert_eq!((reading.is_seekable(), writing.tell()), (false, 13));
        let error = Error::from(reading.seek(SeekFrom::Start(0)).await.unwrap_err());
        assert_eq!(error.io_kind(), io::ErrorKind::NotSeekable);
        assert_eq!(reading.read_bytes(2).await.unwrap(), "on");
        assert_eq!(reading.iter_chunked(100).try_next().await.unwrap().unwrap(), "e\ntwo\nthree");
        writing.write_owned("\n\nlast").await.unwrap();
        writing.close().await.unwrap();
        let lines: Vec<_> = reading.line_stream().try_collect().await.unwrap();
        assert_eq!(lines, ["", "", "last"]);
        assert_eq!(reading.tell(), 19);
    });
}

/// O_DIRECT means something else there: each write is a packet of its own.
#[test]
fn a_pipe_of_packets_is_read_from_any_position_and_written_by_any_length() {
    each(async |context| {
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_DIRECT | OFlag::O_CLOEXEC).unwrap();
        let (mut reading, mut writing) =
            (over(context, reader, "r").await, over(context, writer, "w").await);
        writing.write_owned("first").await.unwrap();
        writing.write_owned("second").await.unwrap();
        assert_eq!(reading.read_bytes(100).await.unwrap(), "first");
        assert_eq!(reading.read_bytes(100).await.unwrap(), "second");
        writing.write_owned("third").await.unwrap();
        writing.close().await.unwrap();
        let mut chunks = Reader::new(reading.file()).offset(5);
        assert_eq!(chunks.next_chunk().await.unwrap().unwrap(), "third");
        assert_eq!(chunks.next_chunk().await.unwrap(), None);
    });
}

#[test]
fn an_empty_read_does_nothing_even_where_the_other_end_is_closed() {
    each(async |context| {
        let (reader, writer) = io::pipe().unwrap();
        let mut reading = pipe_reader(context, reader).await;
        drop(writer);
        let before = context.metrics();
        assert_eq!(reading.read_bytes(0).await.unwrap(), "");
        assert_eq!(reading.read_exact_bytes(0).await.unwrap(), "");
        let after = context.metrics();
        assert_eq!((before.submitted, before.in_place), (after.submitted, after.in_place));
    });
}

#[test]
fn a_fifo_works_by_its_path() {
    each(async |context| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let writer = std::thread::spawn({
            let path = path.clone();
            move || File::options().write(true).open(path).unwrap().write_all(b"a;b;").unwrap()
        });
        let mut reading = open(context, &path, "r").await;
        assert_eq!(reading.readline_with(";").await.unwrap(), "a;");
        assert_eq!(reading.read_all().await.unwrap(), "b;");
        writer.join().unwrap();
    });
}

#[test]
fn a_socket_is_read_while_a_read_waits_and_written_meanwhile() {
    each(async |context| {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut handle = over(context, OwnedFd::from(near), "r+").await;
        let soon = std::time::Duration::from_millis(30);
        assert!(tokio::time::timeout(soon, handle.read_bytes(1)).await.is_err());
        handle.write_owned("ping").await.unwrap();
        let mut ping = [0; 4];
        far.read_exact(&mut ping).unwrap();
        far.write_all(b"pong").unwrap();
        assert_eq!(handle.read_exact_bytes(4).await.unwrap(), "pong");
        assert_eq!(handle.tell(), 8);
    });
}

#[test]
fn a_terminal_gives_lines() {
    each(async |context| {
        let pty = nix::pty::openpty(None, None).unwrap();
        let mut near = over(context, pty.slave, "r+").await;
        let mut far = File::from(pty.master);
        far.write_all(b"typed\n").unwrap();
        assert_eq!(near.readline().await.unwrap(), "typed\n");
        assert!(!near.is_seekable());
        near.write_owned("shown").await.unwrap();
    });
}

#[test]
fn a_directory_is_opened_and_not_read() {
    each(async |context| {
        let mut handle = over(context, File::open("/proc/self").unwrap().into(), "r").await;
        assert_eq!(Error::from(handle.read_bytes(10).await.unwrap_err()).raw_os_error(), Some(21));
        assert_eq!(Error::from(handle.readline().await.unwrap_err()).raw_os_error(), Some(21));
        assert_eq!(Error::from(handle.read_all().await.unwrap_err()).raw_os_error(), Some(21));
    });
}

#[test]
fn devices_are_read_and_written() {
    each(async |context| {
        let mut zero = open(context, "/dev/zero", "r+").await;
        assert_eq!(zero.read_exact_bytes(3 << 20).await.unwrap(), vec![0; 3 << 20]);
        zero.write_owned("x").await.unwrap();
        let mut null = open(context, "/dev/null", "a+").await;
        null.write_owned("12345").await.unwrap();
        assert_eq!(null.tell(), 5);
        assert_eq!(null.read_all().await.unwrap(), "");
        assert_eq!(null.readline().await.unwrap(), "");
    });
}

#[test]
fn a_duplicate_of_standard_input_is_closed_and_not_standard_input() {
    let stdin = || io::stdin().as_fd().try_clone_to_owned();
    each(async |context| {
        let Ok(duplicate) = stdin() else { return println!("skipped: there is no standard input") };
        let mut handle = over(context, duplicate, "r").await;
        handle.close().await.unwrap();
        assert!(stdin().is_ok());
    });
}

#[test]
fn a_std_file_keeps_its_place_and_moves_along() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0123456789").unwrap();
        let mut std = File::options().read(true).write(true).open(file.path()).unwrap();
        std.seek(SeekFrom::Start(4)).unwrap();
        let mut shared = std.try_clone().unwrap();
        let mut handle = async_open(std, "r+").await.unwrap();
        assert_eq!(handle.read_bytes(2).await.unwrap(), "45");
        handle.write_owned("xy").await.unwrap();
        assert_eq!(shared.stream_position().unwrap(), 8);
        handle.seek(SeekFrom::End(-1)).await.unwrap();
        assert_eq!(shared.stream_position().unwrap(), 9);
        shared.rewind().unwrap();
        let file = AioFile::from_std_in(context, shared).unwrap();
        assert_eq!(file.read_exact_at(2, 4).await.unwrap(), "45");
        let mut handle = async_open(file, "r").await.unwrap();
        assert_eq!(handle.read_all().await.unwrap(), "012345xy89");
        // What has a position and shares it with no one begins there, too.
        let mut version = File::open("/proc/version").unwrap();
        version.seek(SeekFrom::Start(6)).unwrap();
        assert!(
            async_open(version, "r").await.unwrap().readline().await.unwrap().starts_with(b"v")
        );
        assert_eq!(
            Error::from(async_open("no/such/file", "r").await.unwrap_err()).raw_os_error(),
            Some(2)
        );
        let error = Error::from(async_open("nul\0byte", "r").await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}
