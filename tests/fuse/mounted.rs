//! The file system, mounted until it is dropped.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use fuser::{BackgroundSession, Config, INodeNo, MountOption, Session};
use nix::mount::{MntFlags, umount, umount2};
use tempfile::TempDir;

use crate::disk::Disk;
use crate::server::Server;

/// So many requests are served at once.
const THREADS: usize = 4;

/// A descriptor that is closed elsewhere keeps the mount for a moment.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Mounted {
    disk: Disk,
    directory: TempDir,
    session: Option<BackgroundSession>,
    /// Dropped to end the thread that ends what is held for too long.
    _watch: Sender<()>,
}

impl Mounted {
    /// Mounts it, or says what is missing for that. What is held for longer than `patience` is
    /// answered with an error.
    pub(crate) fn mount(remembered: Duration, patience: Duration) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let disk = Disk::new(remembered);
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("aiofile-test".to_owned())];
        config.n_threads = Some(THREADS);
        let server = Server(disk.clone());
        let session = Session::new(server, directory.path(), &config);
        let session = session.and_then(Session::spawn);
        let session = Some(session.map_err(|error| format!("it cannot be mounted: {error}"))?);
        let watch = watch(disk.clone(), patience);
        Ok(Self { disk, directory, session, _watch: watch })
    }

    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Has the kernel drop the pages of a file that it keeps.
    pub(crate) fn forget_pages(&self, file: u64) -> Result<(), String> {
        let notifier = self.session.as_ref().expect("it is mounted").notifier();
        let forgotten = notifier.inval_inode(INodeNo(file), 0, 0);
        forgotten.map_err(|error| format!("the pages cannot be dropped: {error}"))
    }

    /// Unmounts it as a user does, which shows that nothing has a file of it open any more.
    pub(crate) fn unmount(mut self) -> Result<(), String> {
        if self.disk.overdue() > 0 {
            return Err(format!("{} requests were held for too long", self.disk.overdue()));
        }
        let deadline = Instant::now() + PATIENCE;
        while let Err(errno) = umount(self.directory.path()) {
            if Instant::now() > deadline {
                return Err(format!("something of it is in use still: {errno}"));
            }
            thread::sleep(Duration::from_millis(1));
        }
        let session = self.session.take().expect("it is mounted");
        session.join().map_err(|error| error.to_string())
    }
}

impl Drop for Mounted {
    /// Ends what waits for an answer, whatever became of the test.
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        self.disk.abort();
        let path = self.directory.path();
        // The first ends the server's connection, the second the mount that is in use.
        let _ = umount2(path, MntFlags::MNT_FORCE);
        let _ = umount2(path, MntFlags::MNT_DETACH);
        drop(session);
    }
}

/// A thread that ends what is held for too long, until the sender is dropped.
fn watch(disk: Disk, patience: Duration) -> Sender<()> {
    let (sender, ended) = channel();
    thread::spawn(move || {
        while ended.recv_timeout(patience / 4) == Err(RecvTimeoutError::Timeout) {
            disk.give_up(patience);
        }
    });
    sender
}
