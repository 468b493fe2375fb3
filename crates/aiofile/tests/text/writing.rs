//! Writing: marks, unencodable characters, errors of the file below.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};

use aiofile::text::{Encoding, Errors, Newline, TextOptions, TextWriter};
use tokio::io::AsyncWrite;

/// Takes one byte at a time, and has room for so many.
#[derive(Debug)]
struct Small {
    bytes: Vec<u8>,
    room: usize,
}

impl AsyncWrite for Small {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.bytes.len() == this.room {
            return Poll::Ready(Err(ErrorKind::StorageFull.into()));
        }
        this.bytes.push(buf[0]);
        Poll::Ready(Ok(1))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn small(room: usize, options: &TextOptions) -> TextWriter<Small> {
    TextWriter::new(Small { bytes: Vec::new(), room }, options)
}

#[tokio::test]
async fn characters_are_counted_and_the_mark_is_written_once() {
    let options = TextOptions::new().encoding(Encoding::UTF_16).newline(Newline::CrLf);
    let mut writer = small(100, &options);
    assert_eq!(writer.write("").await.unwrap(), 0);
    assert_eq!(writer.write("é\n").await.unwrap(), 2);
    assert_eq!(writer.write("😀").await.unwrap(), 1);
    assert_eq!(writer.get_ref().bytes, b"\xff\xfe\xe9\0\r\0\n\0\x3d\xd8\0\xde");
}

#[tokio::test]
async fn an_unencodable_character_is_an_error_before_anything_is_written() {
    let options = TextOptions::new().encoding(Encoding::UTF_8);
    let latin = options.clone().encoding(Encoding::LATIN_1);
    let mut writer = small(100, &latin);
    let error = writer.write("fünf €").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        "encode: '€' (U+20AC), character 5 of the text, is not in latin-1 \
         (take utf-8, or write with Errors::Replace)"
    );
    assert_eq!(writer.get_ref().bytes, b"");
    writer.write("fünf").await.unwrap();
    assert_eq!(writer.get_ref().bytes, b"f\xfcnf");

    // iso-2022-jp has no escape characters but its own.
    let japanese = options.encoding("iso-2022-jp".parse().unwrap());
    let error = small(100, &japanese).write("日\u{1b}").await.unwrap_err();
    assert!(error.to_string().contains("(U+001B), character 1"), "{error}");

    let mut writer = small(100, &latin.errors(Errors::Replace));
    assert_eq!(writer.write("5 €").await.unwrap(), 3);
    assert_eq!(writer.get_ref().bytes, b"5 ?");
}

#[tokio::test]
async fn text_that_could_not_be_written_is_not_written_later() {
    let mut writer = small(3, &TextOptions::new());
    assert_eq!(writer.write("12345").await.unwrap_err().kind(), ErrorKind::StorageFull);
    writer.flush().await.unwrap();
    assert_eq!(writer.get_ref().bytes, b"123");
}

#[tokio::test]
async fn a_mark_that_could_not_be_written_is_written_with_the_next_text() {
    let options = TextOptions::new().encoding(Encoding::UTF_8_SIG);
    let mut full = Full { fails: 1, bytes: Vec::new() };
    let mut writer = TextWriter::new(&mut full, &options);
    writer.write("a").await.unwrap_err();
    writer.write("b").await.unwrap();
    assert_eq!(full.bytes, b"\xef\xbb\xbfb");
}

/// Fails so often, and then takes all.
#[derive(Debug)]
struct Full {
    fails: usize,
    bytes: Vec<u8>,
}

impl AsyncWrite for Full {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.fails > 0 {
            this.fails -= 1;
            return Poll::Ready(Err(ErrorKind::StorageFull.into()));
        }
        this.bytes.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn collected_text_is_written_when_it_is_much_or_flushed_and_survives_an_error() {
    let options = TextOptions::new().write_buffer(4);
    let mut writer = TextWriter::new(Full { fails: 1, bytes: Vec::new() }, &options);
    writer.write("12").await.unwrap();
    writer.write("34").await.unwrap();
    assert_eq!(writer.get_ref().bytes, b"");
    writer.write("5").await.unwrap_err();
    writer.flush().await.unwrap();
    assert_eq!(writer.get_ref().bytes, b"12345");
    writer.write("6").await.unwrap();
    assert_eq!(writer.get_ref().bytes, b"12345");
    writer.shutdown().await.unwrap();
    assert_eq!(writer.get_ref().bytes, b"123456");
}
