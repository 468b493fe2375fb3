//! Paths on a simulated disk: what is done with them is done there, and the real files stay as they
//! are.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiofile::fs::{DirBuilder, Fs};
use caio::Context;
use caio_testkit::Simulated;

/// A disk, and functions on its paths. In place is asked for, as it is by default.
fn disk() -> (Arc<Simulated>, Fs) {
    let disk = Arc::new(Simulated::new(11));
    let context = Context::builder().custom(Arc::<Simulated>::clone(&disk)).build().unwrap();
    (disk, Fs::new(&context))
}

async fn names(fs: &Fs, path: &Path) -> Vec<(PathBuf, bool)> {
    let mut entries = fs.read_dir(path).await.unwrap();
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await.unwrap() {
        let is_file = entry.file_type().await.unwrap().is_file();
        assert_eq!(entry.metadata().await.unwrap().is_file(), is_file);
        assert_eq!(entry.path(), path.join(entry.file_name()));
        names.push((entry.path(), is_file));
    }
    names
}

#[test]
fn a_program_finds_its_own_files_there_and_touches_no_real_one() {
    // The same names are on the real disk, with other contents.
    let real = tempfile::tempdir().unwrap();
    let [old, new, log] = ["old", "new", "logs/today"].map(|name| real.path().join(name));
    fs::create_dir(real.path().join("logs")).unwrap();
    for path in [&old, &new, &log] {
        fs::write(path, "real").unwrap();
    }
    let (disk, fs) = disk();
    let missing = disk.drive(fs.metadata(&old)).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(!disk.drive(fs.try_exists(&old)).unwrap());
    disk.drive(async {
        fs.create_dir_all(log.parent().unwrap()).await.unwrap();
        fs.write(&old, "simulated").await.unwrap();
        fs.append(&log, "one,").await.unwrap();
        fs.append(&log, "two").await.unwrap();
        assert_eq!(fs.read(&log).await.unwrap(), b"one,two");
        assert_eq!(fs.metadata(&old).await.unwrap().len(), 9);
        assert_eq!(fs.canonicalize(&old).await.unwrap(), old);
        let directory = real.path().join("logs");
        let expected = vec![(directory.clone(), false), (old.clone(), true)];
        assert_eq!(names(&fs, real.path()).await, expected);
        fs.rename(&old, &new).await.unwrap();
        assert!(!fs.try_exists(&old).await.unwrap());
        let taken = fs.rename_noreplace(&log, &new).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
        assert_eq!(
            fs.remove_dir(&directory).await.unwrap_err().kind(),
            ErrorKind::DirectoryNotEmpty
        );
        fs.remove_file(&log).await.unwrap();
        fs.remove_dir(&directory).await.unwrap();
        assert!(fs.create_dir(&new).await.is_err());
        DirBuilder::new().context(fs.context()).create(&directory).await.unwrap();
        assert_eq!(names(&fs, real.path()).await, [(new.clone(), true)]);
    });
    assert_eq!(disk.names(), std::slice::from_ref(&new));
    for path in [&old, &new, &log] {
        assert_eq!(fs::read(path).unwrap(), b"real");
    }
}

#[test]
fn an_error_there_names_the_call_and_its_paths() {
    let (disk, fs) = disk();
    let error = disk.drive(fs.rename("a", "b")).unwrap_err().to_string();
    assert_eq!(error, "rename a to b: No such file or directory (os error 2)");
    let error = disk.drive(fs.remove_file("a")).unwrap_err().to_string();
    assert_eq!(error, "remove_file a: No such file or directory (os error 2)");
}
