//! What is done for the next event: read on, look who has the name, wait.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::task::{Context as TaskContext, Poll, ready};

use caio::{Context, Error, ErrorKind, FileClass, OpKind, flags};

use super::FollowEvent;
use super::wait::Wait;
use crate::AioFile;
use crate::line_reader::scan::Found;
use crate::line_reader::{LINE_BYTES_MAX, LineReader};
use crate::runtime::chosen_context;

/// The file that is followed, and how far. Each step may be given up and begun again.
#[derive(Debug)]
pub(super) struct Follower {
    path: PathBuf,
    pub(super) context: Option<Context>,
    pub(super) start: Start,
    /// The file to begin with, where it is not the one that has the name then.
    pub(super) first: Option<AioFile>,
    pub(super) separator: Vec<u8>,
    pub(super) crlf: bool,
    pub(super) line_bytes_max: usize,
    /// The file that has the name or had it; `None` before it is opened.
    file: Option<Open>,
    wait: Wait,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Offset(u64),
    End,
}

#[derive(Debug)]
struct Open {
    lines: LineReader,
    /// The numbers of the device and of the file on it.
    identity: (u64, u64),
    name: Name,
    /// The length that was seen last.
    length: u64,
}

/// Whose the name was when it was looked at last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Own,
    /// No file's.
    Gone,
    /// Another file's: this one is read to its end.
    Others,
}

