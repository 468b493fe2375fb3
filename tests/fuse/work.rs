//! Random operations on one file, each with a fault or without, and what must hold after each.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aiofile::fs::Fs;
use aiofile::{AioFile, Context, Error, OpenOptions};
use caio_testkit::{Model, Random};
use nix::errno::Errno;

use crate::disk::Disk;
use crate::guards::Guards;
use crate::mounted::Mounted;
use crate::plan::{Answer, Call, Rule};

/// The unit of transfers, which O_DIRECT takes, too.
const BLOCK: usize = 4096;

/// What one buffer has room for.
pub(crate) const BUFFER_BYTES: usize = 2 * BLOCK;

/// As much as any operation has at once.
pub(crate) const BUFFERS: usize = 3;

const FILE_BYTES: usize = 16 * BLOCK;

/// Errnos that nothing makes good.
const ERRNOS: [Errno; 4] = [Errno::EIO, Errno::ENOSPC, Errno::EDQUOT, Errno::EACCES];

/// How the file is read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Each transfer is the server's.
    Uncached,
    /// Through the page cache, with what that does by itself.
    Cached,
    /// Opened with `O_DIRECT`.
    Direct,
}

impl Manner {
    pub(crate) const ALL: [Manner; 3] = [Manner::Uncached, Manner::Cached, Manner::Direct];

    /// A file that is there, to be read and written.
    pub(crate) async fn open(self, context: &Context, path: &Path) -> io::Result<AioFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).direct(self == Manner::Direct).context(context);
        options.open_aio(path).await
    }
}

pub(crate) struct Work<'a> {
    disk: &'a Disk,
    context: Context,
    guards: Guards,
    manner: Manner,
    random: Random,
    paths: [PathBuf; 2],
    node: u64,
    file: AioFile,
    model: Model,
}

type Answered = Vec<(Call, Answer)>;

impl<'a> Work<'a> {
    pub(crate) async fn begin(
        place: &'a Mounted,
        context: &Context,
        guards: &Guards,
        manner: Manner,
        seed: u64,
    ) -> Result<Self, String> {
        let disk = place.disk();
        let mut random = Random::new(seed);
        let names = [format!("{manner:?}-{seed}"), format!("{manner:?}-{seed}-renamed")];
        let contents = random.bytes(FILE_BYTES);
        let node = disk.create(&names[0], contents.clone(), manner == Manner::Uncached);
        let paths = names.map(|name| place.path(name));
        let file = manner.open(context, &paths[0]).await.map_err(|error| error.to_string())?;
        let (context, guards, model) = (context.clone(), guards.clone(), Model::new(contents));
        Ok(Self { disk, context, guards, manner, random, paths, node, file, model })
    }

    /// One operation.
    pub(crate) async fn step(&mut self) -> Result<(), String> {
        let done = match self.random.below(13) {
            0 | 1 => self.read().await,
            2 => self.read_vectored().await,
            3 => self.read_whole().await,
            4 => self.read_ranges().await,
            5 | 6 => self.write().await,
            7 => self.write_vectored().await,
            8 => self.append().await,
            9 => self.sync().await,
            10 => self.reopen().await,
            11 => self.rename().await,
            _ => self.attributes().await,
        };
        let out = self.guards.out();
        let path = self.paths[0].display();
        done.map_err(|error| format!("{path}: {error} ({out} buffers are out)"))
    }

    async fn read(&mut self) -> Result<(), String> {
        let offset = self.offset();
        self.fault(&[Call::Read], true);
        let buffer = self.guards.take();
        let address = buffer.as_ptr();
        let (result, buffer) = self.file.read_into(buffer, offset as u64).await;
        let answered = self.answered();
        if (buffer.as_ptr(), buffer.capacity()) != (address, BUFFER_BYTES) {
            return Err("another buffer came back from a read".to_owned());
        }
        match result {
            Err(error) => self.is_told(&error, &answered),
            Ok(count) if count != buffer.len() => Err("the buffer has another length".to_owned()),
            Ok(_) => self.is_read(offset, BUFFER_BYTES, &buffer, &answered),
        }
    }

