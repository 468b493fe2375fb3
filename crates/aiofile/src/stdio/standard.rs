//! A standard stream, which is looked at when it is first used.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context as TaskContext, Poll, ready};

use caio::{Error, SharedFile};

use super::File;
use crate::boxed::BoxedFuture;
use crate::runtime::default_context_for_task;
use crate::{AioFile, Mode, async_open};

/// A duplicate of a descriptor of the process, made when it is first used.
#[derive(Debug)]
pub(super) struct Standard {
    stream: Stream,
    state: State,
}

/// Which of the three it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    /// As messages call it.
    pub(super) name: &'static str,
    pub(super) mode: &'static str,
    /// Duplicates the descriptor, which fails where the process has closed it.
    pub(super) duplicate: fn() -> io::Result<OwnedFd>,
}

#[derive(Debug)]
enum State {
    Unused,
    Opening(BoxedFuture<io::Result<File>>),
    Open(Box<File>),
}

impl Standard {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, state: State::Unused }
    }

    /// The file, once it is open. One that could not be opened is tried again.
    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<&mut File>> {
        if let State::Unused = self.state {
            self.state = State::Opening(BoxedFuture::new(open(self.stream)));
        }
        if let State::Opening(opening) = &mut self.state {
            let opened = ready!(opening.poll(cx));
            self.state = State::Unused;
            self.state = State::Open(Box::new(opened?));
        }
        match &mut self.state {
            State::Open(file) => Poll::Ready(Ok(file)),
            State::Unused | State::Opening(_) => unreachable!("it was just opened"),
        }
    }

    /// The file, if it is open.
    pub(super) fn get(&mut self) -> Option<&mut File> {
        match &mut self.state {
            State::Open(file) => Some(file),
            State::Unused | State::Opening(_) => None,
        }
    }
}

async fn open(stream: Stream) -> io::Result<File> {
    let context = default_context_for_task().await?;
    let descriptor = (stream.duplicate)()
        .map_err(|error| Error::system(error).doing("open").on(stream.name.as_ref()))?;
    let file = SharedFile::new(descriptor.into(), stream.name)?;
    async_open(AioFile::foreign(context, file), Mode::try_from(stream.mode)?).await
}