impl Follower {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            context: None,
            start: Start::Offset(0),
            first: None,
            separator: b"\n".to_vec(),
            crlf: false,
            line_bytes_max: LINE_BYTES_MAX,
            file: None,
            wait: Wait::default(),
        }
    }

    /// Byte offset of the next line.
    pub(super) fn position(&self) -> u64 {
        match (&self.file, self.start) {
            (Some(open), _) => open.lines.position(),
            (None, Start::Offset(offset)) => offset,
            (None, Start::End) => 0,
        }
    }

    /// The next line, where it was read already.
    pub(super) fn line_in_memory(&mut self) -> Option<Vec<u8>> {
        let LineReader { scan, line_bytes_max, .. } = &mut self.file.as_mut()?.lines;
        let line = scan.in_chunk(*line_bytes_max)?;
        Some(scan.memory.bytes(line).to_vec())
    }

    pub(super) async fn next_event(&mut self) -> io::Result<FollowEvent> {
        loop {
            let Some(open) = &mut self.file else {
                self.file = Some(match self.first.clone() {
                    Some(first) => self.begin(first, self.start).await?,
                    None => self.open(self.start).await?,
                });
                self.first = None;
                continue;
            };
            if let Some(line) = poll_fn(|cx| poll_line(&mut open.lines, cx)).await? {
                self.wait.hurry();
                return Ok(FollowEvent::Line(line));
            }
            // All was read. What is to come depends on whose the name is.
            let event = match open.name {
                Name::Others => self.go_over().await?,
                Name::Own | Name::Gone => self.look().await?,
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    /// Looks whose the name is, and waits where nothing has changed.
    async fn look(&mut self) -> io::Result<Option<FollowEvent>> {
        let found = self.whose().await?;
        let Some(open) = &mut self.file else { return Ok(None) };
        let was = open.name;
        match found {
            Some((identity, length)) if identity == open.identity => {
                open.name = Name::Own;
                let read = open.lines.chunks.position();
                if length < read {
                    return Ok(Some(open.start_over()));
                }
                if length > read && length != open.length {
                    open.length = length;
                    return Ok(None);
                }
            }
            Some(_) => {
                open.name = Name::Others;
                // Something may have been written to this one before the other got the name.
                return Ok(None);
            }
            None => open.name = Name::Gone,
        }
        if open.name == Name::Gone && was != Name::Gone {
            self.wait.hurry();
            return Ok(Some(FollowEvent::Removed));
        }
        let file = open.lines.file();
        self.wait.wait(file, &self.path, open.name == Name::Gone).await?;
        Ok(None)
    }

    /// The file that has the name, and its length. One hop.
    async fn whose(&mut self) -> io::Result<Option<((u64, u64), u64)>> {
        let Some(open) = &self.file else { return Ok(None) };
        let path = self.path.clone();
        let look = move || match fs::metadata(&path) {
            Ok(found) => Ok(Some(((found.dev(), found.ino()), found.len()))),
            Err(error) if is_nowhere(&error) => Ok(None),
            Err(error) => Err(error.into()),
        };
        Ok(open.lines.file().context().run_on("stat", &self.path, look).await?)
    }

    /// Goes over to the file that now has the name, after what is left of this one.
    async fn go_over(&mut self) -> io::Result<Option<FollowEvent>> {
        let Some(open) = &mut self.file else { return Ok(None) };
        if let Some(line) = open.rest() {
            return Ok(Some(FollowEvent::Line(line)));
        }
        let next = self.open(Start::Offset(0)).await;
        let Some(open) = &mut self.file else { return Ok(None) };
        match next {
            Ok(next) if next.identity == open.identity => open.name = Name::Own,
            Ok(next) => {
                self.file = Some(next);
                self.wait.renew();
                return Ok(Some(FollowEvent::Rotated));
            }
            Err(error) if is_nowhere(&error) => {
                open.name = Name::Gone;
                return Ok(Some(FollowEvent::Removed));
            }
            Err(error) => return Err(error),
        }
        Ok(None)
    }

    /// Opens the file that has the name. One hop.
    async fn open(&mut self, start: Start) -> io::Result<Open> {
        let context = chosen_context(self.context.as_ref()).await?;
        let shared = context.open(&self.path, flags::O_RDONLY, 0).await?;
        self.begin(AioFile::new(context, shared, None), start).await
    }

    /// Begins with an open file.
    async fn begin(&self, file: AioFile, start: Start) -> io::Result<Open> {
        if file.file()?.class() != FileClass::Regular {
            let error = Error::new(ErrorKind::InvalidInput, "only a regular file can be followed");
            let error = error.during(OpKind::Open).on(&self.path);
            return Err(error.hint("LineReader itself waits for pipes and terminals").into());
        }
        let metadata = file.metadata().await?;
        let mut lines = LineReader::new(&file)
            .separator(&self.separator)
            .crlf(self.crlf)
            .max_line_bytes(self.line_bytes_max);
        match start {
            Start::Offset(offset) => lines.jump(offset),
            Start::End => {
                let end = metadata.len();
                lines.jump(end);
                // The line that has begun before is not one that begins after now.
                let before = end.saturating_sub(self.separator.len() as u64);
                let last = file.read_at(self.separator.len(), before).await?;
                if end > 0 && last != self.separator {
                    lines.scan.begin_skip();
                }
            }
        }
        let identity = (metadata.dev(), metadata.ino());
        Ok(Open { lines, identity, name: Name::Own, length: 0 })
    }
}

impl Open {
    /// Reads a file that was cut from its start, after what is left of the last line.
    fn start_over(&mut self) -> FollowEvent {
        if let Some(line) = self.rest() {
            return FollowEvent::Line(line);
        }
        self.lines.jump(0);
        self.length = 0;
        FollowEvent::Truncated
    }

    /// A last line without its separator.
    fn rest(&mut self) -> Option<Vec<u8>> {
        let scan = &mut self.lines.scan;
        if scan.is_skipping() {
            scan.finish_skip();
            return None;
        }
        match scan.finish(usize::MAX) {
            Found::Line(line) => Some(scan.memory.bytes(line).to_vec()),
            Found::TooLong | Found::NoMemory(_) | Found::Nothing => None,
        }
    }
}

/// The next line that has its separator; `None` where the file ends before. What cannot be given is
/// passed over by the next call.
fn poll_line(
    lines: &mut LineReader,
    cx: &mut TaskContext<'_>,
) -> Poll<io::Result<Option<Vec<u8>>>> {
    loop {
        if lines.scan.skip() {
            let error = match lines.scan.next(lines.line_bytes_max) {
                Found::Line(line) => {
                    return Poll::Ready(Ok(Some(lines.scan.memory.bytes(line).to_vec())));
                }
                Found::TooLong => Some(lines.too_long()),
                Found::NoMemory(length) => Some(lines.no_memory(length)),
                Found::Nothing => None,
            };
            if let Some(error) = error {
                lines.scan.begin_skip();
                return Poll::Ready(Err(error.into()));
            }
        }
        if !ready!(lines.poll_feed(cx))? {
            return Poll::Ready(Ok(None));
        }
    }
}

/// Whether there is no file of that name.
fn is_nowhere(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
