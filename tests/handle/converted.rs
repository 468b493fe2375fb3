//! From std and back, and what shares a cursor or a descriptor.

use std::fs;
use std::future::poll_fn;
use std::io::{self, IoSlice, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::PermissionsExt;
use std::pin::{Pin, pin};
use std::sync::Arc;

use aiofile::{AioFile, Error, ErrorKind, File, OpenOptions, async_open};
use futures_util::poll;
use nix::libc;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt};

use crate::backends::{each, open, pipe_reader, pipe_writer};

fn errno(error: io::Error) -> Option<i32> {
    Error::from(error).raw_os_error()
}

#[test]
fn what_try_clone_gives_has_the_same_cursor_and_a_clone_its_own() {
    each(async |context| {
        let scratch = tempfile::NamedTempFile::new().unwrap();
        fs::write(scratch.path(), "one\ntwo\nthree\nfour\n").unwrap();
        let mut file = open(context, scratch.path(), "r+").await;
        assert_eq!(file.readline().await.unwrap(), "one\n");
        let mut apart = file.clone();
        let mut other = file.try_clone().await.unwrap();
        assert_ne!(file.as_raw_fd(), other.as_raw_fd());
        assert_eq!(other.readline().await.unwrap(), "two\n");
        assert_eq!((file.tell(), other.tell(), apart.tell()), (8, 8, 4));
        file.write_all(b"THREE").await.unwrap();
        assert_eq!(other.readline().await.unwrap(), "\n");
        assert_eq!(file.seek(SeekFrom::Current(1)).await.unwrap(), 15);
        assert_eq!(other.read_bytes(4).await.unwrap(), "our\n");
        assert_eq!(apart.read_all().await.unwrap(), "two\nTHREE\nfour\n");
        other.set_len(4).await.unwrap();
        file.rewind().await.unwrap();
        assert_eq!(other.read_all().await.unwrap(), "one\n");
        file.close().await.unwrap();
        assert_eq!(other.tell(), 4);
    });
}

#[test]
fn a_write_that_was_given_up_is_counted_for_both_who_share_the_cursor() {
    each(async |context| {
        let scratch = tempfile::NamedTempFile::new().unwrap();
        for _ in 0..20 {
            fs::write(scratch.path(), "").unwrap();
            let mut file = open(context, scratch.path(), "r+").await;
            let begun = poll!(pin!(file.write_owned("first,"))).is_pending();
            let first = if begun { "first," } else { "" };
            let start = if begun { 6 } else { file.tell() };
            let mut other = file.try_clone().await.unwrap();
            assert_eq!((file.tell(), other.tell()), (start, start));
            other.write_owned("second,").await.unwrap();
            file.write_owned("third").await.unwrap();
            assert_eq!((file.tell(), other.tell()), (start + 12, start + 12));
            let text = fs::read_to_string(scratch.path()).unwrap();
            assert!(text.starts_with(first) && text.ends_with("second,third"), "{text}");
        }
    });
}

#[test]
fn std_goes_on_where_the_cursor_is() {
    each(async |context| {
        let scratch = tempfile::NamedTempFile::new().unwrap();
        fs::write(scratch.path(), "0123456789").unwrap();
        let mut file = open(context, scratch.path(), "r+").await;
        assert_eq!(file.read_u8().await.unwrap(), b'0');
        let descriptor = file.as_raw_fd();
        let mut std = file.into_std().await;
        assert_eq!((std.as_raw_fd(), std.stream_position().unwrap()), (descriptor, 1));
        std.write_all(b"x").unwrap();
        let mut file = File::from(AioFile::from_std_in(context, std).unwrap());
        assert_eq!(file.read_exact_bytes(2).await.unwrap(), "23");
        let clone = file.clone();
        let mut std = file.try_into_std().unwrap();
        assert_eq!(std.stream_position().unwrap(), 4);
        std.read_exact(&mut [0; 2]).unwrap();
        assert_eq!(clone.tell(), 6, "it is the descriptor's own position");
        assert_eq!(fs::read(scratch.path()).unwrap(), b"0x23456789");
    });
}

#[test]
fn no_byte_of_a_pipe_gets_lost_on_the_way_to_std() {
    each(async |context| {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut reading = pipe_reader(context, reader).await;
        writer.write_all(b"some bytes").unwrap();
        assert_eq!(reading.read_u8().await.unwrap(), b's');
        let mut reading = reading.try_into_std().unwrap_err();
        assert_eq!(reading.read_bytes(100).await.unwrap(), "ome bytes");
        let mut std = reading.try_into_std().unwrap();
        writer.write_all(b"more").unwrap();
        let mut more = [0; 4];
        std.read_exact(&mut more).unwrap();
        assert_eq!(&more, b"more");
    });
}

