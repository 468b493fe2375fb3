//! Files put together.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aiofile_util::MergeOptions;

use common::{block_on, contexts, file, names, noise, place};

#[test]
fn files_follow_each_other_on_every_backend() {
    let place = place();
    let parts = [noise(9 << 20, 1), Vec::new(), noise(1, 2), noise((4 << 20) - 1, 3)];
    let named = parts.iter().enumerate();
    let mut paths: Vec<PathBuf> =
        named.map(|(i, part)| file(place.path(), &i.to_string(), part)).collect();
    paths.push("/proc/version".into());
    let mut expected = parts.concat();
    expected.extend(fs::read("/proc/version").unwrap());
    let target = place.path().join("target");
    for context in contexts() {
        let told = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&told);
        let options = MergeOptions::new().context(&context).durable(true);
        let options = options.on_progress(move |bytes| {
            counted.fetch_add(bytes, Ordering::Relaxed);
            ControlFlow::Continue(())
        });
        let bytes = block_on(options.merge(&paths, &target)).unwrap();
        assert!(fs::read(&target).unwrap() == expected);
        assert_eq!(bytes, expected.len() as u64);
        assert_eq!(told.load(Ordering::Relaxed), bytes);
        fs::remove_file(&target).unwrap();
    }
}

#[test]
fn many_small_files_and_no_file_at_all() {
    let place = place();
    let paths: Vec<_> =
        (0..1000).map(|i| file(place.path(), &i.to_string(), i.to_string())).collect();
    let target = place.path().join("target");
    block_on(MergeOptions::new().merge(&paths, &target)).unwrap();
    let expected: String = (0..1000).map(|i| i.to_string()).collect();
    assert_eq!(fs::read_to_string(&target).unwrap(), expected);
    assert_eq!(block_on(MergeOptions::new().merge(Vec::<PathBuf>::new(), &target)).unwrap(), 0);
    assert_eq!(fs::read(&target).unwrap(), b"");
}

#[test]
fn the_target_may_be_a_source_and_keeps_its_permissions_and_its_link() {
    let place = place();
    let real = file(place.path(), "real", "middle ");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o604)).unwrap();
    let link = place.path().join("link");
    symlink("real", &link).unwrap();
    let around = file(place.path(), "around", "end ");
    let sources: [&Path; 3] = [&around, &link, &around];
    block_on(MergeOptions::new().merge(sources, &link)).unwrap();
    assert_eq!(fs::read(&real).unwrap(), b"end middle end ");
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o604);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(names(place.path()), ["around", "link", "real"]);
}

#[test]
fn an_error_leaves_the_target_as_it_was() {
    let place = place();
    let part = file(place.path(), "part", noise(6 << 20, 1));
    let target = file(place.path(), "target", "old");
    let missing = place.path().join("missing");
    let before = names(place.path());
    for append in [false, true] {
        let options = MergeOptions::new().append(append);
        for sources in [[&part, &missing], [&part, &place.path().to_owned()]] {
            let said = block_on(options.merge(sources, &target)).unwrap_err().to_string();
            assert!(said.contains(sources[1].to_str().unwrap()), "{said}");
            assert_eq!(fs::read(&target).unwrap(), b"old", "append: {append}");
        }
        let stopped = options.on_progress(|_| ControlFlow::Break(()));
        block_on(stopped.merge([&part], &target)).unwrap_err();
        assert_eq!(fs::read(&target).unwrap(), b"old", "append: {append}");
    }
    assert_eq!(names(place.path()), before);
}

#[test]
fn appending_goes_behind_what_is_there_and_never_to_itself() {
    let place = place();
    let part = file(place.path(), "part", "new");
    let target = place.path().join("target");
    let options = MergeOptions::new().append(true);
    block_on(options.merge([&part], &target)).unwrap();
    block_on(options.merge([&part, &part], &target)).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"newnewnew");
    let said = block_on(options.merge([&part, &target], &target)).unwrap_err().to_string();
    assert!(said.contains("would never end"), "{said}");
    assert_eq!(fs::read(&target).unwrap(), b"newnewnew");
}

#[test]
fn what_cannot_be_a_target_is_refused() {
    let place = place();
    let part = file(place.path(), "part", "new");
    for append in [false, true] {
        let options = MergeOptions::new().append(append);
        for target in [place.path(), Path::new("/dev/null"), Path::new("/")] {
            let said = block_on(options.merge([&part], target)).unwrap_err().to_string();
            assert!(said.contains(target.to_str().unwrap()), "{said}");
        }
        let nowhere = place.path().join("missing/target");
        let said = block_on(options.merge([&part], &nowhere)).unwrap_err().to_string();
        assert!(said.contains("missing/target") && !said.contains(".aiofile"), "{said}");
    }
    assert_eq!(names(place.path()), ["part"]);
}

#[test]
fn another_file_system_is_no_obstacle() {
    let Ok(there) = tempfile::tempdir_in("/dev/shm") else {
        return println!("skipped: no /dev/shm here");
    };
    let place = place();
    let contents = noise((5 << 20) + 1, 9);
    let source = file(there.path(), "source", &contents);
    let target = place.path().join("target");
    block_on(MergeOptions::new().merge([&source, &source], &target)).unwrap();
    assert!(fs::read(&target).unwrap() == [contents.clone(), contents].concat());
}
