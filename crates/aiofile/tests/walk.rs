//! Walks: walkdir's entries in walkdir's order, the same ones in parallel, and what goes wrong on
//! the way.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, create_dir, create_dir_all, write};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aiofile::BackendKind;
use aiofile::fs::{Walk, WalkEntry, WalkError, walk};
use walkdir::WalkDir;

/// What matters of an item: the path, the depth, and the type or the kind of error.
type Seen = (PathBuf, usize, String);

async fn seen(walk: &Walk) -> Vec<Seen> {
    let mut entries = walk.entries();
    let mut seen = Vec::new();
    while let Some(item) = entries.next().await {
        seen.push(summary(item));
    }
    assert!(entries.next().await.is_none(), "it stays at its end");
    seen
}

fn summary(item: Result<WalkEntry, WalkError>) -> Seen {
    match item {
        Ok(entry) => {
            let kind = format!("{:?} {}", entry.file_type(), entry.path_is_symlink());
            (entry.path().to_owned(), entry.depth(), kind)
        }
        Err(error) => {
            let kind = if error.loop_ancestor().is_some() {
                "loop".to_owned()
            } else {
                error.kind().to_string()
            };
            (error.path().to_owned(), error.depth(), kind)
        }
    }
}

fn walkdirs(walk: WalkDir) -> Vec<Seen> {
    let items = walk.into_iter().map(|item| match item {
        Ok(entry) => {
            let kind = format!("{:?} {}", entry.file_type(), entry.path_is_symlink());
            (entry.path().to_owned(), entry.depth(), kind)
        }
        Err(error) => {
            let path = error.path().unwrap().to_owned();
            let kind = match error.io_error() {
                Some(error) => error.kind().to_string(),
                None => "loop".to_owned(),
            };
            (path, error.depth(), kind)
        }
    });
    items.collect()
}

/// Directories at several depths, empty ones, links of all kinds, and strange names.
fn tree() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for outer in 0..7 {
        for inner in 0..outer {
            let path = root.join(format!("outer{outer}/inner{inner}"));
            create_dir_all(path.join("empty")).unwrap();
            for file in 0..12 {
                write(path.join(format!("file{file}")), "").unwrap();
            }
        }
    }
    let mut deep = root.join("deep");
    for level in 0..20 {
        deep.push(level.to_string());
    }
    create_dir_all(&deep).unwrap();
    write(deep.join("bottom"), "").unwrap();
    symlink(root, deep.join("up")).unwrap();
    symlink("../outer3", root.join("outer4/link")).unwrap();
    symlink("nowhere", root.join("broken")).unwrap();
    symlink("outer6/inner2/file3", root.join("file link")).unwrap();
    write(root.join(OsStr::from_bytes(b"no \xff utf-8 \n")), "").unwrap();
    create_dir(root.join("n".repeat(255))).unwrap();
    directory
}

