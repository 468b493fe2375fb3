//! Replacing a file at once: what is kept, what is followed, and that nothing is left behind.

use std::future::Future;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::thread;

use aiofile::fs::{self, AtomicWriteOptions, Durability, Fs};

use super::support::{errno, everywhere, on_each_backend, temporary};

fn names(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_made_and_replaced() {
    everywhere(async || {
        let directory = temporary();
        let path = directory.path().join("file");
        fs::write_atomic(&path, "first").await.unwrap();
        let link = directory.path().join("link");
        std::fs::hard_link(&path, &link).unwrap();
        for durability in [Durability::None, Durability::Data, Durability::Full] {
            let mut options = AtomicWriteOptions::new();
            options.durability(durability).write(&path, format!("{durability:?}")).await.unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{durability:?}"));
        }
        fs::write_atomic(&path, vec![7; 3 << 20]).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap().len(), 3 << 20);
        assert_eq!(std::fs::read(&link).unwrap(), b"first", "the old file has this name still");
        assert_eq!(names(directory.path()), ["file", "link"]);
    });
}

#[test]
fn readers_find_the_old_or_the_new_contents() {
    let directory = temporary();
    let path = directory.path().join("file");
    std::fs::write(&path, [b'a'; 100_000]).unwrap();
    let (over, both) = (AtomicBool::new(false), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            both.wait();
            while !over.load(Ordering::Relaxed) {
                let contents = std::fs::read(&path).unwrap();
                assert_eq!(contents.len(), 100_000);
                assert!(contents.iter().all(|byte| *byte == contents[0]));
            }
        });
        both.wait();
        futures_executor::block_on(async {
            let mut options = AtomicWriteOptions::new();
            for letter in (b'a'..=b'z').cycle().take(100) {
                let write = options.durability(Durability::None).write(&path, [letter; 100_000]);
                write.await.unwrap();
            }
        });
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn mode_and_owner_are_kept_and_a_new_file_gets_the_one_asked_for() {
    on_each_backend(async || {
        let directory = temporary();
        let path = directory.path().join("file");
        let mut options = AtomicWriteOptions::new();
        options.durability(Durability::None).mode(0o640).write(&path, "new").await.unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!(mode(&path) & 0o7737, 0o600, "the umask may take the group's part");
        for kept in [0o600, 0o4755, 0o444] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(kept)).unwrap();
            options.write(&path, "again").await.unwrap();
            assert_eq!(mode(&path), kept, "not {:o}", mode(&path));
        }
        if std::os::unix::fs::chown(&path, Some(4711), Some(4712)).is_err() {
            println!("skipped: only root gives files away");
            return;
        }
        options.write(&path, "another's").await.unwrap();
        let found = std::fs::metadata(&path).unwrap();
        assert_eq!((found.uid(), found.gid()), (4711, 4712));
    });
}

#[test]
fn what_a_symbolic_link_leads_to_is_replaced() {
    on_each_backend(async || {
        let root = temporary();
        let (here, there) = (root.path().join("here"), root.path().join("there"));
        std::fs::create_dir(&here).unwrap();
        std::fs::create_dir(&there).unwrap();
        symlink("../there/second", here.join("link")).unwrap();
        symlink("file", there.join("second")).unwrap();
        for contents in ["made", "replaced"] {
            fs::write_atomic(here.join("link"), contents).await.unwrap();
            assert_eq!(std::fs::read_to_string(there.join("file")).unwrap(), contents);
            assert_eq!(names(&there), ["file", "second"]);
            assert!(std::fs::symlink_metadata(here.join("link")).unwrap().is_symlink());
        }
        symlink("loop", here.join("loop")).unwrap();
        let error = fs::write_atomic(here.join("loop"), "").await.unwrap_err();
        assert_eq!(errno(&error), Some(40), "ELOOP: {error}");
    });
}

#[test]
fn what_is_no_regular_file_is_refused_and_nothing_is_left_behind() {
    on_each_backend(async || {
        let directory = temporary();
        let directory = directory.path();
        std::fs::create_dir(directory.join("dir")).unwrap();
        std::fs::write(directory.join("file"), "old").unwrap();
        let socket = std::os::unix::net::UnixListener::bind(directory.join("socket")).unwrap();
        let kind = async |name: &str| {
            let error = fs::write_atomic(directory.join(name), "new").await.unwrap_err();
            let path = directory.join(name);
            assert!(error.to_string().starts_with(&format!("write_atomic {}: ", path.display())));
            assert!(!error.to_string().contains(".aiofile"), "{error}");
            error.kind()
        };
        assert_eq!(kind("dir").await, io::ErrorKind::IsADirectory);
        assert_eq!(kind("dir/").await, io::ErrorKind::IsADirectory);
        assert_eq!(kind("new/").await, io::ErrorKind::IsADirectory);
        assert_eq!(kind("..").await, io::ErrorKind::IsADirectory);
        assert_eq!(kind("socket").await, io::ErrorKind::InvalidInput);
        assert_eq!(kind("missing/file").await, io::ErrorKind::NotFound);
        assert_eq!(kind("file/below").await, io::ErrorKind::NotADirectory);
        assert_eq!(kind(&"x".repeat(256)).await, io::ErrorKind::InvalidFilename);
        assert_eq!(kind("a\0b").await, io::ErrorKind::InvalidInput);
        assert_eq!(names(directory), ["dir", "file", "socket"]);
        assert_eq!(std::fs::read(directory.join("file")).unwrap(), b"old");
        drop(socket);
        // The longest name there is leaves room for that of the temporary file.
        fs::write_atomic(directory.join("x".repeat(255)), "new").await.unwrap();
    });
}

