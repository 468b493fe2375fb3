//! Records of a CSV file through LineReader: quoted fields, doubled quotes and line breaks within
//! quotes.
//!
//! `cargo run --release --example csv_records -- [FILE]`; without a file it makes one and checks
//! what it reads.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use aiofile::{AioFile, BufferedWriter, LineReader, Result};

const RECORDS: u64 = 20_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if let Some(path) = std::env::args_os().nth(1) {
        let file = AioFile::open(path, "r").await?;
        let mut lines = LineReader::new(&file).crlf(true);
        let mut records = 0;
        while let Some(record) = next_record(&mut lines).await? {
            records += 1;
            println!("{record:?}");
        }
        println!("{records} records");
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("made.csv");
    let file = AioFile::open(&path, "w+").await?;
    let mut writer = BufferedWriter::new(&file);
    for number in 0..RECORDS {
        let record =
            format!("{number},\"a \"\"quoted\"\" word, and\r\nanother line\",{}\r\n", number * 2);
        writer.write_all(record).await?;
    }
    writer.flush().await?;

    let mut lines = LineReader::new(&file).crlf(true);
    for number in 0..RECORDS {
        let record = next_record(&mut lines).await?.ok_or("a record is missing")?;
        let expected = [
            number.to_string(),
            "a \"quoted\" word, and\nanother line".into(),
            (number * 2).to_string(),
        ];
        if record != expected {
            return Err(format!("record {number} is {record:?}").into());
        }
    }
    println!("{RECORDS} records as they were written");
    Ok(())
}

/// The fields of the next record, which goes on over line breaks while a quote is open.
async fn next_record(lines: &mut LineReader) -> Result<Option<Vec<String>>> {
    let Some(line) = lines.next_str().await? else { return Ok(None) };
    let mut text = line.to_owned();
    while text.matches('"').count() % 2 == 1 {
        let Some(line) = lines.next_str().await? else { break };
        text.push('\n');
        text.push_str(line);
    }
    Ok(Some(fields(&text)))
}

fn fields(record: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let (mut quoted, mut characters) = (false, record.chars().peekable());
    while let Some(character) = characters.next() {
        let field = fields.last_mut().expect("there is always a field");
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => field.push(character),
        }
    }
    fields
}
