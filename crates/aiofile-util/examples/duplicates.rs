//! Files with the same contents.
//!
//! It shows hashes of many files at once: only files of one size are read, and those that are one
//! file under several names are read once and count once.
//!
//! ```text
//! cargo run --release -p aiofile-util --example duplicates -- --min-bytes 1 DIRECTORY…
//! ```

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::ExitCode;

use aiofile::fs;
use aiofile_util::{HashKind, HashOptions};
use clap::Parser;
use tokio::io::AsyncWriteExt;

#[derive(Parser)]
#[command(about = "Finds files with the same contents")]
struct Arguments {
    /// Smaller files are passed over
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    min_bytes: u64,
    /// Files, and directories with all that is in them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            _ = writeln!(io::stderr(), "duplicates: {failed} could not be read");
            ExitCode::FAILURE
        }
        Err(error) => {
            _ = writeln!(io::stderr(), "duplicates: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How many paths could not be read.
async fn run(arguments: Arguments) -> io::Result<u64> {
    let mut failed = 0;
    let mut by_size: HashMap<u64, Vec<PathBuf>> = HashMap::new();
    let mut seen = HashSet::new();
    for path in arguments.paths {
        let mut entries = fs::walk(path).metadata(true).entries();
        while let Some(entry) = entries.next().await {
            let found = async {
                let entry = entry?;
                let metadata = entry.metadata().await?;
                io::Result::Ok((entry, metadata))
            };
            match found.await {
                Ok((entry, metadata)) => {
                    let is_wanted = metadata.is_file() && metadata.len() >= arguments.min_bytes;
                    if is_wanted && seen.insert((metadata.dev(), metadata.ino())) {
                        by_size.entry(metadata.len()).or_default().push(entry.into_path());
                    }
                }
                Err(error) => {
                    _ = writeln!(io::stderr(), "duplicates: {error}");
                    failed += 1;
                }
            }
        }
    }
    let candidates: Vec<_> =
        by_size.into_values().filter(|files| files.len() > 1).flatten().collect();

    let mut by_hash: HashMap<_, Vec<PathBuf>> = HashMap::new();
    let mut hashes = HashOptions::new(HashKind::Blake3).files_as_completed(candidates);
    while let Some((path, hash)) = hashes.next().await {
        match hash {
            Ok(hash) => by_hash.entry(hash.as_bytes().to_vec()).or_default().push(path),
            Err(error) => {
                _ = writeln!(io::stderr(), "duplicates: {error}");
                failed += 1;
            }
        }
    }
    let mut output = aiofile::stdout();
    output.write_all(text(by_hash.into_values().collect()).as_bytes()).await?;
    output.flush().await?;
    Ok(failed)
}

/// A paragraph for each group, in the order of their first names.
fn text(groups: Vec<Vec<PathBuf>>) -> String {
    let groups: BTreeMap<_, _> = groups
        .into_iter()
        .filter(|group| group.len() > 1)
        .map(|mut group| {
            group.sort();
            (group[0].clone(), group)
        })
        .collect();
    let paragraphs: Vec<String> = groups
        .into_values()
        .map(|group| group.iter().map(|path| format!("{}\n", path.display())).collect())
        .collect();
    paragraphs.join("\n")
}
