//! A parallel download: ranges of one file come over several HTTP connections at once and are
//! written into one file, by one Writer a range. The server is a small one on loopback, which reads
//! the ranges that it serves from a file too.
//!
//! `cargo run --release --example range_download -- [BYTES [CONNECTIONS]]`
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use aiofile::{AioFile, Reader, Writer};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn Error + Send + Sync>;

/// The most bytes that are taken from a connection at once.
const PIECE_BYTES: usize = 256 << 10;

static REQUESTS: AtomicU64 = AtomicU64::new(0);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let length: u64 = arguments.next().as_deref().unwrap_or("33554433").parse()?;
    let connections: u64 = arguments.next().as_deref().unwrap_or("8").parse::<u64>()?.max(1);

    let directory = tempfile::tempdir()?;
    let source = AioFile::open(directory.path().join("source"), "w+").await?;
    let writer = Writer::new(&source);
    let mut made = 0;
    while made < length {
        let piece: Vec<u8> = (made..length.min(made + (1 << 20)))
            .map(|i| (i ^ (i >> 8) ^ (i >> 16)) as u8)
            .collect();
        made += piece.len() as u64;
        writer.write_all(piece).await?;
    }

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let server = tokio::spawn(serve(listener, source.clone()));

    let target = AioFile::open(directory.path().join("target"), "w+").await?;
    target.set_len(length).await?;
    let share = length.div_ceil(connections).max(1);
    let ranges = (0..connections).map(|i| (i * share).min(length)..((i + 1) * share).min(length));
    let downloads: Vec<_> = ranges
        .filter(|range| !range.is_empty())
        .map(|range| tokio::spawn(download(address.clone(), range, target.clone())))
        .collect();
    for download in downloads {
        download.await??;
    }
    server.abort();

    let (mut ours, mut theirs) = (Reader::new(&target), Reader::new(&source));
    loop {
        match (ours.next_chunk().await?, theirs.next_chunk().await?) {
            (None, None) => break,
            (ours, theirs) if ours == theirs => {}
            _ => return Err(format!("the copy differs near byte {}", ours.position()).into()),
        }
    }
    println!("{length} bytes by {} requests, as they should be", REQUESTS.load(Ordering::Relaxed));
    Ok(())
}

/// Gets one range and writes it to its place.
async fn download(address: String, range: Range<u64>, target: AioFile) -> Result<(), Failure> {
    let mut connection = BufReader::with_capacity(PIECE_BYTES, TcpStream::connect(&address).await?);
    let request = format!(
        "GET /source HTTP/1.1\r\nHost: {address}\r\nRange: bytes={}-{}\r\n\
         Connection: close\r\n\r\n",
        range.start,
        range.end - 1
    );
    connection.write_all(request.as_bytes()).await?;
    let head = read_head(&mut connection).await?;
    if !head.first().is_some_and(|status| status.starts_with("HTTP/1.1 206 ")) {
        return Err(format!("the server answered {head:?}").into());
    }
    let length: u64 = header(&head, "content-length").ok_or("no length")?.parse()?;
    if length != range.end - range.start {
        return Err(format!("{length} bytes for the range {range:?}").into());
    }
    let writer = Writer::new(&target).offset(range.start);
    while writer.position() < range.end {
        let left = (range.end - writer.position()).min(PIECE_BYTES as u64);
        let mut piece = Vec::with_capacity(left as usize);
        let read = (&mut connection).take(left).read_buf(&mut piece).await?;
        if read == 0 {
            return Err("the connection closed early".into());
        }
        writer.write_all(piece).await?;
    }
    Ok(())
}

async fn serve(listener: TcpListener, source: AioFile) -> Result<(), Failure> {
    loop {
        let (connection, _) = listener.accept().await?;
        tokio::spawn(answer(connection, source.clone()));
    }
}

/// Answers one request for one range.
async fn answer(connection: TcpStream, source: AioFile) -> Result<(), Failure> {
    let mut connection = BufReader::new(connection);
    let head = read_head(&mut connection).await?;
    REQUESTS.fetch_add(1, Ordering::Relaxed);
    let length = source.len().await?;
    let wanted = header(&head, "range").and_then(|range| range.strip_prefix("bytes="));
    let range = wanted.and_then(|range| {
        let (start, last) = range.split_once('-')?;
        let (start, end) = (start.parse::<u64>().ok()?, last.parse::<u64>().ok()?.checked_add(1)?);
        (start < end && end <= length).then_some(start..end)
    });
    let Some(Range { start, end }) = range else {
        let refusal = "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n";
        return Ok(connection.write_all(refusal.as_bytes()).await?);
    };
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{length}\r\n\
         Content-Length: {}\r\n\r\n",
        end - 1,
        end - start
    );
    connection.write_all(head.as_bytes()).await?;
    let mut range = Reader::new(&source).offset(start).take(end - start);
    tokio::io::copy_buf(&mut range, &mut connection).await?;
    Ok(connection.shutdown().await?)
}

/// The lines up to the empty one.
async fn read_head(connection: &mut BufReader<TcpStream>) -> Result<Vec<String>, Failure> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await? == 0 {
            return Err("the connection closed early".into());
        }
        match line.trim_end() {
            "" => return Ok(head),
            line => head.push(line.to_owned()),
        }
    }
}

fn header<'a>(head: &'a [String], name: &str) -> Option<&'a str> {
    let lines = head.iter().filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
