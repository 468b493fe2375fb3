//! Times of files, before 1970 too.

use std::io;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use aiofile::fs::{self, FileTimes};

use super::support::{everywhere, on_each_backend, temporary};

#[test]
fn the_times_asked_for_are_set_and_the_others_stay() {
    everywhere(async || {
        let directory = temporary();
        let path = directory.path().join("file");
        std::fs::write(&path, "").unwrap();
        let at = |seconds: u64, nanoseconds| {
            SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)
        };
        let read = || {
            let found = std::fs::metadata(&path).unwrap();
            (found.accessed().unwrap(), found.modified().unwrap())
        };
        let both = FileTimes::new().set_accessed(at(5, 6)).set_modified(at(1_000_000_000, 7));
        fs::set_times(&path, both).await.unwrap();
        assert_eq!(read(), (at(5, 6), at(1_000_000_000, 7)));
        fs::set_modified(&path, at(9, 0)).await.unwrap();
        assert_eq!(read(), (at(5, 6), at(9, 0)));
        fs::set_times(&path, FileTimes::new().set_accessed(at(8, 0))).await.unwrap();
        fs::set_times(&path, FileTimes::new()).await.unwrap();
        assert_eq!(read(), (at(8, 0), at(9, 0)));
    });
}

#[test]
fn early_times_and_links_are_as_with_std() {
    on_each_backend(async || {
        let directory = temporary();
        let (path, link) = (directory.path().join("file"), directory.path().join("link"));
        std::fs::write(&path, "").unwrap();
        symlink("file", &link).unwrap();
        for (seconds, nanoseconds) in [(1, 0), (1, 1), (0, 1), (1000, 999_999_999)] {
            let time = SystemTime::UNIX_EPOCH - Duration::new(seconds, nanoseconds);
            fs::set_modified(&link, time).await.unwrap();
            let ours = std::fs::metadata(&path).unwrap().modified().unwrap();
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(time).unwrap();
            assert_eq!(ours, std::fs::metadata(&path).unwrap().modified().unwrap());
        }
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(i64::MAX as u64);
        let ours = fs::set_modified(&path, far).await.map_err(|error| error.kind());
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        assert_eq!(ours, file.set_modified(far).map_err(|error: io::Error| error.kind()));
    });
}

#[test]
fn they_become_those_of_std() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(77);
    let file = tempfile::tempfile().unwrap();
    file.set_times(FileTimes::new().set_accessed(time).set_modified(time).into()).unwrap();
    let found = file.metadata().unwrap();
    assert_eq!((found.accessed().unwrap(), found.modified().unwrap()), (time, time));
}
