//! What the kernel asks, handed to the file system in memory.

use std::ffi::OsStr;
use std::io;
use std::time::SystemTime;

use fuser::{
    FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow,
    WriteFlags,
};
use nix::errno::Errno;
use nix::libc;

use crate::disk::{Disk, Node, Verdict};
use crate::plan::Call;

/// So many requests may be in the kernel's background before it holds others back, which would
/// make one file wait for another.
const BACKGROUND_MAX: u16 = 4096;

const NO_HANDLE: FileHandle = FileHandle(0);

pub(crate) struct Server(pub(crate) Disk);

impl Server {
    fn attributes(&self, file: u64) -> Option<FileAttr> {
        self.0.with(file, |node| attributes(file, node))
    }

    fn entry(&self, file: Option<u64>, reply: ReplyEntry) {
        match file.and_then(|file| self.attributes(file)) {
            Some(attributes) => reply.entry(&self.0.remembered, &attributes, Generation(0)),
            None => reply.error(fuser::Errno::ENOENT),
        }
    }

    fn attr(&self, file: u64, reply: ReplyAttr) {
        match self.attributes(file) {
            Some(attributes) => reply.attr(&self.0.remembered, &attributes),
            None => reply.error(fuser::Errno::ENOENT),
        }
    }

    fn make(&self, parent: INodeNo, name: &OsStr, is_directory: bool, mode: u32) -> u64 {
        self.0.add(parent.0, name, Node::new(is_directory, (mode & 0o7777) as u16))
    }

    /// A call that has nothing to do but to be answered.
    fn empty(
        &self,
        file: INodeNo,
        call: Call,
        reply: ReplyEmpty,
        work: impl FnOnce() + Send + 'static,
    ) {
        self.0.serve(file.0, call, move |verdict| match verdict {
            Verdict::Fails(errno) => reply.error(code(errno)),
            Verdict::Done | Verdict::Short => {
                work();
                reply.ok();
            }
        });
    }

    fn opened(&self, file: INodeNo, reply: ReplyOpen) {
        let server = self.another();
        self.0.serve(file.0, Call::Open, move |verdict| match verdict {
            Verdict::Fails(errno) => reply.error(code(errno)),
            Verdict::Done | Verdict::Short => reply.opened(NO_HANDLE, server.flags(file.0)),
        });
    }

    /// How the kernel is to treat an open file.
    fn flags(&self, file: u64) -> FopenFlags {
        match self.0.with(file, |node| node.is_uncached) {
            Some(true) => FopenFlags::FOPEN_DIRECT_IO | FopenFlags::FOPEN_PARALLEL_DIRECT_WRITES,
            _ => FopenFlags::empty(),
        }
    }

