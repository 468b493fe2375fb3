//! Patterns: what they match, and that nothing is searched that cannot match.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;

use aiofile::fs::glob;

/// What a pattern matches below the root, sorted and with single slashes; each error as `!`.
async fn matches(root: &Path, pattern: &str) -> Vec<String> {
    let mut entries = glob(&format!("{}/{pattern}", root.display())).unwrap();
    let mut found = Vec::new();
    while let Some(item) = entries.next().await {
        found.push(match item {
            Ok(entry) => {
                entry.path().strip_prefix(root).unwrap().to_str().unwrap().replace("//", "/")
            }
            Err(_) => "!".to_owned(),
        });
    }
    found.sort();
    found
}

fn tree() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for path in ["src/fs/walk", "src/text", "docs", "a/b/c/d", ".hidden"] {
        std::fs::create_dir_all(root.join(path)).unwrap();
    }
    for path in
        ["src/lib.rs", "src/fs/walk.rs", "src/fs/walk/entry.rs", "src/text/x.md", "docs/a*b.md"]
    {
        std::fs::write(root.join(path), "").unwrap();
    }
    std::fs::write(root.join(".hidden/h.rs"), "").unwrap();
    symlink("src", root.join("link")).unwrap();
    directory
}

#[tokio::test]
async fn patterns_match_as_they_say() {
    let tree = tree();
    for (pattern, expected) in [
        ("src/*.rs", &["src/lib.rs"][..]),
        ("src/**/*.rs", &["src/fs/walk.rs", "src/fs/walk/entry.rs", "src/lib.rs"]),
        ("**/*.rs", &[".hidden/h.rs", "src/fs/walk.rs", "src/fs/walk/entry.rs", "src/lib.rs"]),
        ("*/*/*", &["a/b/c", "src/fs/walk", "src/fs/walk.rs", "src/text/x.md"]),
        ("s?c/[ft]*/", &["src/fs", "src/text"]),
        ("src/fs/{walk.rs,walk/*}", &["src/fs/walk.rs", "src/fs/walk/entry.rs"]),
        ("{src,docs}/*.{rs,md}", &["docs/a*b.md", "src/lib.rs"]),
        ("docs/a\\*b.md", &["docs/a*b.md"]),
        ("docs/a[*]b.md", &["docs/a*b.md"]),
        ("src/lib.rs", &["src/lib.rs"]),
        ("src/lib.rs/", &[]),
        ("src/fs/", &["src/fs"]),
        ("src//fs//*.rs", &["src/fs/walk.rs"]),
        ("*/fs//*.rs", &["src/fs/walk.rs"]),
        ("link/*.rs", &["link/lib.rs"]),
        ("lin*", &["link"]),
        ("lin*/*.rs", &[]),
        ("nothing/*", &[]),
        ("nothing", &[]),
        ("src/lib.rs/*", &[]),
        ("a/**/d", &["a/b/c/d"]),
    ] {
        assert_eq!(matches(tree.path(), pattern).await, expected, "{pattern}");
    }
}

#[tokio::test]
async fn a_relative_pattern_gives_relative_paths() {
    // The tests run in the directory of the crate.
    for (pattern, expected) in
        [("src/l?b.rs", "src/lib.rs"), ("*/lib.rs", "src/lib.rs"), ("./src/l?b.rs", "./src/lib.rs")]
    {
        let mut entries = glob(pattern).unwrap();
        let entry = entries.next().await.unwrap().unwrap();
        assert_eq!(entry.path().as_os_str(), expected, "{pattern}");
        assert!(entries.next().await.is_none());
    }
}

#[tokio::test]
async fn directories_that_cannot_match_are_not_read() {
    let tree = tree();
    // Its contents are younger than its last reading, so that the next reading is noted.
    let other = tree.path().join("other");
    std::fs::create_dir_all(other.join("inner")).unwrap();
    let before = atime(&other);
    assert_eq!(matches(tree.path(), "s*/lib.*").await, ["src/lib.rs"]);
    assert_eq!(atime(&other), before);
}

/// When a directory was last read, on file systems that say so.
fn atime(path: &Path) -> std::time::SystemTime {
    std::fs::metadata(path).unwrap().accessed().unwrap()
}

#[tokio::test]
async fn what_is_no_pattern_is_refused() {
    for pattern in ["", "a/[", "{a", "x/{b,{c}", "[z-a]/b"] {
        let error = glob(pattern).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{pattern}");
        assert!(error.to_string().starts_with("glob: "), "{error}");
    }
}
