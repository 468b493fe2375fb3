//! One file: its contents, and what std's function promises.

use std::fs::{self, File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};

use aiofile::fs::{CopyMethod, CopyOptions, Reflink, copy};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::support::{contexts, errno, file, names, noise, place};

#[tokio::test]
async fn a_file_is_overwritten_in_place_and_gets_the_mode() {
    let place = place();
    let target = file(place.path(), "target", noise(500_000));
    let other = place.path().join("other");
    fs::hard_link(&target, &other).unwrap();
    for size in [0, 1, 4096, 32_768, 100_001, 1_000_003] {
        let source = file(place.path(), "source", noise(size));
        for mode in [0o600, 0o751, 0o444] {
            fs::set_permissions(&source, Permissions::from_mode(mode)).unwrap();
            let inode = fs::metadata(&target).unwrap().ino();
            fs::set_permissions(&target, Permissions::from_mode(0o600)).unwrap();
            assert_eq!(copy(&source, &target).await.unwrap(), size as u64);
            assert!(fs::read(&other).unwrap() == noise(size), "{size}");
            let found = fs::metadata(&target).unwrap();
            assert_eq!((found.ino(), found.mode() & 0o7777), (inode, mode));
            fs::set_permissions(&source, Permissions::from_mode(0o600)).unwrap();
        }
    }
    let fresh = place.path().join("fresh");
    assert_eq!(copy(&target, &fresh).await.unwrap(), 1_000_003);
    assert_eq!(names(place.path()), ["fresh", "other", "source", "target"]);
}

#[tokio::test]
async fn a_hole_of_a_page_takes_the_place_of_what_was_there() {
    let place = place();
    let hole = file(place.path(), "hole", "");
    File::options().write(true).open(&hole).unwrap().set_len(4096).unwrap();
    for length in [100, 4096, 10_000] {
        let target = file(place.path(), "target", noise(length));
        assert_eq!(copy(&hole, &target).await.unwrap(), 4096);
        assert_eq!(fs::read(&target).unwrap(), [0; 4096]);
    }
}

#[tokio::test]
async fn what_cannot_be_copied_is_named_and_nothing_is_made() {
    let place = place();
    let source = file(place.path(), "source", "contents");
    let (soft, fifo) = (place.path().join("soft"), place.path().join("fifo"));
    symlink(&source, &soft).unwrap();
    mkfifo(&fifo, Mode::from_bits_truncate(0o600)).unwrap();
    let target = place.path().join("target");
    for (from, to, kind) in [
        (&source, &source, ErrorKind::InvalidInput),
        (&source, &soft, ErrorKind::InvalidInput),
        (&place.path().to_owned(), &target, ErrorKind::InvalidInput),
        (&fifo, &target, ErrorKind::InvalidInput),
        (&place.path().join("missing"), &target, ErrorKind::NotFound),
        (&source, &place.path().join("missing/target"), ErrorKind::NotFound),
        (&source, &target.join("."), ErrorKind::NotFound),
        (&source, &place.path().to_owned(), ErrorKind::IsADirectory),
        (&source, &source.join("below"), ErrorKind::NotADirectory),
    ] {
        let error = copy(from, to).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let text = error.to_string();
        assert!([from, to].iter().any(|path| text.contains(path.to_str().unwrap())), "{text}");
    }
    assert_eq!(fs::read(&source).unwrap(), b"contents");
    assert_eq!(names(place.path()), ["fifo", "soft", "source"]);
}

#[tokio::test]
async fn every_backend_copies_by_blocks_and_verifies() {
    let place = place();
    let target = place.path().join("target");
    for context in contexts() {
        for size in [1, 4095, 262_143, 3_000_001] {
            let source = file(place.path(), "source", noise(size));
            let mut options = CopyOptions::new();
            options.context(&context).copy_file_range(false).reflink(Reflink::Never);
            options.block_size(64 * 1024).in_flight(3).verify(true);
            let copied = options.copy(&source, &target).await.unwrap();
            assert_eq!((copied.len(), copied.method()), (size as u64, CopyMethod::Blocks));
            assert!(fs::read(&target).unwrap() == noise(size), "{size}");
        }
    }
}

#[tokio::test]
async fn holes_stay_holes_unless_they_shall_not() {
    let place = place();
    let source = place.path().join("source");
    let sparse = File::create(&source).unwrap();
    sparse.set_len(8 << 20).unwrap();
    sparse.write_all_at(b"in the middle", 3 << 20).unwrap();
    sparse.sync_all().unwrap();
    if fs::metadata(&source).unwrap().blocks() > 1024 {
        return println!("skipped: no holes here");
    }
    let target = place.path().join("target");
    for by_kernel in [true, false] {
        let mut options = CopyOptions::new();
        options.copy_file_range(by_kernel).reflink(Reflink::Never);
        let copied = options.copy(&source, &target).await.unwrap();
        assert!(copied.bytes() < 1 << 20 && copied.len() == 8 << 20, "{copied:?}");
        assert!(fs::read(&target).unwrap() == fs::read(&source).unwrap());
        assert!(fs::metadata(&target).unwrap().blocks() < 1024);
        let copied = options.sparse(false).copy(&source, &target).await;
        assert_eq!(copied.unwrap().bytes(), 8 << 20);
        assert!(fs::read(&target).unwrap() == fs::read(&source).unwrap());
    }
}

#[tokio::test]
async fn what_has_no_size_is_copied_to_its_end() {
    let place = place();
    let target = place.path().join("target");
    let copied = CopyOptions::new().copy("/proc/self/status", &target).await.unwrap();
    assert_eq!(copied.method(), CopyMethod::Sequential);
    assert!(fs::read_to_string(&target).unwrap().starts_with("Name:"));
    // What is there already is read-only, as its source is.
    let target = place.path().join("version");
    assert_eq!(copy("/proc/version", &target).await.unwrap(), copied_length(&target));
    assert_eq!(fs::read(&target).unwrap(), fs::read("/proc/version").unwrap());

    let full = file(place.path(), "source", "contents");
    let error = copy(&full, "/dev/full").await.unwrap_err();
    assert_eq!((errno(&error), error.kind()), (Some(28), ErrorKind::StorageFull), "{error}");
    let copied = CopyOptions::new().copy(&full, "/dev/null").await.unwrap();
    assert!(copied.is_to_special_file() && copied.len() == 8);
}

fn copied_length(path: &std::path::Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

#[test]
fn it_works_without_a_runtime_and_its_futures_are_send() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    let place = place();
    let source = file(place.path(), "source", noise(3_000_001));
    let target = place.path().join("target");
    let context = aiofile::context().build().unwrap();
    let mut options = CopyOptions::new();
    options.context(&context).copy_file_range(false);
    let copied = block_on(is_send(options.copy(&source, &target))).unwrap();
    assert_eq!(copied.len(), 3_000_001);
    let copied = block_on(is_send(options.copy_dir(place.path(), place.path().join("in"))));
    assert_eq!(copied.unwrap_err().kind(), ErrorKind::InvalidInput);
    drop((is_send(copy("a", "b")), is_send(aiofile::fs::copy_dir("a", "b"))));
    drop(is_send(aiofile::fs::rename_or_copy("a", "b")));
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut cx = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