#[test]
fn nothing_can_be_done_with_the_descriptor_of_a_closed_file() {
    each(async |context| {
        let mut file = open(context, "/proc/version", "r").await;
        let mut aio = file.clone().into_aio().await;
        file.close().await.unwrap();
        aio.close().await.unwrap();
        for descriptor in [file.as_fd(), aio.as_fd()] {
            let mut std = fs::File::from(descriptor.try_clone_to_owned().unwrap());
            assert_eq!(std.read(&mut [0]).unwrap_err().raw_os_error(), Some(libc::EBADF));
            assert_eq!(std.write(&[0]).unwrap_err().raw_os_error(), Some(libc::EBADF));
            assert_eq!(std.sync_all().unwrap_err().raw_os_error(), Some(libc::EBADF));
        }
        let is_closed = |error| Error::from(error).kind() == ErrorKind::Closed;
        assert!(is_closed(file.try_clone().await.unwrap_err()));
        assert!(is_closed(file.metadata().await.unwrap_err()));
        assert!(is_closed(file.sync_all().await.unwrap_err()));
        assert!(is_closed(file.set_len(0).await.unwrap_err()));
        let permissions = fs::Permissions::from_mode(0o600);
        assert!(is_closed(file.set_permissions(permissions).await.unwrap_err()));
        let mut std = file.try_into_std().unwrap_err().into_std().await;
        assert_eq!(std.read(&mut [0]).unwrap_err().raw_os_error(), Some(libc::EBADF));
    });
}

/// A sync and its like have `&self`: any number of tasks may wait for the same write.
#[test]
fn what_takes_a_shared_reference_waits_for_the_write_that_was_given_up() {
    each(async |context| {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut file = pipe_writer(context, writer).await;
        assert!(poll!(pin!(file.write_owned(vec![7; 200_000]))).is_pending());
        let file = Arc::new(file);
        let waiting = [(); 3].map(|()| {
            let file = Arc::clone(&file);
            tokio::spawn(async move { file.metadata().await.map(drop) })
        });
        // Polled once, and never again: it holds up none of the others.
        let idle = Arc::clone(&file);
        let mut idle = Box::pin(async move { idle.metadata().await.map(drop) });
        assert!(poll!(&mut idle).is_pending());
        let drain = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all.len()
        });
        for task in waiting {
            task.await.unwrap().unwrap();
        }
        drop(idle);
        assert_eq!(file.tell(), 200_000);
        drop(file);
        assert_eq!(drain.join().unwrap(), 200_000);
    });
}

#[test]
fn a_part_of_a_write_is_told_and_then_why_it_was_no_more() {
    each(async |context| {
        for way in 0..6 {
            let (mut reader, writer) = io::pipe().unwrap();
            let mut file = pipe_writer(context, writer).await;
            let data = vec![7; 100_000];
            let write = |file: &mut File, cx: &mut std::task::Context<'_>| {
                Pin::new(file).poll_write_vectored(cx, &[IoSlice::new(&data)])
            };
            assert!(poll!(pin!(poll_fn(|cx| write(&mut file, cx)))).is_pending());
            reader.read_exact(&mut [0; 1000]).unwrap();
            drop(reader);
            let written = poll_fn(|cx| write(&mut file, cx)).await.unwrap();
            assert!(written >= 1000 && written < data.len(), "{written}");
            assert_eq!(file.tell(), written as u64);
            let told = match way {
                0 => file.flush().await,
                1 => file.sync_all().await,
                2 => file.close().await,
                3 => file.shutdown().await,
                4 => file.write_owned("more").await,
                _ => file.write(b"more").await.map(drop),
            };
            assert_eq!(errno(told.unwrap_err()), Some(libc::EPIPE), "{way}");
            file.flush().await.unwrap();
        }
    });
}

#[test]
fn permissions_and_the_size_of_one_poll_are_as_in_tokio() {
    each(async |context| {
        let scratch = tempfile::NamedTempFile::new().unwrap();
        let mut file = open(context, scratch.path(), "w+").await;
        file.set_permissions(fs::Permissions::from_mode(0o640)).await.unwrap();
        assert_eq!(file.metadata().await.unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(file.max_buf_size(), 2 << 20);
        let large = vec![1; 5 << 20];
        assert_eq!(file.write(&large).await.unwrap(), 2 << 20);
        file.set_max_buf_size(3);
        assert_eq!(file.write(b"abcdef").await.unwrap(), 3);
        assert_eq!(file.clone().max_buf_size(), 3);
        assert_eq!(file.try_clone().await.unwrap().max_buf_size(), 3);
        file.rewind().await.unwrap();
        assert_eq!(file.read(&mut [0; 100]).await.unwrap(), 3);
        assert_eq!(file.readline().await.unwrap().len(), (2 << 20));
    });
}

#[tokio::test]
#[should_panic(expected = "`max_buf_size` must be greater than 0")]
async fn a_poll_that_moves_nothing_is_refused_in_tokio_s_words() {
    File::open("/proc/version").await.unwrap().set_max_buf_size(0);
}

#[test]
fn a_mode_beyond_what_the_file_was_opened_for_is_refused_and_says_so() {
    each(async |context| {
        let scratch = tempfile::NamedTempFile::new().unwrap();
        for (opened, mode, words) in [
            ("r", "r+", "has to write, and the file was opened to read only"),
            ("r", "w", "has to write, and the file was opened to read only"),
            ("w", "r", "has to read, and the file was opened to write only"),
            ("a", "a+", "has to read, and the file was opened to write only, and to append"),
            ("r+", "a", "has to append, and the file was opened to read and write"),
        ] {
            let mut options = OpenOptions::new();
            options.context(context).access(opened).unwrap();
            let file = options.open_aio(scratch.path()).await.unwrap();
            let error = async_open(file, mode).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{opened} as {mode}");
            assert!(error.to_string().contains(words), "{error}");
            let file = options.open_aio(scratch.path()).await.unwrap();
            async_open(file, opened).await.unwrap();
        }
    });
}
