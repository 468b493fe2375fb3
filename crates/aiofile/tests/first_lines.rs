//! What is typed first by somebody who comes from std or tokio: that it compiles is the test.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

mod common;

use std::borrow::Cow;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use aiofile::{AioFile, Choice, Context, File, LineReader, Mode, OpenOptions, Reader, SeekFrom};
use aiofile::{Writer, async_open, default_context};
use futures_util::StreamExt;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

#[tokio::test]
async fn anything_that_is_bytes_or_text_is_written() -> aiofile::Result<()> {
    let (_directory, path) = common::scratch(b"");
    let file = AioFile::create(&path).await?;
    let (text, boxed): (String, Box<[u8]>) = ("text,".to_owned(), b"boxed,"[..].into());
    let shared: Arc<[u8]> = b"shared,"[..].into();
    file.write_all_at(b"bytes,", 0).await?;
    file.write_all_at([b'a', b','], 6).await?;
    file.write_all_at(&text, 8).await?;
    file.write_all_at(text.as_str(), 13).await?;
    file.write_all_at(&vec![b'v', b','], 18).await?;
    file.write_all_at(boxed, 20).await?;
    file.write_all_at(shared, 26).await?;
    file.write_all_at(Cow::Borrowed("cow"), 33).await?;
    let writer = Writer::new(&file).offset(36);
    writer.write_all(&text[4..]).await?;
    writer.write_all(b"end").await?;
    let expected = "bytes,a,text,text,v,boxed,shared,cow,end";
    assert_eq!(std::fs::read_to_string(&path)?, expected);
    Ok(())
}

/// As code for tokio does it, with a slice that does not live long.
async fn save(file: &mut File, data: &[u8]) -> io::Result<()> {
    file.write_all(data).await?;
    file.write_owned(data).await?;
    file.flush().await
}

#[tokio::test]
async fn code_for_tokio_reads_writes_and_seeks() -> io::Result<()> {
    let (_directory, path) = common::scratch(b"");
    let mut file = async_open(&path, "w+").await?;
    let local = vec![b'1', b'2'];
    save(&mut file, &local).await?;
    let mut buffer = [0; 10];
    assert_eq!(file.seek(SeekFrom::Start(1)).await?, 1);
    assert_eq!(file.read(&mut buffer).await?, 3);
    assert_eq!(&buffer[..3], b"212");
    file.rewind().await?;
    file.write_all(b"one\ntwo\n").await?;
    file.rewind().await?;
    let mut lines = file.lines();
    assert_eq!(lines.next_line().await?.as_deref(), Some("one"));
    assert_eq!(lines.next_line().await?.as_deref(), Some("two"));
    assert_eq!(lines.next_line().await?, None);
    Ok(())
}

async fn count(mut reader: impl tokio::io::AsyncRead + Unpin) -> io::Result<usize> {
    reader.read_to_end(&mut Vec::new()).await
}

#[tokio::test]
async fn what_takes_tokios_traits_takes_a_file_and_a_reader() -> io::Result<()> {
    let (_directory, path) = common::scratch(b"0123456789");
    assert_eq!(count(async_open(&path, "r").await?).await?, 10);
    let mut file = OpenOptions::new().read(true).open(&path).await?;
    assert_eq!(tokio::io::copy(&mut file, &mut tokio::io::sink()).await?, 10);

    // `take` and `chunks` are those of one trait each, though both are in scope.
    let file = AioFile::open(&path, "r").await?;
    let mut text = String::new();
    Reader::new(&file).take(4).read_to_string(&mut text).await?;
    assert_eq!(text, "0123");
    let mut chunks = Reader::new(&file).chunk_size(4).chunks().take(2);
    assert_eq!(chunks.next().await.transpose()?.as_deref(), Some(&b"0123"[..]));
    Ok(())
}

#[tokio::test]
async fn a_mode_is_any_text_or_a_constant() -> io::Result<()> {
    let (_directory, path) = common::scratch(b"");
    let mode = String::from("r");
    AioFile::open(&path, &mode).await?;
    AioFile::open(&path, mode).await?;
    AioFile::open(&path, Mode::READ_WRITE).await?;
    assert_eq!(async_open(&path, Mode::APPEND).await?.mode().to_string(), "a");
    Ok(())
}

#[tokio::test]
async fn options_are_kept_and_set_step_by_step() -> io::Result<()> {
    let (_directory, path) = common::scratch(b"");
    let mut options = OpenOptions::new();
    options.read(true);
    options.open(&path).await?;
    options.write(true).create_new(true).mode(0o600);
    let error = options.open(&path).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    Ok(())
}

#[tokio::test]
async fn a_reader_takes_the_file_or_borrows_it() -> io::Result<()> {
    let (_directory, path) = common::scratch(b"one\n");
    let file = AioFile::open(&path, "r").await?;
    assert_eq!(LineReader::new(&file).next_str().await?, Some("one"));
    let mut lines = LineReader::new(file);
    assert_eq!(lines.next().await.transpose()?.as_deref(), Some(&b"one"[..]));
    Ok(())
}

#[tokio::test]
async fn the_descriptor_is_at_hand() -> io::Result<()> {
    let (_directory, path) = common::scratch(b"");
    let (file, aio) = (File::open(&path).await?, AioFile::open(&path, "r").await?);
    for descriptor in [file.as_fd(), aio.as_fd()] {
        assert!(descriptor.as_raw_fd() >= 0);
    }
    assert_ne!(file.as_raw_fd(), aio.as_raw_fd());
    Ok(())
}

#[tokio::test]
async fn an_error_has_std_kind_and_a_sentence() {
    match AioFile::open("/no/such/file", "r").await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let debug = format!("{error:?}");
            assert!(debug.contains("open /no/such/file: No such file or directory"), "{debug}");
        }
        other => panic!("{other:?}"),
    }
}

async fn ours() -> io::Result<()> {
    let file = AioFile::open("/proc/version", "r").await?;
    assert_eq!(file.read_at(1, 0).await?, "L");
    Ok(())
}

async fn tokios() -> aiofile::Result<()> {
    tokio::fs::metadata("/proc/version").await?;
    Ok(())
}

async fn both() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    ours().await?;
    tokios().await?;
    aiofile::context().build()?;
    Ok(())
}

#[tokio::test]
async fn errors_of_both_meet_in_one_function() {
    both().await.unwrap();
}

fn chosen(context: &Context) -> Option<Choice> {
    context.config().backend.clone()
}

#[tokio::test]
async fn a_context_is_looked_at_without_another_crate() -> aiofile::Result<()> {
    let context = default_context()?;
    let choice = chosen(&context).unwrap_or(Choice::Auto);
    assert!(!format!("{choice:?}").is_empty());
    Ok(())
}
