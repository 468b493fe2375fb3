//! Files in chunks, one behind the other or in turn.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use aiofile::{Context, OpenOptions, Reader};
use bytes::Bytes;
use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::stream::{FuturesOrdered, SelectAll, StreamFuture};
use futures_util::{StreamExt, stream};

use super::outcome::{FileOutcome, OnError};
use super::progress::{Counter, Progress};
use super::retry::Attempts;
use super::{BYTES_MAX, Paths, PipelineOptions, counted};
use crate::steps::context_or_default;

/// So many chunks of a file are read ahead, where there are bytes for that.
const AHEAD_MAX: u64 = 2;

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilePart {
    /// Some bytes, of which there are always some.
    Chunk {
        /// Where they are in the file.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// The file is at its end.
    End {
        /// How many bytes there were.
        length: u64,
    },
}

/// Many files in chunks; made by [`PipelineOptions::chunks`].
#[must_use = "nothing is read before the stream is polled"]
pub struct FileChunks {
    paths: Paths,
    open: Box<dyn Fn(Arc<Path>) -> Parts + Send>,
    files: Files,
    files_max: usize,
    on_error: OnError,
    is_over: bool,
    counter: Counter,
}

type Parts = BoxStream<'static, FileOutcome<FilePart>>;

/// The files that are open.
enum Files {
    InOrder {
        /// The one that is told, and those that are begun, in their order.
        begun: VecDeque<(Option<FileOutcome<FilePart>>, Parts)>,
        /// Those whose first part is not there yet.
        opening: FuturesOrdered<StreamFuture<Parts>>,
    },
    InTurn(SelectAll<Parts>),
}

impl FileChunks {
    pub(super) fn new<P: Into<PathBuf>>(
        options: &PipelineOptions,
        paths: impl Iterator<Item = P> + Send + 'static,
    ) -> Self {
        let (paths, total) = counted(paths);
        let bytes_max = options.bytes_max.unwrap_or(BYTES_MAX).max(1);
        let chunk = bytes_max.min(options.chunk_bytes as u64);
        let chunks = bytes_max / chunk;
        let files_max = chunks.min(options.at_once() as u64);
        let settings = Settings {
            context: options.context.clone(),
            chunk_bytes: usize::try_from(chunk).unwrap_or(usize::MAX),
            ahead: usize::try_from((chunks / files_max - 1).min(AHEAD_MAX)).unwrap_or_default(),
            attempts: options.attempts,
        };
        let files = match options.ordered {
            true => Files::InOrder { begun: VecDeque::new(), opening: FuturesOrdered::new() },
            false => Files::InTurn(SelectAll::new()),
        };
        Self {
            paths,
            open: Box::new(move |path| parts(settings.clone(), path)),
            files,
            files_max: usize::try_from(files_max).unwrap_or(usize::MAX),
            on_error: options.on_error,
            is_over: false,
            counter: Counter::new(total),
        }
    }

    /// The next part of a file; `None` when all are done, or after the error that stopped it.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<FileOutcome<FilePart>> {
        StreamExt::next(self).await
    }

    /// How far it has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.counter.progress()
    }

    /// The next part; `None` where no file is left.
    fn poll_part(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<FileOutcome<FilePart>>> {
        loop {
            while self.files.len() < self.files_max
                && let Some(path) = self.paths.next()
            {
                self.files.push((self.open)(path));
            }
            let before = self.files.len();
            let part = self.files.poll_next(cx);
            // A file has ended, and the next one is to begin before this waits.
            let has_room = self.files.len() < before && self.files.len() < self.files_max;
            if matches!(part, Poll::Ready(Some(_))) || !has_room {
                return part;
            }
        }
    }
}