#[test]
fn a_dropped_future_leaves_the_old_file_or_the_new_one() {
    on_each_backend(async || {
        let directory = temporary();
        let path = directory.path().join("file");
        let context = aiofile::default_context().unwrap();
        for _ in 0..50 {
            std::fs::write(&path, "old").unwrap();
            {
                let fs = Fs::new(&context);
                let mut write = pin!(fs.write_atomic(&path, "new"));
                let _ = write.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
            // Closures on one path have no order: this one is only to see that all have ended.
            while context.metrics().in_flight > 0 {
                thread::yield_now();
            }
            let contents = std::fs::read_to_string(&path).unwrap();
            assert!(["old", "new"].contains(&&*contents), "{contents}");
            assert_eq!(names(directory.path()), ["file"]);
        }
    });
}

/// A file system in memory with room for little.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let directory = temporary();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(directory.path());
        let mounted = mount.stderr(Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(directory))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_leaves_the_old_file_and_nothing_else() {
    let Some(small) = Small::mount() else {
        println!("skipped: only root mounts file systems");
        return;
    };
    let path = small.0.path().join("file");
    std::fs::write(&path, "old").unwrap();
    on_each_backend(async || {
        let error = fs::write_atomic(&path, vec![7; 1 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let says = format!("write_atomic {}: No space left on device", path.display());
        assert!(error.to_string().starts_with(&says), "{error}");
        assert_eq!(names(small.0.path()), ["file"]);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        fs::write_atomic(&path, "old").await.unwrap();
    });
}

#[test]
fn bit_by_bit_it_is_replaced_when_that_is_said_and_never_before() {
    use tokio::io::AsyncWriteExt;

    everywhere(async || {
        let directory = temporary();
        let path = directory.path().join("file");
        std::fs::write(&path, "old").unwrap();
        let mut options = AtomicWriteOptions::new();
        for durability in [Durability::None, Durability::Data, Durability::Full] {
            let mut file = options.durability(durability).open(&path).await.unwrap();
            for _ in 0..1000 {
                AsyncWriteExt::write_all(&mut *file, b"0123456789").await.unwrap();
            }
            assert_eq!(std::fs::read(&path).unwrap(), b"old");
            file.commit().await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"0123456789".repeat(1000));
            std::fs::write(&path, "old").unwrap();
        }
        options.open(&path).await.unwrap().discard().await.unwrap();
        assert_eq!(names(directory.path()), ["file"]);
        let file = options.open(&path).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let error = file.commit().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory, "{error}");
        assert_eq!(names(directory.path()), ["file"]);
        let error = options.open(&path).await.unwrap_err();
        assert!(error.to_string().starts_with(&format!("write_atomic {}", path.display())));
    });
}

#[test]
fn bit_by_bit_nothing_is_left_of_what_was_dropped() {
    let directory = temporary();
    let path = directory.path().join("file");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let file = AtomicWriteOptions::new().open(&path).await.unwrap();
        assert_eq!(names(directory.path()).len(), 1);
        drop(file);
    });
    // Its end waits for the thread that removes it.
    drop(runtime);
    assert!(names(directory.path()).is_empty());
}

#[test]
fn a_tree_of_an_open_directory_goes_and_nothing_that_has_its_path_by_then() {
    everywhere(async || {
        let directory = temporary();
        let (here, aside) = (directory.path().join("here"), directory.path().join("aside"));
        std::fs::create_dir_all(here.join("old/tree")).unwrap();
        let open = std::fs::File::open(&here).unwrap();
        std::fs::rename(&here, &aside).unwrap();
        std::fs::create_dir_all(here.join("old/precious")).unwrap();
        symlink(&here, aside.join("link")).unwrap();
        fs::remove_dir_all_at(&open, here.join("old")).await.unwrap();
        fs::remove_dir_all_at(&open, here.join("link")).await.unwrap();
        assert!(names(&aside).is_empty() && here.join("old/precious").exists());
        let error = fs::remove_dir_all_at(&open, here.join("old")).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains(here.join("old").to_str().unwrap()), "{error}");
        let error = fs::remove_dir_all_at(&open, "/").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    });
}
