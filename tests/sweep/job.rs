//! A job: what it begins with, what it does, and what has to hold however it ended.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use caio_testkit::Random;
use tempfile::TempDir;

/// What a job does in its directory. It panics where something was wrong and no error told so.
pub(crate) type Running = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) run: fn(PathBuf) -> Running,
    /// What the directory has to hold; `true` where the job was acknowledged.
    pub(crate) check: fn(&Path, bool) -> Result<(), String>,
}

/// The length of the file `old`: several blocks, and a part of one.
const OLD_BYTES: usize = 10_000;

const NEW_BYTES: usize = 13_000;

/// The lines of the file `lines`.
pub(crate) const LINES: usize = 300;

/// What each job finds in its directory.
pub(crate) const PREPARED: [&str; 5] = ["old", "lines", "sorted", "tree", "stale"];

/// The entries below `tree`, itself among them.
pub(crate) const TREE: [&str; 7] = ["", "a", "empty", "link", "sub", "sub/b", "sub/c"];

/// What is in `old`.
pub(crate) fn old() -> Vec<u8> {
    Random::new(1).bytes(OLD_BYTES)
}

/// What jobs write.
pub(crate) fn new() -> Vec<u8> {
    Random::new(2).bytes(NEW_BYTES)
}

pub(crate) fn lines() -> String {
    (0..LINES).map(|number| format!("the line {number}\n")).collect()
}

/// What is in `sorted`.
pub(crate) fn sorted() -> String {
    (0..LINES).map(|number| format!("{number:06}\n")).collect()
}

/// A directory with the files that jobs work on.
pub(crate) fn prepared() -> TempDir {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    prepare(directory.path()).unwrap();
    directory
}

fn prepare(directory: &Path) -> io::Result<()> {
    fs::write(directory.join("old"), old())?;
    fs::write(directory.join("lines"), lines())?;
    fs::write(directory.join("sorted"), sorted())?;
    let tree = directory.join("tree");
    fs::create_dir_all(tree.join("sub"))?;
    fs::create_dir(tree.join("empty"))?;
    fs::write(tree.join("a"), old())?;
    fs::write(tree.join("sub/b"), "b")?;
    fs::hard_link(tree.join("sub/b"), tree.join("sub/c"))?;
    symlink("a", tree.join("link"))?;
    prepare_stale(&directory.join("stale"))
}

/// Something in the way of each entry of `tree`, and more than that.
fn prepare_stale(tree: &Path) -> io::Result<()> {
    for name in ["sub", "more/empty"] {
        fs::create_dir_all(tree.join(name))?;
    }
    for name in ["a", "empty", "sub/b", "more/file"] {
        fs::write(tree.join(name), "stale")?;
    }
    symlink("sub", tree.join("link"))
}

impl Job {
    /// What has to hold in the directory when nothing of the job is under way any more.
    pub(crate) fn examine(&self, directory: &Path, done: bool) -> Result<(), String> {
        self.check_names(directory)?;
        (self.check)(directory, done)
    }

    /// Nothing temporary is left behind.
    fn check_names(&self, directory: &Path) -> Result<(), String> {
        for entry in fs::read_dir(directory).map_err(told)? {
            let entry = entry.map_err(told)?;
            if aiofile::fs::is_temporary_name(&entry.file_name()) {
                return Err(format!("{} is left behind", entry.path().display()));
            }
            if entry.file_type().map_err(told)?.is_dir() {
                self.check_names(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// Nothing that was there has changed.
pub(crate) fn untouched(directory: &Path, _done: bool) -> Result<(), String> {
    holds(directory, "old", &[&old()])?;
    holds(directory, "lines", &[lines().as_bytes()])?;
    same_tree(directory, "tree")
}

/// The file holds one of these.
pub(crate) fn holds(directory: &Path, name: &str, expected: &[&[u8]]) -> Result<(), String> {
    let found = fs::read(directory.join(name)).map_err(|error| format!("{name}: {error}"))?;
    match expected.iter().any(|expected| found == *expected) {
        true => Ok(()),
        false => Err(format!("{name} holds {} bytes that it should not", found.len())),
    }
}

/// The file is not there, or holds the beginning of this.
pub(crate) fn begins(directory: &Path, name: &str, whole: &[u8]) -> Result<(), String> {
    match fs::read(directory.join(name)) {
        Ok(found) if whole.starts_with(&found) => Ok(()),
        Ok(found) => Err(format!("{name} holds {} bytes that it should not", found.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

/// The directory of this name is as `tree` was made.
pub(crate) fn same_tree(directory: &Path, name: &str) -> Result<(), String> {
    let tree = directory.join(name);
    holds(&tree, "a", &[&old()])?;
    holds(&tree, "sub/b", &[b"b"])?;
    holds(&tree, "sub/c", &[b"b"])?;
    let link = fs::read_link(tree.join("link")).map_err(told)?;
    let empty = fs::read_dir(tree.join("empty")).map_err(told)?.count() == 0;
    match link == Path::new("a") && empty {
        true => Ok(()),
        false => Err(format!("{name} has another link, or something where nothing was")),
    }
}

pub(crate) fn told(error: io::Error) -> String {
    error.to_string()
}
