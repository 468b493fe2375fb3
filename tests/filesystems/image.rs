//! A file system in a file, mounted by a loop device until it is dropped; or one over directories.

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
        if file_system == "overlay" {
            return Self::mount_overlay();
        }
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

    /// What containers have as their root: the files of one directory below those of another.
    fn mount_overlay() -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        for name in ["lower", "upper", "work", "mounted"] {
            std::fs::create_dir(directory.path().join(name)).map_err(|error| error.to_string())?;
        }
        let lower = directory.path().join("lower/below");
        std::fs::write(lower, vec![7; 100_000]).map_err(|error| error.to_string())?;
        let at = directory.path().display();
        let options = format!("lowerdir={at}/lower,upperdir={at}/upper,workdir={at}/work");
        let image = Self { directory };
        let mut mount = Command::new("mount");
        run(mount.args(["-t", "overlay", "-o", &options, "overlay"]).arg(image.path()))?;
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
