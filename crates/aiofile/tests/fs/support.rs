//! Runtimes, contexts, and directories with one of everything in them.

use std::ffi::OsString;
use std::fmt::Debug;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use aiofile::{BackendKind, Context, Error, with_context};
use tempfile::TempDir;

pub(crate) fn temporary() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A context as a user gets it, and for each backend that works here one that does nothing in
/// place.
pub(crate) fn contexts() -> Vec<Context> {
    let mut contexts = vec![aiofile::context().build().unwrap()];
    for kind in BackendKind::ALL {
        match aiofile::context().backend(kind).in_place(false).build() {
            Ok(context) => contexts.push(context),
            Err(error) => println!("skipped: {kind}: {error}"),
        }
    }
    contexts
}

/// Runs a test in a current-thread runtime, in a multi-thread one and without tokio, with each
/// context as the default one and with none.
pub(crate) fn everywhere(test: impl AsyncFn()) {
    let one = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut many = tokio::runtime::Builder::new_multi_thread();
    let many = many.worker_threads(2).enable_all().build().unwrap();
    for context in contexts() {
        one.block_on(with_context(&context, test()));
        many.block_on(with_context(&context, test()));
        futures_executor::block_on(with_context(&context, test()));
    }
    one.block_on(test());
    many.block_on(test());
    futures_executor::block_on(test());
}

/// The same where the runtime does not matter.
pub(crate) fn on_each_backend(test: impl AsyncFn()) {
    for context in contexts() {
        futures_executor::block_on(with_context(&context, test()));
    }
}

/// The errno, also of an error that travels inside.
pub(crate) fn errno(error: &io::Error) -> Option<i32> {
    error.raw_os_error().or_else(|| Error::of(error)?.raw_os_error())
}

/// Both succeeded with the same, or failed with the same errno and kind.
#[track_caller]
pub(crate) fn assert_same<T: PartialEq + Debug>(
    what: impl Debug,
    ours: io::Result<T>,
    std: io::Result<T>,
) {
    match (ours, std) {
        (Ok(ours), Ok(std)) => assert_eq!(ours, std, "{what:?}"),
        (Err(ours), Err(std)) => {
            assert_eq!(errno(&ours), std.raw_os_error(), "{what:?}: {ours}, std: {std}");
            assert_eq!(ours.kind(), std.kind(), "{what:?}: {ours}");
        }
        (ours, std) => panic!("{what:?}: {ours:?}, std: {std:?}"),
    }
}

/// Two directories that are alike, for this crate and for std.
pub(crate) struct Twins {
    _root: TempDir,
    pub(crate) ours: PathBuf,
    pub(crate) std: PathBuf,
}

impl Twins {
    pub(crate) fn new() -> Self {
        let root = temporary();
        let (ours, std) = (root.path().join("ours"), root.path().join("std"));
        for directory in [&ours, &std] {
            std::fs::create_dir(directory).unwrap();
            fill(directory).unwrap();
        }
        Self { _root: root, ours, std }
    }

    /// What one did is what the other did.
    #[track_caller]
    pub(crate) fn assert_alike(&self, what: impl Debug) {
        assert_eq!(tree(&self.ours), tree(&self.std), "{what:?}");
    }
}

/// One of everything.
fn fill(directory: &Path) -> io::Result<()> {
    let at = |name: &str| directory.join(name);
    std::fs::write(at("file"), "some text")?;
    std::fs::write(at("empty"), "")?;
    std::fs::write(at(&"x".repeat(255)), "long")?;
    std::fs::write(directory.join(OsString::from_vec(vec![b'n', 0xff])), "no UTF-8 \u{e4}")?;
    std::fs::write(at("bytes"), [b'b', 0xff, b'b'])?;
    std::fs::write(at("locked"), "read-only")?;
    std::fs::set_permissions(at("locked"), PermissionsExt::from_mode(0o444))?;
    std::fs::create_dir_all(at("dir/inner"))?;
    std::fs::write(at("dir/file"), "below")?;
    std::fs::create_dir(at("hollow"))?;
    symlink("file", at("link"))?;
    symlink("dir", at("dirlink"))?;
    symlink("nowhere", at("dangling"))?;
    symlink("loop", at("loop"))
}

/// Names to try: those of `fill`, and others that are not there or cannot be.
pub(crate) fn names() -> Vec<OsString> {
    let there = ["file", "empty", "bytes", "locked", "dir", "hollow", "link", "dirlink", "loop"];
    let odd = ["dangling", "dir/file", "dir/../file", "file/", "hollow/", "dir/.", "link/."];
    let missing = ["missing", "missing/below", "file/below", "loop/below", "a\0b"];
    let mut names: Vec<OsString> =
        [&there[..], &odd, &missing].concat().into_iter().map(OsString::from).collect();
    names.push(OsString::from_vec(vec![b'n', 0xff]));
    names.extend([255, 256].map(|length| "x".repeat(length).into()));
    names.push("deep/".repeat(1000).into());
    names
}

/// All that is in a directory: paths, modes, contents and what links say.
fn tree(directory: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(next) = waiting.pop() {
        let Ok(metadata) = std::fs::symlink_metadata(&next) else { continue };
        let contents = if metadata.is_symlink() {
            std::fs::read_link(&next).unwrap().into_os_string().into_vec()
        } else if metadata.is_dir() {
            waiting.extend(std::fs::read_dir(&next).unwrap().map(|entry| entry.unwrap().path()));
            Vec::new()
        } else {
            std::fs::read(&next).unwrap()
        };
        let name = next.strip_prefix(directory).unwrap().to_owned();
        found.push((name, metadata.mode(), contents));
    }
    found.sort();
    found
}
