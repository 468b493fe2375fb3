//! Trades of a market: taken from lines of CSV into a file for each symbol, and asked for by time.
//!
//! It shows records of a fixed size in a file that only grows: a query looks at some twenty of
//! millions of them, by binary search, and reads what it prints in one piece after the other.
//!
//! ```text
//! cargo run -p aiofile-util --example ticks -- ingest DIRECTORY trades.csv
//! cargo run -p aiofile-util --example ticks -- query DIRECTORY ACME --from 1000 --to 2000
//! ```
//!
//! A line is `time,symbol,price,volume`: a whole number in any unit, a name, a decimal number with
//! up to four places, a whole number. The times of a symbol do not decrease.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aiofile::fs::{self, FileLock};
use aiofile::{AioFile, BufferedWriter, LineReader, Reader};
use clap::{Parser, Subcommand};
use tokio::io::AsyncWriteExt;

/// Time, price in ten thousandths, volume: eight bytes each, little end first.
const RECORD_BYTES: u64 = 24;

#[derive(Parser)]
#[command(about = "Stores trades by symbol, and finds them by time")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Take trades in from lines of time,symbol,price,volume
    Ingest { directory: PathBuf, file: PathBuf },
    /// Print the trades of a symbol
    Query {
        directory: PathBuf,
        symbol: String,
        /// From this time on
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// Before this time
        #[arg(long, default_value_t = u64::MAX)]
        to: u64,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Ingest { directory, file } => ingest(&directory, &file).await,
        Command::Query { directory, symbol, from, to } => {
            query(&directory, &symbol, from, to).await.map(|()| 0)
        }
    };
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(wrong) => {
            _ = writeln!(io::stderr(), "ticks: {wrong} lines were passed over");
            ExitCode::FAILURE
        }
        Err(error) => {
            _ = writeln!(io::stderr(), "ticks: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A symbol's file, and the time of its last trade.
struct Symbol {
    writer: BufferedWriter,
    last: u64,
    /// Two programs that append at once would write over each other: the second one waits.
    _lock: FileLock,
}

struct Trade<'a> {
    time: u64,
    symbol: &'a str,
    price: i64,
    volume: u64,
}

/// How many lines were wrong: they are told, and the others are taken.
async fn ingest(directory: &Path, path: &Path) -> io::Result<u64> {
    fs::create_dir_all(directory).await?;
    let mut lines =
        LineReader::new(AioFile::open(path, "r").await?).crlf(true).max_line_bytes(4096);
    let mut symbols: HashMap<String, Symbol> = HashMap::new();
    let (mut number, mut taken, mut wrong) = (0, 0_u64, 0);
    loop {
        number += 1;
        let outcome = match lines.next_str().await {
            Ok(None) => break,
            Ok(Some(line)) => take(directory, line, &mut symbols).await?,
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                let why = error.to_string();
                lines.skip_line().await?;
                Err(why)
            }
            Err(error) => return Err(error),
        };
        match outcome {
            Ok(()) => taken += 1,
            Err(why) => {
                _ = writeln!(io::stderr(), "ticks: {}:{number}: {why}", path.display());
                wrong += 1;
            }
        }
    }
    for symbol in symbols.values_mut() {
        symbol.writer.flush().await?;
    }
    print(format!("{taken} trades of {} symbols\n", symbols.len()).as_bytes()).await?;
    Ok(wrong)
}

/// Takes one line, or says what is wrong with it. What is wrong with a file ends it all.
async fn take(
    directory: &Path,
    line: &str,
    symbols: &mut HashMap<String, Symbol>,
) -> io::Result<Result<(), String>> {
    let Some(trade) = parse(line) else {
        return Ok(Err("not time,symbol,price,volume".to_owned()));
    };
    let symbol = match symbols.get_mut(trade.symbol) {
        Some(symbol) => symbol,
        None => {
            let opened = open(directory, trade.symbol).await?;
            symbols.entry(trade.symbol.to_owned()).or_insert(opened)
        }
    };
    if trade.time < symbol.last {
        return Ok(Err(format!("{} is before the last time, {}", trade.time, symbol.last)));
    }
    let mut record = [0; RECORD_BYTES as usize];
    record[..8].copy_from_slice(&trade.time.to_le_bytes());
    record[8..16].copy_from_slice(&trade.price.to_le_bytes());
    record[16..].copy_from_slice(&trade.volume.to_le_bytes());
    symbol.writer.write_all(record).await?;
    symbol.last = trade.time;
    Ok(Ok(()))
}

