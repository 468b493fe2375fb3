//! Copies that share their blocks with the source, on file systems that can do so: each in an image
//! behind a loop device. Needs root; a failure where `CAIO_REQUIRE_FILESYSTEMS` is set.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::statvfs::statvfs;

use crate::support::{Ran, aiofile, assert_same, file, names, noise, place, run};

/// Enough for the smallest XFS (300 MB); the image is sparse.
const IMAGE_BYTES: u64 = 400 << 20;

/// What is copied, in bytes.
const SOURCE_BYTES: usize = 16 << 20;

struct Mounted {
    directory: tempfile::TempDir,
}

impl Mounted {
    fn new(make: &[&str]) -> Result<Self, String> {
        let directory = place();
        let image = directory.path().join("image");
        fs::File::create(&image).unwrap().set_len(IMAGE_BYTES).unwrap();
        done(Command::new(make[0]).args(&make[1..]).arg(&image))?;
        fs::create_dir(directory.path().join("mounted")).unwrap();
        let mounted = Self { directory };
        done(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(mounted.path()))?;
        Ok(mounted)
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("mounted")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // In vain where nothing was mounted.
        let _ = done(Command::new("umount").arg("--lazy").arg(self.path()));
    }
}

fn done(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// A file system that was made by this command, or nothing and a word about it.
fn mounted(make: &[&str]) -> Option<Mounted> {
    let mounted = Mounted::new(make);
    if let Err(reason) = &mounted {
        let is_required = std::env::var_os("CAIO_REQUIRE_FILESYSTEMS").is_some();
        assert!(!is_required, "{} is required, and was skipped: {reason}", make[0]);
        println!("skipped: {reason}");
    }
    mounted.ok()
}

fn used(directory: &Path) -> u64 {
    // Written out, so that all blocks that were taken count.
    nix::unistd::syncfs(fs::File::open(directory).unwrap()).unwrap();
    let found = statvfs(directory).unwrap();
    (found.blocks() - found.blocks_free()) * found.fragment_size()
}

fn copy(source: &Path, target: &Path, arguments: &[&str]) -> Ran {
    run(aiofile().arg("cp").args(arguments).args([source, target]))
}

fn blocks_are_shared(make: &[&str]) {
    let Some(mounted) = mounted(make) else { return };
    let place = mounted.path();
    let source = file(&place, "source", &noise(SOURCE_BYTES, 7));
    for choice in ["always", "auto"] {
        let (before, target) = (used(&place), place.join(choice));
        let ran = copy(&source, &target, &["--reflink", choice, "--verify", "--sync"]).succeeded();
        assert!(ran.text().contains("reflink"), "{}", ran.text());
        let taken = used(&place).saturating_sub(before);
        assert!(taken < SOURCE_BYTES as u64 / 4, "{taken} bytes were taken for {choice}");
        assert_same(&source, &target);
    }
    // What is shared is one's own all the same.
    fs::write(place.join("auto"), b"changed").unwrap();
    assert_same(&source, &place.join("always"));
    let before = used(&place);
    let ran = copy(&source, &place.join("never"), &["--reflink", "never"]).succeeded();
    assert!(!ran.text().contains("reflink"), "{}", ran.text());
    let taken = used(&place).saturating_sub(before);
    assert!(taken >= SOURCE_BYTES as u64, "only {taken} bytes were taken");
    assert_eq!(names(&place), ["always", "auto", "never", "source"]);
}

#[test]
fn xfs_shares_blocks() {
    blocks_are_shared(&["mkfs.xfs", "-q", "-m", "reflink=1"]);
}

#[test]
fn btrfs_shares_blocks() {
    blocks_are_shared(&["mkfs.btrfs", "-q"]);
}

#[test]
fn from_one_file_system_to_another_no_block_is_shared() {
    let Some(mounted) = mounted(&["mkfs.xfs", "-q", "-m", "reflink=1"]) else { return };
    let elsewhere = place();
    let source = file(elsewhere.path(), "source", &noise(100_000, 3));
    let target = mounted.path().join("target");
    let ran = copy(&source, &target, &["--reflink", "always"]);
    ran.failed(1, &["share the blocks of", "source", "os error 18"]);
    assert_eq!(names(&mounted.path()), [""; 0]);
    copy(&source, &target, &["--reflink", "auto"]).succeeded();
    assert_same(&source, &target);
}
