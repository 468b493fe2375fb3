//! Each function does to a directory what std's does to another one that is alike, for good names
//! and bad ones.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use aiofile::fs::{self, DirBuilder};

use super::support::{Twins, assert_same, everywhere, names, on_each_backend};

/// What can be the same of two files.
fn facts(found: Metadata) -> (u32, u64, u64) {
    (found.mode(), if found.is_dir() { 0 } else { found.len() }, found.nlink())
}

/// Compares a function of one path that changes nothing, for every name.
async fn looks_at_each_name<T: PartialEq + Debug>(
    ours: impl AsyncFn(&Path) -> io::Result<T>,
    std: impl Fn(&Path) -> io::Result<T>,
) {
    let twins = Twins::new();
    for name in names() {
        let ours = ours(&twins.ours.join(&name)).await;
        assert_same(&name, ours, std(&twins.std.join(&name)));
    }
    assert_same("no name at all", ours(Path::new("")).await, std(Path::new("")));
    twins.assert_alike("nothing was changed");
}

/// Compares a function of one path that changes what is there, for every name.
async fn of_each_name<T: PartialEq + Debug>(
    ours: impl AsyncFn(&Path) -> io::Result<T>,
    std: impl Fn(&Path) -> io::Result<T>,
) {
    let mut twins = Twins::new();
    for name in names() {
        let (there, expected) = (ours(&twins.ours.join(&name)).await, std(&twins.std.join(&name)));
        let may_have_changed = there.is_ok();
        assert_same(&name, there, expected);
        if may_have_changed {
            twins.assert_alike(&name);
            twins = Twins::new();
        }
    }
    assert_same("no name at all", ours(Path::new("")).await, std(Path::new("")));
}

/// Compares a function of two paths, for every pair of some names.
async fn of_each_pair<T: PartialEq + Debug>(
    ours: impl AsyncFn(&Path, &Path) -> io::Result<T>,
    std: impl Fn(&Path, &Path) -> io::Result<T>,
) {
    let some =
        ["file", "empty", "hollow", "dir", "link", "dangling", "loop", "missing", "missing/x"];
    let mut twins = Twins::new();
    for (from, to) in some.iter().flat_map(|from| some.iter().map(move |to| (from, to))) {
        let done = ours(&twins.ours.join(from), &twins.ours.join(to)).await;
        let may_have_changed = done.is_ok();
        assert_same((from, to), done, std(&twins.std.join(from), &twins.std.join(to)));
        if may_have_changed {
            twins.assert_alike((from, to));
            twins = Twins::new();
        }
    }
    twins.assert_alike("nothing was changed");
}

#[test]
fn looking() {
    everywhere(async || {
        looks_at_each_name(
            async |path| fs::metadata(path).await.map(facts),
            |path| std::fs::metadata(path).map(facts),
        )
        .await;
        looks_at_each_name(
            async |path| fs::symlink_metadata(path).await.map(facts),
            |path| std::fs::symlink_metadata(path).map(facts),
        )
        .await;
        looks_at_each_name(async |path| fs::try_exists(path).await, |path| path.try_exists()).await;
    });
}

#[test]
fn reading() {
    everywhere(async || {
        looks_at_each_name(async |path| fs::read(path).await, |path| std::fs::read(path)).await;
        looks_at_each_name(async |path| fs::read_link(path).await, |path| std::fs::read_link(path))
            .await;
    });
    on_each_backend(async || {
        looks_at_each_name(
            async |path| fs::read_to_string(path).await,
            |path| std::fs::read_to_string(path),
        )
        .await;
        // Below the directory that is this crate's or std's.
        let is_above =
            |part: &Component<'_>| !["ours", "std"].map(OsStr::new).contains(&part.as_os_str());
        let tail =
            |path: PathBuf| path.components().skip_while(is_above).skip(1).collect::<PathBuf>();
        looks_at_each_name(
            async |path| fs::canonicalize(path).await.map(tail),
            |path| std::fs::canonicalize(path).map(tail),
        )
        .await;
    });
}