fn parse(line: &str) -> Option<Trade<'_>> {
    let mut fields = line.split(',').map(str::trim);
    let (time, symbol, price, volume) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let (whole, places) = price.split_once('.').unwrap_or((price, ""));
    let is_number = !whole.is_empty() && places.len() <= 4;
    let is_number =
        is_number && [whole, places].concat().bytes().all(|digit| digit.is_ascii_digit());
    let price = is_number.then(|| format!("{whole}{places:0<4}"))?.parse().ok()?;
    let (time, volume) = (time.parse().ok()?, volume.parse().ok()?);
    (is_symbol(symbol) && fields.next().is_none()).then_some(Trade { time, symbol, price, volume })
}

/// A name of a file that leads nowhere else.
fn is_symbol(symbol: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=32).contains(&symbol.len()) && !symbol.starts_with('.') && symbol.chars().all(is_plain)
}

fn path_of(directory: &Path, symbol: &str) -> PathBuf {
    directory.join(format!("{symbol}.ticks"))
}

/// Behind the last whole record: a program that was killed may have left a part of one.
async fn open(directory: &Path, symbol: &str) -> io::Result<Symbol> {
    let mut options = aiofile::OpenOptions::new();
    let options = options.read(true).write(true).create(true);
    let file = options.open_aio(path_of(directory, symbol)).await?;
    let lock = fs::lock(&file).await?;
    let records = file.len().await? / RECORD_BYTES;
    file.set_len(records * RECORD_BYTES).await?;
    let last = match records.checked_sub(1) {
        Some(last) => time_of(&file, last).await?,
        None => 0,
    };
    let writer = BufferedWriter::new(file).offset(records * RECORD_BYTES);
    Ok(Symbol { writer, last, _lock: lock })
}

async fn query(directory: &Path, symbol: &str, from: u64, to: u64) -> io::Result<()> {
    if !is_symbol(symbol) {
        return Err(io::Error::new(ErrorKind::InvalidInput, format!("{symbol}: not a symbol")));
    }
    let file = AioFile::open(path_of(directory, symbol), "r").await?;
    let records = file.len().await? / RECORD_BYTES;
    let first = first_at_or_after(&file, records, from).await?;
    let mut left = first_at_or_after(&file, records, to).await?.saturating_sub(first);
    let chunk_bytes = RECORD_BYTES as usize * 2048;
    let mut reader = Reader::new(file).offset(first * RECORD_BYTES).chunk_size(chunk_bytes);
    while left > 0 {
        let Some(chunk) = reader.next_chunk().await? else { break };
        let mut text = String::new();
        for record in chunk.chunks_exact(RECORD_BYTES as usize).take(left as usize) {
            let (time, price, volume) = (number(record, 0), number(record, 1), number(record, 2));
            text += &format!("{time},{}.{:04},{volume}\n", price / 10_000, price % 10_000);
            left -= 1;
        }
        print(text.as_bytes()).await?;
    }
    Ok(())
}

/// The number of records that are earlier.
async fn first_at_or_after(file: &AioFile, records: u64, time: u64) -> io::Result<u64> {
    let (mut low, mut high) = (0, records);
    while low < high {
        let middle = low + (high - low) / 2;
        if time_of(file, middle).await? < time {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

async fn time_of(file: &AioFile, record: u64) -> io::Result<u64> {
    Ok(number(&file.read_exact_at(8, record * RECORD_BYTES).await?, 0))
}

fn number(record: &[u8], field: usize) -> u64 {
    record
        .chunks_exact(8)
        .nth(field)
        .and_then(|bytes| bytes.first_chunk())
        .copied()
        .map_or(0, u64::from_le_bytes)
}

async fn print(bytes: &[u8]) -> io::Result<()> {
    let mut output = aiofile::stdout();
    output.write_all(bytes).await?;
    output.flush().await
}
