//! Bytes that are borrowed: written in place where they lie, and copied for any other way.

use std::fs::File;

use tempfile::TempDir;

use super::{Context, block_on, each};
use crate::file::SharedFile;

/// Writes to a new file in this directory and gives back what is in it, and whether the bytes were
/// copied.
fn write(context: &Context, directory: &TempDir, bytes: &[u8]) -> (Vec<u8>, bool) {
    let path = directory.path().join("file");
    let file = SharedFile::new(File::create(&path).unwrap(), &path).unwrap();
    let (written, buffer) = block_on(context.write_bytes(&file, bytes, 0));
    assert_eq!(written.unwrap(), bytes.len());
    (std::fs::read(&path).unwrap(), buffer.as_slice() == bytes)
}

#[test]
fn what_goes_another_way_is_copied() {
    each(|context| {
        let (written, is_copied) = write(&context, &tempfile::tempdir().unwrap(), b"some text");
        assert!(written == b"some text" && is_copied);
    });
}

#[cfg(all(target_os = "linux", not(caio_portable)))]
#[test]
#[allow(clippy::print_stderr)]
fn what_memory_takes_is_not_copied() {
    let directory = match tempfile::tempdir_in("/dev/shm") {
        Ok(directory) => directory,
        Err(error) => return eprintln!("skipped: {error}"),
    };
    let context = Context::builder().build().unwrap();
    let bytes = vec![7; 3 << 20];
    let (written, is_copied) = write(&context, &directory, &bytes);
    assert!(written == bytes && !is_copied);
}
