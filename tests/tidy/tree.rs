//! The files of the repository, by their paths from its root.

use std::fs;
use std::path::{Path, PathBuf};

/// What a rule found: the line, from 1, and what to do there.
pub(crate) type Findings = Vec<(usize, String)>;

/// A text file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every Rust file.
pub(crate) fn rust_sources() -> Vec<Source> {
    texts().into_iter().filter(|source| source.path.ends_with(".rs")).collect()
}

/// Every file that somebody wrote.
pub(crate) fn texts() -> Vec<Source> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            paths.push(path);
        }
    }
    for directory in [".ci", "benches", "crates", "demos", "docs", "tests"] {
        walk(&root().join(directory), &mut paths);
    }
    paths.retain(|path| is_written_by_hand(path));
    paths.sort();
    paths.into_iter().map(|path| load(&path)).collect()
}

/// The one file at this path from the root.
pub(crate) fn read(path: &str) -> Source {
    load(&root().join(path))
}

/// Whether there is something at `target`, as a document at `path` names it.
pub(crate) fn exists(path: &str, target: &str) -> bool {
    beside(path, target).exists()
}

/// The text of what is at `target`, as a document at `path` names it, if there is one.
pub(crate) fn read_from(path: &str, target: &str) -> Option<String> {
    fs::read_to_string(beside(path, target)).ok()
}

fn beside(path: &str, target: &str) -> PathBuf {
    root().join(Path::new(path).parent().unwrap_or(Path::new(""))).join(target)
}

fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package lies in the repository").to_owned()
}

fn load(path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let path = path.strip_prefix(root()).expect("only files of the repository are read");
    Source { path: path.display().to_string(), text }
}

fn walk(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        // A package outside of the workspace builds in a directory of its own.
        if path.is_dir() && !path.ends_with("target") {
            walk(&path, paths);
        } else if path.is_file() {
            paths.push(path);
        }
    }
}

fn is_written_by_hand(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("rs" | "md" | "toml")) || path.ends_with(".ci/run")
}
