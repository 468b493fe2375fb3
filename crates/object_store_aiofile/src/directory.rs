//! Directories that objects need, and those that they leave behind. All of it blocks.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Has the names in a directory reach the device.
pub(crate) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// The same for the directory that a path is in.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync)
}

/// Makes the directories above a path that are missing. Where it is to be durable, each directory
/// that got a new name in it is on the device when this returns.
pub(crate) fn make_parents(path: &Path, is_durable: bool) -> io::Result<()> {
    let parents = path.ancestors().skip(1);
    let missing: Vec<_> = parents.take_while(|parent| !parent.exists()).collect();
    let Some(nearest) = path.parent() else { return Ok(()) };
    fs::create_dir_all(nearest)?;
    if is_durable {
        missing.iter().rev().try_for_each(|made| sync_parent(made))?;
    }
    Ok(())
}

/// Does something that needs the directories above a path, and makes them where they are missing.
/// They may go again before it is done, where somebody removes those that are empty.
pub(crate) fn with_parents<T>(
    path: &Path,
    is_durable: bool,
    mut what: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    const TIMES: usize = 64;
    for _ in 1..TIMES {
        match what() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_parents(path, is_durable)?;
            }
            done => return done,
        }
    }
    what()
}

/// Removes the directories above a path that have become empty, up to the root of the store.
pub(crate) fn remove_empty_parents(path: &Path, root: &Path) {
    let parents = path.ancestors().skip(1).take_while(|parent| *parent != root);
    // What is not empty, or not ours to remove, stays, and so does all above it.
    let _ = parents.map(fs::remove_dir).find(Result::is_err);
}
