//! A server of files over HTTP/1.1: whole files and ranges, with conditional requests.
//!
//! It shows how a file becomes the body of a response that is read only as fast as the client
//! takes it: a slow client costs a few chunks of memory and no thread.
//!
//! ```text
//! cargo run --release -p aiofile-util --example file_server -- --listen 127.0.0.1:8080 DIRECTORY
//! curl -r 0-99 http://127.0.0.1:8080/name
//! ```

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use aiofile::fs;
use aiofile_http::ServeDir;
use clap::Parser;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// So long a client may take to send the head of its request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// So long clients may go on when the server is to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Parser)]
#[command(about = "Serves the files of a directory over HTTP")]
struct Arguments {
    /// Address and port; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The directory; symbolic links in it may lead to files in it, and not out of it
    directory: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(io::stderr(), "file_server: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until Ctrl-C. Requests that have begun go on for a while.
async fn serve(arguments: Arguments) -> io::Result<()> {
    let root = fs::canonicalize(&arguments.directory).await?;
    if !fs::metadata(&root).await?.is_dir() {
        let message = format!("{}: not a directory", arguments.directory.display());
        return Err(io::Error::new(ErrorKind::NotADirectory, message));
    }
    let files = ServeDir::new(root);
    let listener = TcpListener::bind(arguments.listen).await.map_err(|error| {
        io::Error::new(error.kind(), format!("listen at {}: {error}", arguments.listen))
    })?;
    let mut output = aiofile::stdout();
    output.write_all(format!("http://{}/\n", listener.local_addr()?).as_bytes()).await?;
    output.flush().await?;

    let connections = GracefulShutdown::new();
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Too few descriptors, perhaps: some are free again a little later.
                    _ = writeln!(io::stderr(), "file_server: accept: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            _ = &mut interrupted => break,
        };
        let service = TowerToHyperService::new(files.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // A client that went away is no trouble of the server's.
            let _ = connection.await;
        });
    }
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, connections.shutdown()).await;
    Ok(())
}
