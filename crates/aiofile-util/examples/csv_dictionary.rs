//! Records of a CSV file as dictionaries: each value under the name that its column has in the
//! first line, printed as a line of JSON.
//!
//! It shows how a reader of ours is what the crate `csv-async` reads from, and how wrong records
//! are told by their lines while the others are taken.
//!
//! ```text
//! cargo run -p aiofile-util --example csv_dictionary -- --where city=Bern people.csv
//! ```

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use aiofile::{AioFile, Reader};
use clap::Parser;
use csv_async::{AsyncReaderBuilder, ByteRecord, StringRecord};
use serde_json::{Map, Value};
use tokio::io::{AsyncWriteExt, BufWriter};

#[derive(Parser)]
#[command(about = "Prints the records of a CSV file as lines of JSON")]
struct Arguments {
    /// Only records with this value in this column; may be given several times
    #[arg(long = "where", value_name = "COLUMN=VALUE", value_parser = condition)]
    conditions: Vec<(String, String)>,
    /// What stands between two fields
    #[arg(long, default_value_t = ',')]
    delimiter: char,
    file: PathBuf,
}

fn condition(text: &str) -> Result<(String, String), String> {
    let (column, value) = text.split_once('=').ok_or("write a condition as column=value")?;
    Ok((column.to_owned(), value.to_owned()))
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(wrong) => {
            _ = writeln!(io::stderr(), "csv_dictionary: {wrong} records were passed over");
            ExitCode::FAILURE
        }
        Err(error) => {
            _ = writeln!(io::stderr(), "csv_dictionary: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How many records were wrong.
async fn run(arguments: &Arguments) -> io::Result<u64> {
    let path = arguments.file.display();
    let fail = |what: String| io::Error::new(ErrorKind::InvalidInput, what);
    let delimiter = u8::try_from(arguments.delimiter).ok().filter(u8::is_ascii);
    let delimiter =
        delimiter.ok_or_else(|| fail("the delimiter has to be one of ASCII".to_owned()))?;
    let file = AioFile::open(&arguments.file, "r").await?;
    let mut reader =
        AsyncReaderBuilder::new().delimiter(delimiter).create_reader(Reader::new(&file));
    let columns = reader.headers().await.map_err(|error| fail(format!("{path}: {error}")))?.clone();
    let mut conditions = Vec::new();
    for (column, value) in &arguments.conditions {
        let index = columns.iter().position(|name| name == column);
        let index = index.ok_or_else(|| fail(format!("{path}: there is no column {column:?}")))?;
        conditions.push((index, value.as_str()));
    }
    let (mut output, mut wrong) = (BufWriter::new(aiofile::stdout()), 0);
    let mut record = ByteRecord::new();
    loop {
        let taken = match reader.read_byte_record(&mut record).await {
            Ok(false) => break,
            Ok(true) => StringRecord::from_byte_record(record.clone()).map_err(|error| {
                let line = record.position().map_or(0, csv_async::Position::line);
                format!("line {line}: field {}: not UTF-8", error.utf8_error().field() + 1)
            }),
            Err(error) if error.is_io_error() => return Err(io::Error::other(error)),
            Err(error) => Err(error.to_string()),
        };
        match taken {
            Ok(record) => {
                if conditions.iter().all(|(index, value)| record.get(*index) == Some(*value)) {
                    output.write_all(line(&columns, &record)?.as_bytes()).await?;
                }
            }
            Err(why) => {
                _ = writeln!(io::stderr(), "csv_dictionary: {path}: {why}");
                wrong += 1;
            }
        }
    }
    output.flush().await?;
    Ok(wrong)
}

fn line(columns: &StringRecord, record: &StringRecord) -> io::Result<String> {
    let pairs = columns.iter().zip(record).map(|(name, value)| (name.to_owned(), value.into()));
    let dictionary: Map<String, Value> = pairs.collect();
    Ok(serde_json::to_string(&dictionary)? + "\n")
}
