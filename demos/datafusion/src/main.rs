//! DataFusion on aiofile's object store beside the same on `LocalFileSystem`: ten queries over a
//! directory of Parquet files, cold and hot, in one run, with the answers compared.
//!
//! ```sh
//! cargo run --release -- [--size 220M] [--rounds 7] [--uncompressed] [--quick] [--svg FILE] [DIR]
//! ```
//!
//! See README.md.
#![allow(clippy::print_stdout, reason = "it prints tables")]

mod answer;
mod arguments;
mod hits;
mod measure;
mod picture;
mod queries;
mod table;
mod way;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use aiofile_bench::{Machine, Scratch, date};
use arguments::Arguments;
use measure::{Measured, Temperature};
use queries::QUERIES;

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let mut scratch = None;
    let directory = match arguments.directory {
        Some(directory) => directory,
        None => scratch.insert(Scratch::new(Path::new("."))?).path().join("hits"),
    };
    hits::provide(&directory, arguments.size, arguments.compression)?;
    let files = files(&directory)?;
    println!("{}; {}; rounds: {}\n", date(), described(&files)?, arguments.rounds);
    for (what, value) in Machine::of(&directory)?.rows() {
        println!("- {what}: {value}");
    }
    let mut all: Vec<Measured> = Vec::new();
    for temperature in Temperature::ALL {
        println!("\n{}", table::head(temperature));
        for query in &QUERIES {
            let measured =
                measure::measure(query, temperature, &directory, &files, arguments.rounds).await?;
            println!("{}", table::row(&measured));
            all.push(measured);
        }
    }
    println!("\nAll stores gave the same answers. {}", table::losses(&all));
    fs::write(&arguments.svg, picture::picture(&all))?;
    println!("\nThe picture is in {}.", arguments.svg.display());
    Ok(())
}

/// The Parquet files of the directory, in the order of their names.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?.map(|entry| Ok(entry?.path()));
    let mut files = entries.collect::<Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    files.sort();
    match files.is_empty() {
        true => Err(format!("{}: there are no Parquet files", directory.display()).into()),
        false => Ok(files),
    }
}

fn described(files: &[PathBuf]) -> Result<String> {
    let mut bytes = 0;
    for file in files {
        bytes += fs::metadata(file)?.len();
    }
    Ok(format!("{} files, {:.1} MB", files.len(), bytes as f64 / 1e6))
}
