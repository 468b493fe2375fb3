//! The disk as a file of a FUSE file system, which a loop device or an emulator has open: each
//! write and each flush arrives here, and is written down.

use std::ffi::OsStr;
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry,
    ReplyOpen, ReplyWrite, Request, WriteFlags,
};
use tempfile::TempDir;

use crate::disk::{DISK_BYTES, Disk, Event};

/// The only file.
const NAME: &str = "disk";

const INODE: INodeNo = INodeNo(2);

/// Nothing changes but the contents, which are not cached.
const FOR_EVER: Duration = Duration::from_secs(1 << 20);

/// The disk, which is there until this is dropped.
pub(crate) struct Served {
    server: Server,
    session: Option<BackgroundSession>,
    directory: TempDir,
}

/// What answers the kernel.
#[derive(Clone, Default)]
pub(crate) struct Server(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    disk: Disk,
    events: Vec<Event>,
}

impl Served {
    /// An empty disk.
    ///
    /// # Errors
    /// What is missing here.
    pub(crate) fn mount() -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let server = Server::default();
        let session = fuser::spawn_mount(server.clone(), directory.path(), &Config::default());
        let session = session.map_err(|error| format!("FUSE: {error}"))?;
        Ok(Self { server, session: Some(session), directory })
    }

    /// The file.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join(NAME)
    }

    /// The disk holds this from now on, and nothing was written yet.
    pub(crate) fn load(&self, disk: Disk) {
        *self.server.state() = State { disk, events: Vec::new() };
    }

    /// What the disk holds now.
    pub(crate) fn disk(&self) -> Disk {
        self.server.state().disk.clone()
    }

    /// How many events there were since the disk was loaded.
    pub(crate) fn position(&self) -> usize {
        self.server.position()
    }

    /// Who only wants to know the position.
    pub(crate) fn watch(&self) -> Server {
        self.server.clone()
    }

    /// What came since the disk was loaded.
    pub(crate) fn take_events(&self) -> Vec<Event> {
        mem::take(&mut self.server.state().events)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.session.take().map(BackgroundSession::umount_and_join) {
            println!("the FUSE file system stays mounted: {error}");
        }
    }
}

impl Server {
    /// How many events there were since the disk was loaded.
    pub(crate) fn position(&self) -> usize {
        self.state().events.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Filesystem for Server {
    fn lookup(&self, _request: &Request, _parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match name == NAME {
            true => reply.entry(&FOR_EVER, &attributes(INODE), Generation(0)),
            false => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&FOR_EVER, &attributes(inode));
    }

    fn open(&self, _request: &Request, _inode: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        // Else the kernel would keep in its page cache what was written.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _request: &Request,
        _inode: INodeNo,
        _handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let length = u64::from(size).min(DISK_BYTES.saturating_sub(offset));
        let mut bytes = vec![0; length as usize];
        self.state().disk.read(offset, &mut bytes);
        reply.data(&bytes);
    }

    fn write(
        &self,
        _request: &Request,
        _inode: INodeNo,
        _handle: FileHandle,
        offset: u64,
        bytes: &[u8],
        _how: WriteFlags,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        if offset + bytes.len() as u64 > DISK_BYTES {
            return reply.error(Errno::ENOSPC);
        }
        let mut state = self.state();
        state.disk.write(offset, bytes);
        state.events.push(Event::Write { offset, bytes: bytes.to_vec() });
        drop(state);
        reply.written(bytes.len() as u32);
    }

    fn fsync(
        &self,
        _request: &Request,
        _inode: INodeNo,
        _handle: FileHandle,
        _data_only: bool,
        reply: ReplyEmpty,
    ) {
        self.state().events.push(Event::Flush);
        reply.ok();
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }
}

fn attributes(inode: INodeNo) -> FileAttr {
    let is_disk = inode == INODE;
    FileAttr {
        ino: inode,
        size: if is_disk { DISK_BYTES } else { 0 },
        blocks: 0,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: if is_disk { FileType::RegularFile } else { FileType::Directory },
        perm: if is_disk { 0o600 } else { 0o700 },
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}
