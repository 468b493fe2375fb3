//! Pictures: what files are, by their first bytes, and a BMP that is written row by row.
//!
//! It shows reads of a few bytes at an offset, many files at once with an answer for each in their
//! order, and a file that gets its name when it is complete.
//!
//! ```text
//! cargo run -p aiofile-util --example images -- draw --size 640x480 picture.bmp
//! cargo run -p aiofile-util --example images -- identify picture.bmp *.png
//! ```

mod draw;
mod identify;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use futures_util::{StreamExt, stream};
use tokio::io::AsyncWriteExt;

/// So many files are open at once.
const AT_ONCE: usize = 64;

#[derive(Parser)]
#[command(about = "Identifies pictures, and draws one")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell format, width and height: PNG, JPEG, GIF, WEBP and BMP
    Identify {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Write a gradient as a BMP file
    Draw {
        /// Width and height in pixels
        #[arg(long, default_value = "640x480", value_parser = draw::Size::parse)]
        size: draw::Size,
        file: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Identify { files } => identify_all(files).await,
        Command::Draw { size, file } => draw::draw(&file, size).await.map(|()| 0),
    };
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            _ = writeln!(io::stderr(), "images: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a line for each file; how many were not identified.
async fn identify_all(files: Vec<PathBuf>) -> io::Result<u64> {
    let looked_at = stream::iter(files).map(async |path| (identify::identify(&path).await, path));
    let mut looked_at = std::pin::pin!(looked_at.buffered(AT_ONCE));
    let (mut output, mut failed) = (aiofile::stdout(), 0);
    while let Some((picture, path)) = looked_at.next().await {
        match picture {
            Ok(picture) => {
                let line = format!("{}: {picture}\n", path.display());
                output.write_all(line.as_bytes()).await?;
            }
            Err(error) => {
                _ = writeln!(io::stderr(), "images: {error}");
                failed += 1;
            }
        }
    }
    output.flush().await?;
    Ok(failed)
}
