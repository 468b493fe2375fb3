//! How fast the store is beside `LocalFileSystem`, in one run: the same work in turns, each round
//! beginning with another store.
//!
//! ```sh
//! cargo run --release -p object_store_aiofile --example speed -- [--rounds N] [--only WORD] [DIR]
//! ```
//!
//! It makes a file of 256 MiB in DIR, the present directory unless said, and prints a table in
//! Markdown: milliseconds, with the processor time of the process in brackets, each the least of
//! all rounds. Cold means that the file was dropped from the page cache before. What is slower than
//! with `LocalFileSystem`, or takes more processor time, is listed at the end.
#![allow(clippy::print_stdout, reason = "it prints a table")]

mod run;
mod shape;
mod table;

use std::error::Error;
use std::path::PathBuf;

use aiofile_bench::{Machine, date};

use run::Bench;
use shape::SHAPES;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (mut rounds, mut only, mut directory) = (15, String::new(), PathBuf::from("."));
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--rounds" => rounds = value()?.parse()?,
            "--only" => only = value()?,
            _ => directory = argument.into(),
        }
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let bench = runtime.block_on(Bench::prepare(&directory))?;
    println!("{}; rounds: {rounds}\n", date());
    for (what, value) in Machine::of(&directory)?.rows() {
        println!("- {what}: {value}");
    }
    println!("\n{}", table::HEAD);
    let mut losing = Vec::new();
    for shape in SHAPES.iter().filter(|shape| shape.name.contains(&only)) {
        for is_cold in [false, true].into_iter().filter(|is_cold| !is_cold || shape.reads()) {
            let measured = runtime.block_on(bench.measure(shape, is_cold, rounds))?;
            println!("{}", table::row(shape, is_cold, &measured));
            losing.extend(table::losses(shape, is_cold, &measured));
        }
    }
    println!("\n{} losing cells", losing.len());
    losing.iter().for_each(|cell| println!("- {cell}"));
    Ok(())
}
