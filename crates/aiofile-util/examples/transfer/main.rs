//! Files over HTTP, in blocks, several at once: a download, an upload, and a server of uploads.
//! What was killed goes on where it was, when it is started again.
//!
//! It shows how blocks that arrive in any order are written at their offsets into one open file,
//! and how a journal beside it notes those that are on the disk.
//!
//! ```text
//! cargo build --release -p aiofile-util --example transfer
//! target/release/examples/transfer download http://127.0.0.1:8080/name FILE
//! target/release/examples/transfer receive --listen 127.0.0.1:8081 DIRECTORY
//! target/release/examples/transfer upload FILE http://127.0.0.1:8081/name
//! ```
//!
//! The example `file_server` is what a download may come from.

mod client;
mod download;
mod journal;
mod partial;
mod receive;
mod upload;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hyper::Uri;
use tokio::io::AsyncWriteExt;

/// So many bytes go through one request, and are noted as one.
const BLOCK_BYTES: u64 = 1 << 20;

#[derive(Parser)]
#[command(about = "Moves files over HTTP in blocks, and goes on where it was stopped")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Get a file from a server that knows ranges
    Download {
        /// So many requests at once
        #[arg(long, default_value = "4")]
        connections: NonZeroUsize,
        url: Uri,
        file: PathBuf,
    },
    /// Give a file to `transfer receive`
    Upload {
        /// So many requests at once
        #[arg(long, default_value = "4")]
        connections: NonZeroUsize,
        file: PathBuf,
        url: Uri,
    },
    /// Take uploads into a directory
    Receive {
        /// Address and port; port 0 takes a free one
        #[arg(long, default_value = "127.0.0.1:8081")]
        listen: SocketAddr,
        directory: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Download { connections, url, file } => {
            download::run(&url, &file, connections.get()).await
        }
        Command::Upload { connections, file, url } => {
            upload::run(&file, &url, connections.get()).await
        }
        Command::Receive { listen, directory } => receive::run(listen, directory).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(io::stderr(), "transfer: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a line at once.
async fn say(line: &str) -> io::Result<()> {
    let mut output = aiofile::stdout();
    output.write_all(format!("{line}\n").as_bytes()).await?;
    output.flush().await
}