#[test]
fn making_and_removing() {
    on_each_backend(async || {
        of_each_name(async |path| fs::create_dir(path).await, |path| std::fs::create_dir(path))
            .await;
        of_each_name(async |path| fs::remove_dir(path).await, |path| std::fs::remove_dir(path))
            .await;
        of_each_name(async |path| fs::remove_file(path).await, |path| std::fs::remove_file(path))
            .await;
    });
    on_each_backend(async || {
        of_each_name(
            async |path| fs::create_dir_all(path).await,
            |path| std::fs::create_dir_all(path),
        )
        .await;
        of_each_name(
            async |path| fs::remove_dir_all(path).await,
            |path| std::fs::remove_dir_all(path),
        )
        .await;
        of_each_name(
            async |path| DirBuilder::new().recursive(true).mode(0o710).create(path).await,
            |path| {
                let mut builder = std::fs::DirBuilder::new();
                std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o710).create(path)
            },
        )
        .await;
    });
}

#[test]
fn writing() {
    on_each_backend(async || {
        of_each_name(async |path| fs::write(path, "new").await, |path| std::fs::write(path, "new"))
            .await;
        of_each_name(
            async |path| fs::append(path, b"more").await,
            |path| {
                let mut options = std::fs::OpenOptions::new();
                let mut file = options.append(true).create(true).open(path)?;
                io::Write::write_all(&mut file, b"more")
            },
        )
        .await;
    });
}

#[test]
fn of_two_paths() {
    futures_executor::block_on(async {
        of_each_pair(
            async |from, to| fs::rename(from, to).await,
            |from, to| std::fs::rename(from, to),
        )
        .await;
        of_each_pair(
            async |from, to| fs::hard_link(from, to).await,
            |from, to| std::fs::hard_link(from, to),
        )
        .await;
        of_each_pair(
            async |from, to| fs::symlink(from.file_name().unwrap(), to).await,
            |from, to| std::os::unix::fs::symlink(from.file_name().unwrap(), to),
        )
        .await;
    });
}

#[test]
fn errors_name_what_was_done_to_which_path() {
    on_each_backend(async || {
        let says = async |result: io::Result<()>, expected: &str| {
            assert_eq!(result.unwrap_err().to_string(), expected);
        };
        let nothing = "No such file or directory (os error 2)";
        let on = |name: &str| format!("{name} /nothing/here: {nothing}");
        let path = "/nothing/here";
        says(fs::metadata(path).await.map(drop), &on("metadata")).await;
        says(fs::symlink_metadata(path).await.map(drop), &on("symlink_metadata")).await;
        says(fs::read_dir(path).await.map(drop), &on("read_dir")).await;
        says(fs::read_link(path).await.map(drop), &on("read_link")).await;
        says(fs::canonicalize(path).await.map(drop), &on("canonicalize")).await;
        says(fs::create_dir(path).await, &on("create_dir")).await;
        says(DirBuilder::new().create(path).await, &on("create_dir")).await;
        says(fs::remove_dir(path).await, &on("remove_dir")).await;
        says(fs::remove_dir_all(path).await, &on("remove_dir_all")).await;
        says(fs::remove_file(path).await, &on("remove_file")).await;
        says(fs::write(path, "text").await, &on("write")).await;
        says(fs::append(path, "text").await, &on("append")).await;
        says(fs::write_atomic(path, "text").await, &on("write_atomic")).await;
        says(fs::access(path, fs::Access::READ).await.map(drop), &on("access")).await;
        says(fs::chown(path, None, None).await, &on("chown")).await;
        says(fs::lchown(path, None, None).await, &on("lchown")).await;
        says(fs::set_modified(path, SystemTime::UNIX_EPOCH).await, &on("set_times")).await;
        says(fs::rename("/a", "/b").await, &format!("rename /a to /b: {nothing}")).await;
        says(fs::hard_link("/a", "/b").await, &format!("hard_link /a to /b: {nothing}")).await;
        says(fs::symlink("a", "/no/b").await, &format!("symlink a to /no/b: {nothing}")).await;
    });
}
