//! Uploads that outlive the program which began them: what is known of one is on the disk. Each
//! part is a file of its own until all are put together.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::names::{staged_number, staged_path};
use crate::staged::{Staged, Target, write_all};
use crate::store::Store;

/// Parts of one upload.
const PARTS_MAX: u64 = 1_000_000;

impl Store {
    /// Begins an upload, and gives its number: one hop.
    pub(crate) async fn begin_parts(&self, path: &Path) -> Result<u64> {
        let is_durable = self.is_durable;
        let begin = move |path: &Path| Ok(Staged::create(path, is_durable)?.keep());
        let begun = self.change("create_multipart", path, begin).await;
        begun.map_err(|error| Error::changing(error, path))
    }

    /// Writes a part, or writes it again: one hop.
    pub(crate) async fn put_part(
        &self,
        path: &Path,
        upload: u64,
        part: u64,
        contents: Vec<Bytes>,
    ) -> Result<()> {
        let (whole, file) = (staged_path(path, upload), part_path(path, upload, part)?);
        let put = move |_: &Path| {
            fs::metadata(whole)?;
            let mut options = OpenOptions::new();
            let file = options.write(true).create(true).truncate(true).open(file)?;
            write_all(file, contents, 0)
        };
        let put = self.change("put_part", path, put).await;
        put.map_err(|error| Error::looking(error, path))
    }

    /// Makes the object of these parts: one hop. Where that fails, it can be tried again.
    pub(crate) async fn complete_parts(
        &self,
        path: &Path,
        upload: u64,
        parts: &[u64],
    ) -> Result<Metadata> {
        let is_durable = self.is_durable;
        let parts = parts.iter().map(|part| part_path(path, upload, *part));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let complete = move |path: &Path| {
            fs::metadata(staged_path(path, upload))?;
            let staged = Staged::create(path, is_durable)?;
            for part in parts {
                io::copy(&mut File::open(part)?, &mut &**staged.file()?)?;
            }
            let metadata = staged.publish(Target::Any)?;
            remove(path, upload)?;
            Ok(metadata)
        };
        let completed = self.change("complete_multipart", path, complete).await;
        completed.map_err(|error| Error::looking(error, path))
    }

    /// Removes an upload with its parts: one hop.
    pub(crate) async fn abort_parts(&self, path: &Path, upload: u64) -> Result<()> {
        let abort = move |path: &Path| remove(path, upload);
        let aborted = self.change("abort_multipart", path, abort).await;
        aborted.map_err(|error| Error::looking(error, path))
    }
}

/// The file of a part. Its name is that of an unfinished file whose number nothing else has.
fn part_path(path: &Path, upload: u64, part: u64) -> Result<PathBuf> {
    let number = upload.checked_mul(PARTS_MAX).filter(|_| part < PARTS_MAX);
    let number = number.and_then(|first| first.checked_add(part));
    let number = number.ok_or_else(|| {
        let path = path.display();
        let message = format!("{path}: part {part} of upload {upload} is one too many");
        Error::Refused(message.into())
    })?;
    Ok(staged_path(path, number))
}

/// Removes an upload and all of its parts.
fn remove(path: &Path, upload: u64) -> io::Result<()> {
    let whole = staged_path(path, upload);
    fs::remove_file(&whole)?;
    for entry in fs::read_dir(path.parent().unwrap_or(path))? {
        let part = entry?.path();
        let number = staged_number(path, &part);
        if number.is_some_and(|number| number / PARTS_MAX == upload) {
            fs::remove_file(part)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_a_file_of_its_own() {
        let object = Path::new("/root/a");
        assert_eq!(part_path(object, 2, 7).unwrap(), Path::new("/root/a#2000007"));
        assert!(part_path(object, 2, PARTS_MAX).is_err());
        assert!(part_path(object, u64::MAX / 2, 1).is_err());
    }
}
