//! Files to copy, and what is left in a directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use aiofile::{BackendKind, Context, Error};
use tempfile::TempDir;

/// A directory on the disk of the build; where that is read-only, a temporary one.
pub(crate) fn place() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).or_else(|_| tempfile::tempdir()).unwrap()
}

pub(crate) fn file(directory: &Path, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, contents).unwrap();
    path
}

/// Bytes that repeat nowhere soon.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..length).map(step).collect()
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> =
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A context on each backend that works here.
pub(crate) fn contexts() -> Vec<Context> {
    let kinds = [BackendKind::Uring, BackendKind::Linux, BackendKind::Thread, BackendKind::Rust];
    let build = |kind: BackendKind| match aiofile::context().backend(kind).build() {
        Ok(context) => Some(context),
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    };
    kinds.into_iter().filter_map(build).collect()
}

/// The errno in an error of the library's.
pub(crate) fn errno(error: &std::io::Error) -> Option<i32> {
    Error::of(error).and_then(Error::raw_os_error)
}

/// Runs a command of the system's; says so where it does not work here.
pub(crate) fn works(program: &str, arguments: &[&str], path: &Path) -> bool {
    let ran = Command::new(program).args(arguments).arg(path).output();
    let works = ran.as_ref().is_ok_and(|ran| ran.status.success());
    if !works {
        println!("skipped: {program} does not work here: {ran:?}");
    }
    works
}