    fn another(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Filesystem for Server {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let unsupported = |_| io::Error::from(io::ErrorKind::Unsupported);
        config.set_max_background(BACKGROUND_MAX).map_err(|_| io::Error::other("background"))?;
        // Without it kernel AIO would wait for the server where a request is submitted.
        config.add_capabilities(InitFlags::FUSE_ASYNC_DIO).map_err(unsupported)
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let server = self.another();
        let found = self.0.find(parent.0, name);
        let answer = move |verdict| match verdict {
            Verdict::Fails(errno) => reply.error(code(errno)),
            Verdict::Done | Verdict::Short => server.entry(found, reply),
        };
        self.0.serve(found.unwrap_or(parent.0), Call::Lookup, answer);
    }

    fn getattr(&self, _: &Request, file: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let server = self.another();
        self.0.serve(file.0, Call::Getattr, move |verdict| match verdict {
            Verdict::Fails(errno) => reply.error(code(errno)),
            Verdict::Done | Verdict::Short => server.attr(file.0, reply),
        });
    }

    fn setattr(
        &self,
        _: &Request,
        file: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let server = self.another();
        self.0.serve(file.0, Call::Setattr, move |verdict| {
            if let Verdict::Fails(errno) = verdict {
                return reply.error(code(errno));
            }
            server.0.with(file.0, |node| {
                if let Some(mode) = mode {
                    node.permissions = (mode & 0o7777) as u16;
                }
                if let Some(size) = size {
                    node.contents.resize(usize::try_from(size).expect("files are small"), 0);
                }
            });
            server.attr(file.0, reply);
        });
    }

    fn open(&self, _: &Request, file: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.opened(file, reply);
    }

    fn opendir(&self, _: &Request, file: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.opened(file, reply);
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let (server, name) = (self.another(), name.to_owned());
        self.0.serve(parent.0, Call::Names, move |verdict| {
            if let Verdict::Fails(errno) = verdict {
                return reply.error(code(errno));
            }
            let file = server.make(parent, &name, false, mode & !umask);
            let attributes = server.attributes(file).expect("it was just made");
            let remembered = &server.0.remembered;
            let flags = FopenFlags::empty();
            reply.created(remembered, &attributes, Generation(0), NO_HANDLE, flags);
        });
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let (server, name) = (self.another(), name.to_owned());
        self.0.serve(parent.0, Call::Names, move |verdict| {
            if let Verdict::Fails(errno) = verdict {
                return reply.error(code(errno));
            }
            let made = server.make(parent, &name, true, mode & !umask);
            server.entry(Some(made), reply);
        });
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let (disk, name) = (self.0.clone(), name.to_owned());
        self.empty(parent, Call::Names, reply, move || {
            disk.remove(parent.0, &name);
        });
    }

    fn rmdir(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let inside = self.0.find(parent.0, name).map(|file| self.0.entries(file));
        match inside {
            Some(inside) if !inside.is_empty() => reply.error(fuser::Errno::ENOTEMPTY),
            _ => self.unlink(request, parent, name, reply),
        }
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let Some(file) = self.0.find(parent.0, name) else {
            return reply.error(fuser::Errno::ENOENT);
        };
        let (disk, name, new_name) = (self.0.clone(), name.to_owned(), new_name.to_owned());
        self.empty(INodeNo(file), Call::Rename, reply, move || {
            disk.remove(parent.0, &name);
            disk.name(new_parent.0, &new_name, file);
        });
    }

    fn read(
        &self,
        _: &Request,
        file: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        flags: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let disk = self.0.clone();
        // With O_DIRECT a read cannot go on within a block.
        let unit = if flags.0 & libc::O_DIRECT == 0 { 1 } else { 4096 };
        self.0.serve(file.0, Call::Read, move |verdict| {
            let bytes = disk.read(file.0, offset, size as usize);
            match verdict.bytes(bytes.len(), unit) {
                Ok(length) => {
                    disk.moved(length, bytes.len());
                    reply.data(&bytes[..length]);
                }
                Err(errno) => reply.error(code(errno)),
            }
        });
    }

    fn write(
        &self,
        _: &Request,
        file: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let (disk, data) = (self.0.clone(), data.to_vec());
        self.0.serve(file.0, Call::Write, move |verdict| match verdict.bytes(data.len(), 1) {
            Ok(length) => {
                disk.moved(length, data.len());
                disk.write(file.0, offset, &data[..length]);
                reply.written(u32::try_from(length).expect("requests are small"));
            }
            Err(errno) => reply.error(code(errno)),
        });
    }

    fn flush(&self, _: &Request, file: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        self.empty(file, Call::Flush, reply, || {});
    }

    fn fsync(&self, _: &Request, file: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.empty(file, Call::Fsync, reply, || {});
    }

    fn fsyncdir(&self, _: &Request, file: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.empty(file, Call::Fsync, reply, || {});
    }

    fn release(
        &self,
        _: &Request,
        file: INodeNo,
        _: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.empty(file, Call::Release, reply, || {});
    }

    fn releasedir(
        &self,
        _: &Request,
        file: INodeNo,
        _: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.empty(file, Call::Release, reply, || {});
    }

    fn statfs(&self, _: &Request, file: INodeNo, reply: ReplyStatfs) {
        self.0.serve(file.0, Call::Statfs, move |verdict| match verdict {
            Verdict::Fails(errno) => reply.error(code(errno)),
            Verdict::Done | Verdict::Short => reply.statfs(0, 0, 0, 0, 0, 4096, 255, 0),
        });
    }

    fn readdir(
        &self,
        _: &Request,
        file: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let disk = self.0.clone();
        self.0.serve(file.0, Call::Entries, move |verdict| {
            if let Verdict::Fails(errno) = verdict {
                return reply.error(code(errno));
            }
            let entries = disk.entries(file.0).into_iter().zip(1..);
            for ((number, name), next) in entries.skip(usize::try_from(offset).unwrap_or(0)) {
                let kind = match disk.with(number, |node| node.is_directory) {
                    Some(true) => FileType::Directory,
                    _ => FileType::RegularFile,
                };
                if reply.add(INodeNo(number), next, kind, name) {
                    break;
                }
            }
            reply.ok();
        });
    }
}

fn attributes(file: u64, node: &Node) -> FileAttr {
    let time = SystemTime::UNIX_EPOCH;
    let size = node.contents.len() as u64;
    FileAttr {
        ino: INodeNo(file),
        size,
        blocks: size.div_ceil(512),
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind: if node.is_directory { FileType::Directory } else { FileType::RegularFile },
        perm: node.permissions,
        nlink: if node.is_directory { 2 } else { 1 },
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn code(errno: Errno) -> fuser::Errno {
    fuser::Errno::from_i32(errno as i32)
}