impl Stream for FileChunks {
    type Item = FileOutcome<FilePart>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<FileOutcome<FilePart>>> {
        let this = &mut *self;
        this.counter.begin();
        while !this.is_over {
            let Some(part) = ready!(this.poll_part(cx)) else {
                this.is_over = true;
                break;
            };
            match &part.result {
                Ok(FilePart::Chunk { bytes, .. }) => this.counter.add(bytes.len() as u64),
                Ok(FilePart::End { .. }) => this.counter.done(),
                Err(_) => {
                    if this.on_error == OnError::Stop {
                        this.is_over = true;
                        this.files.clear();
                    }
                    if !this.counter.failed(this.on_error) {
                        continue;
                    }
                }
            }
            return Poll::Ready(Some(part));
        }
        Poll::Ready(None)
    }
}

impl fmt::Debug for FileChunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileChunks").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

impl Files {
    fn len(&self) -> usize {
        match self {
            Self::InOrder { begun, opening } => begun.len() + opening.len(),
            Self::InTurn(files) => files.len(),
        }
    }

    fn push(&mut self, file: Parts) {
        match self {
            Self::InOrder { opening, .. } => opening.push_back(file.into_future()),
            Self::InTurn(files) => files.push(file),
        }
    }

    fn clear(&mut self) {
        match self {
            Self::InOrder { begun, opening } => {
                begun.clear();
                opening.clear();
            }
            Self::InTurn(files) => files.clear(),
        }
    }

    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<FileOutcome<FilePart>>> {
        let (begun, opening) = match self {
            Self::InTurn(files) => return files.poll_next_unpin(cx),
            Self::InOrder { begun, opening } => (begun, opening),
        };
        loop {
            while let Poll::Ready(Some(file)) = opening.poll_next_unpin(cx) {
                begun.push_back(file);
            }
            let Some((first, file)) = begun.front_mut() else {
                return if opening.is_empty() { Poll::Ready(None) } else { Poll::Pending };
            };
            let part = match first.take() {
                Some(part) => Some(part),
                None => ready!(file.poll_next_unpin(cx)),
            };
            match part {
                Some(part) => return Poll::Ready(Some(part)),
                None => _ = begun.pop_front(),
            }
        }
    }
}

#[derive(Clone)]
struct Settings {
    context: Option<Context>,
    chunk_bytes: usize,
    ahead: usize,
    attempts: u32,
}

/// How far one file is.
enum State {
    Unopened,
    Open(Box<Reader>),
    Over,
}

/// The parts of one file, the last of which is its end or an error.
fn parts(settings: Settings, path: Arc<Path>) -> Parts {
    let next = move |state| next_part(settings.clone(), Arc::clone(&path), state);
    stream::unfold(State::Unopened, next).boxed()
}

async fn next_part(
    settings: Settings,
    path: Arc<Path>,
    state: State,
) -> Option<(FileOutcome<FilePart>, State)> {
    let mut tries = Attempts::new(settings.context.as_ref(), settings.attempts);
    let (result, state) = match state {
        State::Over => return None,
        State::Unopened => loop {
            match open(&settings, &path).await {
                Ok(reader) => break read(reader, &mut tries).await,
                Err(error) if tries.again(&error).await => {}
                Err(error) => break (Err(error), State::Over),
            }
        },
        State::Open(reader) => read(reader, &mut tries).await,
    };
    Some((FileOutcome { path, result, attempts: tries.made }, state))
}

async fn read(mut reader: Box<Reader>, tries: &mut Attempts) -> (io::Result<FilePart>, State) {
    let offset = reader.position();
    loop {
        match reader.next_chunk().await {
            Ok(Some(bytes)) => return (Ok(FilePart::Chunk { offset, bytes }), State::Open(reader)),
            Ok(None) => return (Ok(FilePart::End { length: offset }), State::Over),
            Err(error) if tries.again(&error).await => {}
            Err(error) => return (Err(error), State::Over),
        }
    }
}

async fn open(settings: &Settings, path: &Path) -> io::Result<Box<Reader>> {
    let context = context_or_default(settings.context.as_ref()).await?;
    let file = OpenOptions::new().read(true).context(&context).open_aio(path).await?;
    let reader = Reader::new(file).chunk_size(settings.chunk_bytes);
    Ok(Box::new(reader.read_ahead(settings.ahead)))
}