#[tokio::test]
async fn in_order_it_is_walkdir() {
    let tree = tree();
    let root = tree.path();
    let compare = async |ours: &Walk, theirs: WalkDir| {
        let (ours, theirs) = (seen(ours).await, walkdirs(theirs));
        assert!(theirs.len() > 1);
        assert_eq!(ours, theirs);
    };
    let all = || WalkDir::new(root);
    compare(&walk(root), all()).await;
    compare(walk(root).sort(true), all().sort_by_file_name()).await;
    compare(walk(root).follow_links(true), all().follow_links(true)).await;
    compare(walk(root).contents_first(true), all().contents_first(true)).await;
    compare(walk(root).max_open(1), all().max_open(1)).await;
    for (min, max) in [(0, 1), (1, 1), (2, 3), (3, usize::MAX)] {
        compare(walk(root).min_depth(min).max_depth(max), all().min_depth(min).max_depth(max))
            .await;
    }
    let link = root.join("outer4/link");
    compare(&walk(&link), WalkDir::new(&link)).await;
    compare(walk(&link).follow_links(true), WalkDir::new(&link).follow_links(true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_parallel_it_is_the_same_without_the_order() {
    let tree = tree();
    let root = tree.path();
    let compare = async |walk: &mut Walk| {
        let one: BTreeSet<_> = seen(walk).await.into_iter().collect();
        for threads in [2, 5] {
            let several = seen(walk.parallel(threads)).await;
            let (mut met, least) = (BTreeSet::new(), several[0].1);
            for (path, depth, _) in &several {
                let above = path.parent().is_some_and(|above| met.contains(above));
                assert!(above || *depth <= least, "{} comes early", path.display());
                met.insert(path.as_path());
            }
            assert_eq!(several.len(), one.len());
            assert_eq!(several.into_iter().collect::<BTreeSet<_>>(), one);
        }
    };
    compare(&mut walk(root)).await;
    compare(walk(root).follow_links(true)).await;
    compare(walk(root).same_file_system(true)).await;
    compare(walk(root).max_depth(2)).await;
    compare(walk(root).min_depth(2).max_depth(3)).await;
    compare(walk(root).filter_entry(|entry| entry.file_name() != "inner1")).await;
    compare(&mut walk(root.join("outer4/link"))).await;
    compare(&mut walk(root.join("broken"))).await;
    compare(walk(root.join("broken")).follow_links(true)).await;
    compare(&mut walk(root.join("nothing here"))).await;
}

#[tokio::test]
async fn one_large_directory_comes_in_rounds() {
    let directory = tempfile::tempdir().unwrap();
    for name in 0..5000 {
        write(directory.path().join(name.to_string()), "").unwrap();
    }
    for threads in [1, 2] {
        assert_eq!(seen(walk(directory.path()).parallel(threads)).await.len(), 5001);
    }
}

#[tokio::test]
async fn nothing_is_read_before_the_first_entry() {
    let directory = tempfile::tempdir().unwrap();
    let mut entries = walk(directory.path().join("later")).entries();
    create_dir(directory.path().join("later")).unwrap();
    assert_eq!(entries.next().await.unwrap().unwrap().file_name(), "later");
}

#[tokio::test]
async fn what_is_filtered_out_is_not_entered() {
    let tree = tree();
    for threads in [1, 3] {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let mut walk = walk(tree.path());
        walk.parallel(threads).filter_entry(move |entry| {
            counted.fetch_add(1, Ordering::Relaxed);
            entry.depth() < 1 || !entry.file_type().is_dir()
        });
        let seen = seen(&walk).await;
        assert!(seen.iter().all(|(_, depth, _)| *depth < 2), "{seen:?}");
        let there = fs::read_dir(tree.path()).unwrap().count();
        assert_eq!(asked.load(Ordering::Relaxed), there + 1);
    }
}

#[tokio::test]
async fn a_loop_is_an_error_that_says_where_it_leads() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    create_dir_all(root.join("a/b")).unwrap();
    symlink("..", root.join("a/b/up")).unwrap();
    write(root.join("a/z"), "").unwrap();
    for threads in [1, 2] {
        let mut entries = walk(root).follow_links(true).parallel(threads).entries();
        let (mut errors, mut names) = (Vec::new(), Vec::new());
        while let Some(item) = entries.next().await {
            match item {
                Ok(entry) => names.push(entry.into_path()),
                Err(error) => errors.push(error),
            }
        }
        names.sort();
        assert_eq!(names, [root.to_owned(), root.join("a"), root.join("a/b"), root.join("a/z")]);
        let [error] = &errors[..] else { panic!("{errors:?}") };
        assert_eq!(error.path(), root.join("a/b/up"));
        assert_eq!(error.depth(), 3);
        assert_eq!(error.loop_ancestor(), Some(&*root.join("a")));
        assert_eq!(std::io::Error::from(error.clone()).kind(), error.kind());
        assert!(error.to_string().contains("leads back to"), "{error}");
    }
}

#[tokio::test]
async fn directories_that_vanish_are_errors_or_nothing() {
    for threads in [1, 3] {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        for outer in 0..200 {
            create_dir_all(root.join(format!("{outer}/inner"))).unwrap();
        }
        let mut entries = walk(&root).parallel(threads).entries();
        assert_eq!(entries.next().await.unwrap().unwrap().path(), root);
        fs::remove_dir_all(&root).unwrap();
        while let Some(item) = entries.next().await {
            if let Err(error) = item {
                assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                assert!(error.path().starts_with(&root), "{error}");
            }
        }
    }
}

/// The tree for [`a_directory_that_may_not_be_read_is_one_error`], where root is another user.
const TREE: &str = "WALKED_TREE";

#[tokio::test]
async fn a_directory_that_may_not_be_read_is_one_error() {
    if let Some(tree) = std::env::var_os(TREE) {
        return meet_a_closed_directory(Path::new(&tree)).await;
    }
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for name in 0..2000 {
        let path = directory.path().join(name.to_string());
        create_dir(&path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let closed = directory.path().join("1234");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&closed).is_err() {
        return meet_a_closed_directory(directory.path()).await;
    }
    // Root may read everything, so another user has to look.
    let is_open = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 1 != 0;
    if !directory.path().ancestors().all(is_open) {
        return println!("skipped: no other user gets to the directory for temporary files");
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_directory_that_may_not_be_read_is_one_error"]);
    match child.env(TREE, directory.path()).uid(65534).current_dir("/").output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
            assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
        }
        Err(error) => println!("skipped: no other user can run the test: {error}"),
    }
}

async fn meet_a_closed_directory(root: &Path) {
    for threads in [1, 2] {
        let seen = seen(walk(root).parallel(threads)).await;
        let is_error = |kind: &str| kind == ErrorKind::PermissionDenied.to_string();
        let errors: Vec<_> = seen.iter().filter(|(.., kind)| is_error(kind)).collect();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].0, root.join("1234"));
        assert_eq!(seen.len(), 2002);
    }
}

