//! Few descriptors: 10,000 reads at once, 3,000 calls of all kinds, a walk and the copy of a deep
//! tree succeed in a process that may have 64. It is a process of its own, with one test.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![cfg(target_os = "linux")]

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use aiofile::fs::{CopyOptions, remove_dir_all};
use futures_util::future::join_all;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::fs::{Mode, OFlags, mkdirat, openat};

/// Directories one in the other, so many that no call takes the path of the last ones.
const LEVELS: usize = 1500;

/// Every so many levels there is more than one entry.
const FORK: usize = 10;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// So many files on some of the levels, more than are listed in one go.
const FILES: usize = 600;

/// A file in each directory; directories before and behind the one that leads down, with files in
/// them; and many files on some of the levels.
fn make_deep(root: &Path) {
    std::fs::create_dir(root).unwrap();
    let mut at = File::open(root).unwrap();
    for level in 0..LEVELS {
        let files = if level % 500 == 250 { FILES } else { 1 };
        (0..files).for_each(|number| put(&at, &format!("file {number}"), level));
        let name = format!("level {level}");
        let forks: &[&str] = if level % FORK == 0 { &["a", "z"] } else { &[] };
        for below in forks.iter().copied().chain([&*name]) {
            mkdirat(&at, below, Mode::RWXU).unwrap();
            let below = openat(&at, below, DIRECTORY, Mode::empty()).unwrap();
            put(&File::from(below), "within", level);
        }
        let next = File::from(openat(&at, &*name, DIRECTORY, Mode::empty()).unwrap());
        at.set_permissions(Permissions::from_mode(if level % 2 == 0 { 0o755 } else { 0o500 }))
            .unwrap();
        at = next;
    }
}

fn put(directory: &File, name: &str, level: usize) {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = openat(directory, name, flags, Mode::RWXU).unwrap();
    File::from(file).write_all(level.to_string().as_bytes()).unwrap();
}

fn contents(directory: &File, name: &str) -> String {
    let file = openat(directory, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    std::io::read_to_string(File::from(file)).unwrap()
}

fn assert_deep(root: &Path) {
    let mut at = File::open(root).unwrap();
    for level in 0..LEVELS {
        let expected = level.to_string();
        let mode = at.metadata().unwrap().mode() & 0o777;
        assert_eq!(mode, if level % 2 == 0 { 0o755 } else { 0o500 }, "{level}");
        assert_eq!(contents(&at, "file 0"), expected);
        let name = format!("level {level}");
        let forks: &[&str] = if level % FORK == 0 { &["a", "z"] } else { &[] };
        for fork in forks {
            let fork = File::from(openat(&at, *fork, DIRECTORY, Mode::empty()).unwrap());
            assert_eq!(contents(&fork, "within"), expected);
        }
        at = File::from(openat(&at, &*name, DIRECTORY, Mode::empty()).unwrap());
        assert_eq!(contents(&at, "within"), expected);
    }
}

/// Has its owner allowed to empty each directory.
fn open_up(root: &Path) {
    let mut at = File::open(root).unwrap();
    for level in 0..LEVELS {
        at.set_permissions(Permissions::from_mode(0o755)).unwrap();
        let name = format!("level {level}");
        at = File::from(openat(&at, &*name, DIRECTORY, Mode::empty()).unwrap());
    }
}

/// A call on paths, each of another kind than the one before it.
fn one_of_all(root: &Path, number: usize) -> impl Future<Output = ()> + use<> {
    let folder = root.join((number % 100).to_string());
    let (from, to) = (folder.join((number / 100).to_string()), root.join(format!("to {number}")));
    async move {
        use aiofile::fs;
        match number % 5 {
            0 => drop(fs::copy(&from, &to).await.unwrap()),
            1 => fs::write_atomic(&to, b"atomic").await.unwrap(),
            2 => fs::write(&to, vec![7; 2 << 20]).await.unwrap(),
            3 => drop(fs::read_to_string(&from).await.unwrap()),
            _ => fs::create_dir_all(to.join("one/two")).await.unwrap(),
        }
    }
}

#[test]
fn a_budget_of_64_descriptors_is_enough() {
    let directory = tempfile::tempdir().unwrap();
    for folder in 0..100 {
        let path = directory.path().join(folder.to_string());
        std::fs::create_dir(&path).unwrap();
        for file in 0..100 {
            std::fs::write(path.join(file.to_string()), format!("{folder} {file}")).unwrap();
        }
    }
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let reads = (0..10_000).map(|number| {
            let path = directory.path().join(format!("{}/{}", number / 100, number % 100));
            tokio::spawn(async move { aiofile::fs::read(path).await })
        });
        let reads = tokio::spawn(join_all(reads.collect::<Vec<_>>()));
        for threads in [1, 4] {
            let mut entries = aiofile::fs::walk(directory.path()).parallel(threads).entries();
            let mut count = 0;
            while let Some(entry) = entries.next().await {
                entry.unwrap();
                count += 1;
            }
            assert_eq!(count, 10_101);
        }
        for (number, read) in reads.await.unwrap().into_iter().enumerate() {
            let expected = format!("{} {}", number / 100, number % 100);
            assert_eq!(read.unwrap().unwrap(), expected.as_bytes());
        }
        let mixed = (0..3_000).map(|number| tokio::spawn(one_of_all(directory.path(), number)));
        join_all(mixed).await.into_iter().for_each(Result::unwrap);
        let (deep, copy) = (directory.path().join("deep"), directory.path().join("copy"));
        make_deep(&deep);
        let files = LEVELS * 2 + LEVELS / FORK * 2 + (LEVELS / 500) * (FILES - 1);
        for at_once in [1, 4] {
            let mut options = CopyOptions::new();
            let copied = options.in_flight(at_once).copy_dir(&deep, &copy).await.unwrap();
            assert_eq!((copied.failures(), copied.unkept().len()), (0, 0), "{copied:?}");
            assert_eq!(copied.files(), files as u64);
            assert_eq!(copied.directories(), (LEVELS + 1 + LEVELS / FORK * 2) as u64);
            assert_deep(&copy);
            // What removes a temporary directory holds a descriptor for each level.
            open_up(&copy);
            remove_dir_all(&copy).await.unwrap();
        }
        open_up(&deep);
        remove_dir_all(&deep).await.unwrap();
    });
}