    async fn read_vectored(&mut self) -> Result<(), String> {
        let offset = self.offset();
        self.fault(&[Call::Read], true);
        let buffers: Vec<_> = (0..BUFFERS).map(|_| self.guards.take()).collect();
        let addresses: Vec<_> = buffers.iter().map(|buffer| buffer.as_ptr().addr()).collect();
        let (result, buffers) = self.file.read_vectored_at(buffers, offset as u64).await;
        let answered = self.answered();
        if !buffers.iter().map(|buffer| buffer.as_ptr().addr()).eq(addresses) {
            return Err("other buffers came back from a vectored read".to_owned());
        }
        match result {
            Err(error) => self.is_told(&error, &answered),
            Ok(count) => {
                let found: Vec<_> = buffers.iter().flat_map(|buffer| buffer.to_vec()).collect();
                if found.len() != count {
                    return Err(format!("{count} bytes were read, the buffers have others"));
                }
                self.is_read(offset, BUFFERS * BUFFER_BYTES, &found, &answered)
            }
        }
    }

    async fn read_whole(&mut self) -> Result<(), String> {
        self.fault(&[Call::Read, Call::Getattr, Call::Open], true);
        let by_path = self.random.chance(0.5);
        let result = match by_path {
            true => Fs::new(&self.context).read(&self.paths[0]).await,
            false => self.file.read_to_end(0).await.map(Vec::from),
        };
        let answered = self.answered();
        match result {
            Err(error) => self.is_told(&error, &answered),
            Ok(found) => self.is_read(0, usize::MAX, &found, &answered),
        }
    }