#[tokio::test]
async fn other_file_systems_are_given_and_not_entered() {
    if !Path::new("/proc/self").exists() {
        println!("skipped: there is no /proc");
        return;
    }
    for threads in [1, 2] {
        let mut walk = walk("/");
        // What else is in the root may change at any time.
        walk.max_depth(2)
            .filter_entry(|entry| entry.depth() != 1 || entry.path() == Path::new("/proc"));
        let count = seen(&walk).await.len();
        assert!(count > 10, "{count}");
        let seen = seen(walk.parallel(threads).same_file_system(true)).await;
        let paths: Vec<_> = seen.iter().map(|(path, ..)| path.as_path()).collect();
        assert_eq!(paths, [Path::new("/"), Path::new("/proc")]);
    }
}

#[tokio::test]
async fn a_filter_that_refuses_a_mount_does_not_end_its_parent() {
    if !Path::new("/proc/self").exists() {
        println!("skipped: there is no /proc");
        return;
    }
    let mut walk = walk("/");
    walk.max_depth(1).sort(true).same_file_system(true);
    let names = |seen: Vec<Seen>| seen.into_iter().map(|(path, ..)| path).collect::<Vec<_>>();
    let mut filtered = walk.clone();
    filtered.filter_entry(|entry| entry.file_name() != "proc");
    let mut tries = 0..1000;
    loop {
        let mut all = names(seen(&walk).await);
        all.retain(|path| path != Path::new("/proc"));
        let without = names(seen(&filtered).await);
        // What else is in the root may change at any time.
        if without == all {
            break;
        }
        assert!(tries.next().is_some(), "{without:?}, {all:?}");
    }
}

#[tokio::test]
async fn metadata_comes_along_or_is_asked_for() {
    let tree = tree();
    for (threads, along) in [(1, false), (1, true), (2, true)] {
        let mut entries = walk(tree.path()).parallel(threads).metadata(along).entries();
        while let Some(entry) = entries.next().await {
            let entry = entry.unwrap();
            let metadata = entry.metadata().await.unwrap();
            assert_eq!(metadata.file_type(), entry.file_type());
            assert_eq!(std::os::unix::fs::MetadataExt::ino(&metadata), entry.ino());
        }
    }
}

#[tokio::test]
async fn orders_that_cannot_be_had_are_refused() {
    let refused = async |walk: &Walk| {
        let mut entries = walk.entries();
        let error = entries.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(entries.next().await.is_none());
    };
    refused(walk("/").parallel(2).sort(true)).await;
    refused(walk("/").parallel(2).contents_first(true)).await;
    refused(walk("/").contents_first(true).filter_entry(|_| true)).await;
}

#[test]
fn it_runs_on_every_backend_and_without_tokio() {
    let tree = tree();
    let expected = walkdirs(WalkDir::new(tree.path())).len();
    for kind in BackendKind::ALL {
        match aiofile::context().backend(kind).build() {
            Ok(context) => {
                let mut walk = walk(tree.path());
                walk.context(&context);
                for threads in [1, 2] {
                    let seen = futures_executor::block_on(seen(walk.parallel(threads)));
                    assert_eq!(seen.len(), expected, "{kind}");
                }
            }
            Err(error) => println!("skipped: {kind}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_context_that_was_shut_down_ends_it() {
    let directory = tempfile::tempdir().unwrap();
    for name in 0..5000 {
        write(directory.path().join(name.to_string()), "").unwrap();
    }
    let context = aiofile::context().build().unwrap();
    let mut entries = walk(directory.path()).context(&context).entries();
    assert!(entries.next().await.unwrap().is_ok());
    context.shutdown(std::time::Duration::from_secs(30)).await;
    let mut errors = 0;
    while let Some(item) = entries.next().await {
        errors += usize::from(item.is_err());
    }
    assert_eq!(errors, 1);
}

#[tokio::test]
async fn a_filter_that_panics_ends_it_with_an_error() {
    let tree = tree();
    for threads in [1, 2] {
        let mut walk = walk(tree.path());
        walk.parallel(threads).filter_entry(|entry| entry.depth() == 0 || panic!("on purpose"));
        let seen = seen(&walk).await;
        assert!(seen.last().is_some_and(|(path, ..)| path == tree.path()), "{seen:?}");
    }
}

#[test]
fn futures_and_streams_are_send() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let mut entries = is_send(walk("/").entries());
    drop(is_send(entries.next()));
}
