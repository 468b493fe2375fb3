//! `Fs` has all functions of `fs` as methods, and they use its context.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aiofile::fs::{Fs, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::support::temporary;

/// What `Fs` has beyond the functions: how one is made, its context, and opening, which in `fs` is
/// a matter of `File` and `OpenOptions`.
const METHODS_ONLY: [&str; 5] = ["new", "current", "context", "open", "open_with"];

/// The sources of `fs` itself; what is below them belongs to other types.
fn sources() -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fs");
    let files = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let rust: Vec<PathBuf> = files.filter(|path| path.extension() == Some("rs".as_ref())).collect();
    rust.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// The public function that a line begins, if any.
fn function(line: &str) -> Option<String> {
    let after = line.strip_prefix("pub async fn ").or_else(|| line.strip_prefix("pub fn "))?;
    Some(after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}

#[test]
fn each_function_is_a_method_and_each_method_a_function() {
    let (mut functions, mut methods) = (BTreeSet::new(), BTreeSet::new());
    for text in sources() {
        let mut is_in_fs = false;
        for line in text.lines() {
            is_in_fs = if line.starts_with("impl") { line == "impl Fs {" } else { is_in_fs };
            functions.extend(function(line));
            let within = line.strip_prefix("    ").filter(|_| is_in_fs);
            methods.extend(within.and_then(function));
        }
    }
    assert!(functions.len() > 40, "{functions:?}");
    functions.extend(METHODS_ONLY.map(str::to_owned));
    let alone: Vec<_> = functions.symmetric_difference(&methods).collect();
    assert!(alone.is_empty(), "these are not both: {alone:?}");
}

#[tokio::test]
async fn files_that_it_opens_have_its_context() {
    let directory = temporary();
    let path = directory.path().join("file");
    let [context, other] = [(); 2].map(|()| aiofile::context().build().unwrap());
    let fs = Fs::new(&context);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).context(&other);
    let mut file = fs.open_with(&path, &options).await.unwrap();
    file.write_all(b"some text").await.unwrap();
    file.flush().await.unwrap();
    let mut text = fs.open(&path).await.unwrap();
    assert_eq!(text.read_all().await.unwrap(), "some text");
    let metrics = context.metrics();
    assert_eq!((metrics.bytes_written, metrics.bytes_read), (9, 9));
    assert_eq!(other.metrics().bytes_written, 0);
}