    async fn read_ranges(&mut self) -> Result<(), String> {
        // A range that is not in the file is an error.
        let starts_max = self.model.contents().len() - 1000;
        let starts: Vec<_> = (0..4).map(|_| self.random.below(starts_max) as u64).collect();
        let ranges: Vec<_> = starts.into_iter().map(|start| start..start + 1000).collect();
        self.fault(&[Call::Read], true);
        let result = self.file.read_ranges(&ranges).await;
        let answered = self.answered();
        let found = match result {
            Err(error) => return self.is_told(&error, &answered),
            Ok(found) => found,
        };
        for (range, found) in ranges.into_iter().zip(found) {
            let start = usize::try_from(range.start).expect("files are small");
            self.is_read(start, 1000, &found, &answered)?;
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<(), String> {
        let offset = self.offset();
        let bytes = self.bytes(1);
        self.fault(&[Call::Write], true);
        let buffer = self.guards.with(&bytes);
        let address = buffer.as_ptr();
        let (result, buffer) = self.file.write_from(buffer, offset as u64).await;
        if buffer.as_ptr() != address || buffer[..] != bytes {
            return Err("another buffer came back from a write".to_owned());
        }
        self.is_written(offset, &bytes, result)
    }

    async fn write_vectored(&mut self) -> Result<(), String> {
        let offset = self.offset();
        let pieces: Vec<_> = (0..BUFFERS).map(|_| self.bytes(1)).collect();
        self.fault(&[Call::Write], true);
        let buffers: Vec<_> = pieces.iter().map(|bytes| self.guards.with(bytes)).collect();
        let (result, buffers) = self.file.write_vectored_at(buffers, offset as u64).await;
        if !buffers.iter().map(|buffer| &buffer[..]).eq(pieces.iter().map(|bytes| &bytes[..])) {
            return Err("other buffers came back from a vectored write".to_owned());
        }
        self.is_written(offset, &pieces.concat(), result)
    }

    /// With a handle of its own, which is closed then.
    async fn append(&mut self) -> Result<(), String> {
        let mut options = OpenOptions::new();
        options.append(true).context(&self.context);
        let opened = options.open_aio(&self.paths[0]).await;
        let mut file = opened.map_err(|error| format!("without a fault: {error}"))?;
        let bytes = self.random.bytes(1000);
        self.fault(&[Call::Write], true);
        let result = file.append(bytes.clone()).await.map(|()| bytes.len());
        self.is_written(self.model.contents().len(), &bytes, result)?;
        file.close().await.map_err(|error| format!("without a fault: {error}"))
    }

    /// A sync that failed stays failed, and the server is not asked again, until the file is opened
    /// anew or the failure is forgotten.
    async fn sync(&mut self) -> Result<(), String> {
        self.fault(&[Call::Fsync], false);
        let data_only = self.random.chance(0.5);
        let result = if data_only { self.file.fdatasync().await } else { self.file.fsync().await };
        let answered = self.answered();
        let Err(error) = result else { return nothing_lost("a sync", &answered) };
        self.is_told(&error, &answered)?;
        let errno = Error::of(&error).and_then(Error::raw_os_error);
        let asked = self.disk.calls(self.node, Call::Fsync);
        for _ in 0..2 {
            let again = self.file.fsync().await.map_err(|error| {
                let error = Error::from(error);
                (error.raw_os_error(), error.path() == Some(&self.paths[0]))
            });
            if again != Err((errno, true)) {
                return Err(format!("after a sync that failed another one is {again:?}"));
            }
        }
        if self.disk.calls(self.node, Call::Fsync) != asked {
            return Err("the server was asked again after a sync that failed".to_owned());
        }
        self.file.clear_sync_error();
        self.file.fsync().await.map_err(|error| format!("without a fault: {error}"))
    }

    async fn reopen(&mut self) -> Result<(), String> {
        // It may have another name by now.
        let opened = self.file.path().expect("it is open").to_owned();
        self.fault(&[Call::Flush, Call::Release], false);
        let closed = self.file.close().await;
        let answered = self.answered_to(&[Call::Flush]);
        match closed {
            Err(error) => is_told(&error, &opened, &answered)?,
            Ok(()) => nothing_lost("a close", &answered)?,
        }
        self.fault(&[Call::Open, Call::Lookup, Call::Getattr], false);
        let result = self.manner.open(&self.context, &self.paths[0]).await;
        self.file = match result {
            Ok(file) => {
                // A lookup that fails, the kernel makes once more.
                nothing_lost("an open", &self.answered_to(&[Call::Open, Call::Getattr]))?;
                file
            }
            Err(error) => {
                self.is_told(&error, &self.answered())?;
                let again = self.manner.open(&self.context, &self.paths[0]).await;
                again.map_err(|error| format!("without a fault: {error}"))?
            }
        };
        Ok(())
    }

    /// The handle keeps the name that it was opened by; so the file is opened anew.
    async fn rename(&mut self) -> Result<(), String> {
        self.fault(&[Call::Rename], false);
        let result = Fs::new(&self.context).rename(&self.paths[0], &self.paths[1]).await;
        let answered = self.answered();
        match result {
            Err(error) => self.is_told(&error, &answered),
            Ok(()) => {
                nothing_lost("a rename", &answered)?;
                self.paths.swap(0, 1);
                self.reopen().await
            }
        }
    }

    async fn attributes(&mut self) -> Result<(), String> {
        if self.random.chance(0.5) {
            self.fault(&[Call::Getattr], false);
            let result = self.file.len().await;
            let answered = self.answered();
            return match result {
                Err(error) => self.is_told(&error, &answered),
                Ok(length) if length != self.model.contents().len() as u64 => {
                    Err(format!("the file is said to have {length} bytes"))
                }
                Ok(_) => nothing_lost("a look at the length", &answered),
            };
        }
        let length = FILE_BYTES - BLOCK * self.random.below(4);
        self.fault(&[Call::Setattr], false);
        let result = self.file.set_len(length as u64).await;
        let answered = self.answered();
        match result {
            Err(error) => self.is_told(&error, &answered)?,
            Ok(()) => {
                nothing_lost("a change of the length", &answered)?;
                self.model.set_len(length);
            }
        }
        match self.disk.contents(self.node) == self.model.contents() {
            true => Ok(()),
            false => Err("the file was not cut as it should be".to_owned()),
        }
    }

    /// Plans a fault at one of the next such calls, or none.
    fn fault(&mut self, calls: &[Call], moves_bytes: bool) {
        if self.random.chance(0.2) {
            return;
        }
        let call = calls[self.random.below(calls.len())];
        // The kernel takes a short answer for the end of a file that it caches.
        let may_be_short =
            call == Call::Write || call == Call::Read && self.manner != Manner::Cached;
        let answer = match self.random.below(10) {
            0 => Answer::Late(Duration::from_micros(self.random.below(500) as u64)),
            1..4 if moves_bytes && may_be_short => Answer::Short,
            _ => Answer::Fails(ERRNOS[self.random.below(ERRNOS.len())]),
        };
        let after = if moves_bytes { self.random.below(2) as u32 } else { 0 };
        let sticky = self.random.chance(0.2);
        self.disk.plan(self.node, Rule { call, answer, after, sticky });
    }

    fn answered(&self) -> Answered {
        self.disk.answered(self.node)
    }

    /// The same, without what the kernel tells nobody, as what a release answers.
    fn answered_to(&self, calls: &[Call]) -> Answered {
        self.answered().into_iter().filter(|(call, _)| calls.contains(call)).collect()
    }

    fn offset(&mut self) -> usize {
        match self.manner {
            Manner::Direct => BLOCK * self.random.below(FILE_BYTES / BLOCK),
            _ => self.random.below(FILE_BYTES),
        }
    }

    /// Some blocks, or in other manners any number of bytes.
    fn bytes(&mut self, blocks: usize) -> Vec<u8> {
        let length = match self.manner {
            Manner::Direct => BLOCK * blocks,
            _ => 1 + self.random.below(BLOCK * blocks),
        };
        self.random.bytes(length)
    }

    /// What came is what the file has there, all of it unless a fault was in the way.
    fn is_read(
        &self,
        offset: usize,
        wanted: usize,
        found: &[u8],
        answered: &Answered,
    ) -> Result<(), String> {
        let expected = self.model.read(offset, wanted);
        if !expected.starts_with(found) {
            return Err(format!("a read at {offset} gave other bytes, after {answered:?}"));
        }
        match found.len() == expected.len() || is_disturbed(answered) {
            true => Ok(()),
            false => Err(format!("{} of {} bytes were read", found.len(), expected.len())),
        }
    }

    /// What was acknowledged is there, and all else is as before or as it was to become.
    fn is_written(
        &mut self,
        offset: usize,
        bytes: &[u8],
        result: io::Result<usize>,
    ) -> Result<(), String> {
        let answered = self.answered();
        let acknowledged = match result {
            Ok(count) if count < bytes.len() && !is_disturbed(&answered) => {
                return Err(format!("{count} of {} bytes were written", bytes.len()));
            }
            Ok(count) => count,
            Err(error) => {
                self.is_told(&error, &answered)?;
                0
            }
        };
        let found = self.disk.contents(self.node);
        let there = found.get(offset..offset + acknowledged).unwrap_or_default();
        if there != &bytes[..acknowledged] {
            return Err(format!(
                "{acknowledged} of {} acknowledged bytes at {offset} are lost in a file of {} \
                 bytes, after {answered:?}",
                bytes.len(),
                found.len()
            ));
        }
        let before = self.model.contents().to_vec();
        self.model.write(offset, bytes);
        let after = self.model.contents();
        let may_be = |(at, byte): (usize, &u8)| {
            before.get(at).is_some_and(|old| old == byte)
                || after.get(at).is_some_and(|new| new == byte)
        };
        let length_may_be = (before.len()..=after.len()).contains(&found.len());
        if !length_may_be || !found.iter().enumerate().all(may_be) {
            return Err(format!("a write at {offset} changed other bytes, after {answered:?}"));
        }
        self.model = Model::new(found);
        Ok(())
    }

    fn is_told(&self, error: &io::Error, answered: &Answered) -> Result<(), String> {
        is_told(error, &self.paths[0], answered)
    }
}

/// The error names the file and tells what the server answered.
fn is_told(error: &io::Error, path: &Path, answered: &Answered) -> Result<(), String> {
    let told = Error::of(error).ok_or_else(|| format!("it is no error of ours: {error}"))?;
    if told.path() != Some(path) {
        return Err(format!("the error names another file: {error}"));
    }
    // The kernel makes an error of a write that comes back short, where nobody waits in it.
    let short_writes = answered.contains(&(Call::Write, Answer::Short)).then_some(Errno::EIO);
    let errno = told.raw_os_error();
    let is_answer = |answer: Errno| errno == Some(answer as i32);
    match errnos(answered).chain(short_writes).any(is_answer) {
        true => Ok(()),
        false => Err(format!("the server answered {answered:?}, the error is {error}")),
    }
}

/// No error was answered, since none was told.
fn nothing_lost(what: &str, answered: &Answered) -> Result<(), String> {
    match errnos(answered).next() {
        None => Ok(()),
        Some(_) => Err(format!("{what} succeeded although the server answered {answered:?}")),
    }
}

fn errnos(answered: &Answered) -> impl Iterator<Item = Errno> {
    answered.iter().filter_map(|(_, answer)| match answer {
        Answer::Fails(errno) => Some(*errno),
        Answer::Short | Answer::Late(_) | Answer::Held => None,
    })
}

/// Whether there was a reason to move fewer bytes.
fn is_disturbed(answered: &Answered) -> bool {
    answered.iter().any(|(_, answer)| matches!(answer, Answer::Fails(_) | Answer::Short))
}
