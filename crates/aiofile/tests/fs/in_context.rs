//! `Fs` has all functions of `fs` as methods, and they use its context.

use std::collections::BTreeSet;
use std::path::Path;

use aiofile::fs::{Fs, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::support::temporary;

/// What `Fs` has beyond the functions: how one is made, its context, and opening, which in `fs` is
/// a matter of `File` and `OpenOptions`.
const METHODS_ONLY: [&str; 5] = ["new", "current", "context", "open", "open_with"];

/// What is a function alone: it asks nothing of the system.
const FUNCTIONS_ONLY: [&str; 3] = ["acl_group_rights", "is_temporary_name", "temporary_name"];

/// The names of the functions that `fs` has.
fn functions(sources: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(sources.join("fs.rs")).unwrap();
    let uses = text.split("pub use ").skip(1).map(|after| after.split(';').next().unwrap());
    let names = uses.flat_map(|path| path.rsplit("::").next().unwrap().split(['{', '}', ',']));
    let is_function = |name: &&str| name.starts_with(|first: char| first.is_ascii_lowercase());
    names.map(str::trim).filter(is_function).map(str::to_owned).collect()
}

/// The names of the public methods in the files below a directory, wherever `impl Fs` stands.
fn methods(directory: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(methods(&path));
            continue;
        }
        let mut is_within = false;
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            is_within = if line.starts_with("impl") { line == "impl Fs {" } else { is_within };
            let words = ["    pub async fn ", "    pub fn "];
            let after = words.iter().find_map(|words| line.strip_prefix(words));
            let name = after.into_iter().flat_map(|after| after.split(['(', '<']).next());
            names.extend(name.filter(|_| is_within).map(str::to_owned));
        }
    }
    names
}

#[test]
fn each_function_is_a_method_and_each_method_a_function() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut functions, methods) = (functions(&sources), methods(&sources.join("fs")));
    assert!(functions.len() > 40, "{functions:?}");
    functions.extend(METHODS_ONLY.map(str::to_owned));
    functions.retain(|name| !FUNCTIONS_ONLY.contains(&name.as_str()));
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
