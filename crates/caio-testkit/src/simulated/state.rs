//! What is on a simulated disk, and how an operation changes it.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use caio::{Buffer, Op, Output, PathCall, Request, SharedFile};
use nix::errno::Errno;
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::names::Names;
use crate::model::Model;
use crate::random::Random;

/// What is on the disk, and what is to be done there.
#[derive(Debug)]
pub(super) struct State {
    pub(super) random: Random,
    pub(super) pending: Vec<Request>,
    pub(super) names: Names,
    /// By the inodes of the files that stand for them.
    pub(super) files: BTreeMap<u64, Entry>,
    pub(super) closed: bool,
}

/// A file: its bytes, and the empty file that stands for it among descriptors.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) model: Model,
    stand_in: File,
}

impl State {
    pub(super) fn perform(&mut self, request: &mut Request) -> io::Result<Output> {
        let (op, file) = request.parts_mut();
        match op {
            Op::Open { path, flags, .. } => {
                let file = self.open(path, *flags)?;
                return Ok(Output::File(SharedFile::new(file, as_path(path))?));
            }
            Op::ReadFile { path } => {
                let inode = self.names.get(as_path(path)).ok_or(Errno::ENOENT)?;
                return Ok(Output::Contents(self.files[&inode].model.contents().to_vec()));
            }
            Op::Close { .. } => {
                // Replaced, so that the descriptor is closed here and not with the answer.
                drop(std::mem::replace(op, Op::Metadata));
                return Ok(Output::Done);
            }
            Op::Path { call } => return self.call(call),
            _ => {}
        }
        let file = file.ok_or(Errno::EBADF)?;
        let inode = file.file().metadata()?.ino();
        let entry = self.files.get_mut(&inode).ok_or(Errno::EBADF)?;
        entry.perform(op, file.is_append())
    }

    pub(super) fn open(&mut self, path: &CString, flags: i32) -> io::Result<File> {
        let path = as_path(path);
        let inode = match self.names.get(path) {
            Some(_) if flags & libc::O_CREAT != 0 && flags & libc::O_EXCL != 0 => {
                return Err(Errno::EEXIST.into());
            }
            Some(inode) => inode,
            None if flags & libc::O_CREAT == 0 => return Err(Errno::ENOENT.into()),
            None => {
                let (inode, entry) = Entry::new(Model::default())?;
                self.files.insert(inode, entry);
                self.names.link(path, inode);
                inode
            }
        };
        let entry = self.files.get_mut(&inode).ok_or(Errno::ENOENT)?;
        if flags & libc::O_TRUNC != 0 {
            entry.model.set_len(0);
            entry.show_length();
        }
        entry.open(flags & libc::O_APPEND)
    }

    fn call(&mut self, call: &PathCall) -> io::Result<Output> {
        match call {
            PathCall::Rename { from, to } | PathCall::RenameNew { from, to } => {
                self.names.get(from).ok_or(Errno::ENOENT)?;
                if matches!(call, PathCall::RenameNew { .. }) && self.names.get(to).is_some() {
                    return Err(Errno::EEXIST.into());
                }
                self.names.rename(from, to);
                Ok(Output::Done)
            }
            PathCall::RemoveFile { path } => {
                self.names.get(path).ok_or(Errno::ENOENT)?;
                self.names.unlink(path);
                Ok(Output::Done)
            }
            // Directories are there as long as something is in them.
            PathCall::CreateDirectory { path, recursive, .. } => match self.names.get(path) {
                None if *recursive || !self.names.is_directory(path) => Ok(Output::Done),
                _ => Err(Errno::EEXIST.into()),
            },
            PathCall::RemoveDirectory { path } => match self.names.is_directory(path) {
                _ if self.names.get(path).is_some() => Err(Errno::ENOTDIR.into()),
                true => Err(Errno::ENOTEMPTY.into()),
                false => Ok(Output::Done),
            },
            PathCall::Metadata { path, .. } => Ok(Output::Metadata(Box::new(self.metadata(path)?))),
            PathCall::Entries { path, prefix } => {
                let mut found = Vec::new();
                for path in self.names.entries(path) {
                    let name = path.file_name().unwrap_or_default();
                    if name.as_bytes().starts_with(prefix.as_bytes()) {
                        found.push((name.to_owned(), self.metadata(&path)?));
                    }
                }
                Ok(Output::Entries(found))
            }
            PathCall::Canonicalize { path } => {
                self.names.get(path).ok_or(Errno::ENOENT)?;
                Ok(Output::Path(path.clone()))
            }
            PathCall::SyncDirectory { path } => {
                self.names.sync(path);
                Ok(Output::Done)
            }
            _ => Err(Errno::EINVAL.into()),
        }
    }

