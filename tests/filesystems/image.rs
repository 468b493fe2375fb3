//! A file system in a file, mounted by a loop device until it is dropped.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::run::run;

/// Enough for the smallest XFS (300 MB) and btrfs; the file is sparse.
const IMAGE_BYTES: u64 = 400 << 20;

pub(crate) struct Image {
    directory: TempDir,
}

impl Image {
    /// Makes and mounts it, or says what is missing for that.
    pub(crate) fn mount(file_system: &str) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let file = directory.path().join("image");
        let image = std::fs::File::create(&file).map_err(|error| error.to_string())?;
        image.set_len(IMAGE_BYTES).map_err(|error| error.to_string())?;
        run(Command::new(format!("mkfs.{file_system}")).arg("-q").arg(&file))?;
        let image = Self { directory };
        std::fs::create_dir(image.path()).map_err(|error| error.to_string())?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&file).arg(image.path()))?;
        Ok(image)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("mounted")
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // A file that is still being closed keeps the file system busy for a moment.
        let detached = run(Command::new("umount").arg("--lazy").arg(self.path()));
        if detached.is_err() && Path::new(&self.path()).exists() {
            println!("nothing was mounted at {}", self.path().display());
        }
    }
}
