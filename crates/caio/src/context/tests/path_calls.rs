//! Calls on paths, on whichever backend.

use std::fs;
use std::path::Path;

use super::{block_on, each};
use crate::op::{Output, PathCall};

#[test]
fn every_backend_makes_them_and_errors_name_the_call_and_its_paths() {
    each(|context| {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        for name in ["a.1", "a.2", "b"] {
            fs::write(path(name), name).unwrap();
        }
        let call = |call| block_on(context.on_path(call));
        let listed = |prefix: &str| {
            let entries =
                PathCall::Entries { path: place.path().to_owned(), prefix: prefix.into() };
            let Output::Entries(entries) = call(entries).unwrap() else { panic!("no entries") };
            let mut names: Vec<_> = entries
                .into_iter()
                .map(|(name, metadata)| (name.into_string().unwrap(), metadata.len()))
                .collect();
            names.sort();
            names
        };
        assert_eq!(listed("a."), [("a.1".to_owned(), 3), ("a.2".to_owned(), 3)]);
        let to_new = PathCall::RenameNew { from: path("a.1"), to: path("b") };
        let error = call(to_new).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EEXIST));
        let shown = |name: &str| path(name).display().to_string();
        let expected = format!("rename {} to {}: File exists", shown("a.1"), shown("b"));
        assert!(error.to_string().starts_with(&expected), "{error}");

        call(PathCall::Rename { from: path("a.1"), to: path("b") }).unwrap();
        assert_eq!(fs::read(path("b")).unwrap(), b"a.1");
        call(PathCall::RenameNew { from: path("b"), to: path("c") }).unwrap();
        call(PathCall::RemoveFile { path: path("a.2") }).unwrap();
        assert_eq!(listed(""), [("c".to_owned(), 3)]);
        call(PathCall::SyncDirectory { path: place.path().to_owned() }).unwrap();

        std::os::unix::fs::symlink("c", path("link")).unwrap();
        let followed = call(PathCall::Canonicalize { path: path("link") }).unwrap();
        let whole = fs::canonicalize(path("c")).unwrap();
        assert!(matches!(followed, Output::Path(path) if path == whole));
        let missing = call(PathCall::RemoveFile { path: path("none") }).unwrap_err();
        assert!(missing.to_string().starts_with("remove_file "), "{missing}");
        let error = call(PathCall::RemoveFile { path: Path::new("a\0b").into() }).unwrap_err();
        assert!(error.to_string().starts_with("remove_file a"), "{error}");
    });
}