    /// That of a directory is the root's of the system: there is nothing to stand for one.
    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        match self.names.get(path) {
            Some(inode) => self.files[&inode].stand_in.metadata(),
            None if self.names.is_directory(path) => fs::metadata("/"),
            None => Err(Errno::ENOENT.into()),
        }
    }
}

impl Entry {
    /// An entry, and the inode of what stands for it.
    pub(super) fn new(model: Model) -> io::Result<(u64, Self)> {
        let stand_in = File::from(memfd_create(c"simulated", MFdFlags::MFD_CLOEXEC)?);
        let entry = Self { model, stand_in };
        entry.show_length();
        Ok((entry.stand_in.metadata()?.ino(), entry))
    }

    /// An open file of its own, with its own locks and flags.
    fn open(&self, flags: i32) -> io::Result<File> {
        let path = format!("/proc/self/fd/{}", self.stand_in.as_raw_fd());
        File::options().read(true).write(true).custom_flags(flags).open(path)
    }

    fn perform(&mut self, op: &mut Op, appends: bool) -> io::Result<Output> {
        let end = self.model.contents().len();
        let place_to_write = |offset| if appends { Ok(end) } else { place(offset) };
        let output = match op {
            Op::Read { buffer, range, offset } => {
                let bytes = self.model.read(place(*offset)?, range.len());
                let start = range.start;
                buffer.writable(start..start + bytes.len()).copy_from_slice(bytes);
                Output::Bytes(bytes.len())
            }
            Op::Write { buffer, range, offset } => {
                self.model.write(place_to_write(*offset)?, &buffer.as_slice()[range.clone()]);
                Output::Bytes(range.len())
            }
            Op::ReadVectored { buffers, skip, offset } => {
                Output::Bytes(self.read_vectored(buffers, *skip, place(*offset)?))
            }
            Op::WriteVectored { buffers, skip, offset } => {
                let joint: Vec<u8> =
                    buffers.iter().flat_map(|buffer| buffer.as_slice()).copied().collect();
                self.model.write(place_to_write(*offset)?, &joint[*skip..]);
                Output::Bytes(joint.len() - *skip)
            }
            Op::Fsync | Op::Fdatasync => {
                self.model.sync();
                Output::Done
            }
            Op::SetLength { length } => {
                self.model.set_len(place(*length)?);
                Output::Done
            }
            Op::Metadata => Output::Metadata(Box::new(self.stand_in.metadata()?)),
            Op::Open { .. }
            | Op::ReadFile { .. }
            | Op::Close { .. }
            | Op::Path { .. }
            | Op::Run { .. } => {
                return Err(Errno::EINVAL.into());
            }
        };
        self.show_length();
        Ok(output)
    }

    fn read_vectored(&self, buffers: &mut [Buffer], mut skip: usize, offset: usize) -> usize {
        let mut done = 0;
        for buffer in buffers {
            let capacity = buffer.capacity();
            let start = skip.min(capacity);
            skip -= start;
            let bytes = self.model.read(offset + done, capacity - start);
            buffer.writable(start..start + bytes.len()).copy_from_slice(bytes);
            done += bytes.len();
        }
        done
    }

    /// Lets the stand-in have the file's length, so that fstat(2) tells it.
    pub(super) fn show_length(&self) {
        let length = self.model.contents().len() as u64;
        // A hole needs no room, so that only an absurd length can fail; it is told by reads then.
        let _ = self.stand_in.set_len(length);
    }
}

fn as_path(path: &CString) -> &Path {
    Path::new(OsStr::from_bytes(path.as_bytes()))
}

/// An offset in memory. Beyond 1 TiB it is surely a mistake of the test.
fn place(offset: u64) -> io::Result<usize> {
    match usize::try_from(offset) {
        Ok(place) if place < 1 << 40 => Ok(place),
        _ => Err(Errno::EFBIG.into()),
    }
}
