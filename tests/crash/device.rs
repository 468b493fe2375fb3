//! A file system on the disk: a loop device, mkfs(8) and mount(2).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount, umount};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

use crate::disk::{Disk, SECTOR_BYTES};
use crate::run::run;
use crate::served::Served;

/// Whoever closes files does so sooner than that.
const PATIENCE: Duration = Duration::from_secs(60);

/// The file systems that are tried, with what makes them small and quick.
pub(crate) const FILE_SYSTEMS: [(&str, &[&str]); 3] = [
    ("ext4", &["-F", "-b", "4096", "-N", "4096", "-E", "nodiscard,lazy_itable_init=0"]),
    ("xfs", &["-f", "-K"]),
    ("btrfs", &["-f", "-K"]),
];

/// Where nothing is durable but what is synced by itself: a name needs the sync of its directory.
pub(crate) const WITHOUT_JOURNAL: (&str, &[&str]) = ("ext2", &["-F", "-b", "4096", "-N", "4096"]);

/// A disk with a new file system.
pub(crate) struct Device {
    // It has the file open that is served, and goes first.
    loop_device: LoopDevice,
    pub(crate) served: Served,
    pub(crate) file_system: &'static str,
    /// The disk as mkfs left it.
    pub(crate) fresh: Disk,
    directory: TempDir,
}

struct LoopDevice(PathBuf);

/// A file system that is mounted until this is dropped.
pub(crate) struct Mounted(PathBuf);

/// What this thread and those that it starts mount from now on is seen by nobody else, and goes
/// with the process, however that ends.
pub(crate) fn mount_apart() -> Result<(), String> {
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| mount(None::<&str>, "/", None::<&str>, private, None::<&str>))
        .map_err(|errno| format!("unshare: {errno}"))
}

impl Device {
    /// Makes it, or says what is missing for that. After [`mount_apart`].
    pub(crate) fn new(file_system: &'static str) -> Result<Self, String> {
        let served = Served::mount()?;
        let loop_device = LoopDevice::over(&served.path())?;
        let mut all = FILE_SYSTEMS.iter().chain([&WITHOUT_JOURNAL]);
        let options = all.find(|(name, _)| *name == file_system);
        let mut mkfs = Command::new(format!("mkfs.{file_system}"));
        mkfs.arg("-q").args(options.map_or(&[][..], |(_, options)| options));
        run(mkfs.arg(&loop_device.0))?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let fresh = Disk::default();
        let mut device = Self { loop_device, served, file_system, fresh, directory };
        // Where the kernel does not know it, it is skipped.
        drop(device.mount()?);
        device.fresh = device.served.disk();
        Ok(device)
    }

    /// Whether the file system is whole again when it is mounted, whatever was lost.
    pub(crate) fn has_journal(&self) -> bool {
        self.file_system != WITHOUT_JOURNAL.0
    }

    /// Mounts the file system, which recovers it where that is needed.
    pub(crate) fn mount(&self) -> Result<Mounted, String> {
        let (from, at) = (&self.loop_device.0, self.directory.path());
        if !self.has_journal() {
            repair(from)?;
        }
        mount(Some(from), at, Some(self.file_system), MsFlags::empty(), None::<&str>)
            .map_err(|errno| format!("it cannot be mounted: {errno}"))?;
        Ok(Mounted(at.to_owned()))
    }
}

/// As a system does that starts again. It is no fault where there was something to mend.
fn repair(device: &Path) -> Result<(), String> {
    let repaired = Command::new("e2fsck").arg("-y").arg(device).output();
    match repaired.map_err(|error| format!("e2fsck: {error}"))?.status.code() {
        Some(0 | 1) => Ok(()),
        _ => Err("it cannot be repaired".to_owned()),
    }
}

impl LoopDevice {
    fn over(file: &Path) -> Result<Self, String> {
        let mut losetup = Command::new("losetup");
        losetup.args(["--find", "--show", "--sector-size", &SECTOR_BYTES.to_string()]);
        run(losetup.arg(file)).map(|device| Self(device.into()))
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        if let Err(error) = run(Command::new("losetup").arg("--detach").arg(&self.0)) {
            println!("{} stays there: {error}", self.0.display());
        }
    }
}

impl Mounted {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        // A file that is still being closed keeps it busy for a moment.
        while let Err(errno) = umount(&self.0) {
            if errno != Errno::EBUSY || Instant::now() > deadline {
                println!("{} stays mounted: {errno}", self.0.display());
                break;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}
