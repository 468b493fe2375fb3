//! Serves the files of a directory with this crate or, to compare, with tower-http's `ServeDir`.
//!
//! ```text
//! cargo run --release -p aiofile-http --example serve_dir -- --listen 127.0.0.1:8080 DIRECTORY
//! cargo run --release -p aiofile-http --example serve_dir -- --tower-http DIRECTORY
//! wrk -t1 -c16 -d10 http://127.0.0.1:8080/name
//! ```

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use axum::serve::ListenerExt;
use clap::Parser;

#[derive(Parser)]
#[command(about = "Serves the files of a directory over HTTP")]
struct Arguments {
    /// Address and port; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// With tower-http's ServeDir
    #[arg(long)]
    tower_http: bool,
    directory: PathBuf,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let app = match arguments.tower_http {
        true => {
            Router::new().fallback_service(tower_http::services::ServeDir::new(arguments.directory))
        }
        false => Router::new().fallback_service(aiofile_http::ServeDir::new(arguments.directory)),
    };
    let listener = tokio::net::TcpListener::bind(arguments.listen).await?;
    writeln!(std::io::stdout(), "http://{}/", listener.local_addr()?)?;
    // A head and a body that are written apart would wait for each other's acknowledgement.
    let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
    axum::serve(listener, app).await
}
