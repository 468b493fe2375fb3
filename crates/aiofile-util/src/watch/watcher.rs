//! Reads what has changed, until there is nothing more for a while.

use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use aiofile::{AioFile, Context, Reader};
use caio::event;
use futures_util::future::{Either, select};

use super::Change;
use super::pending::Pending;
use super::tree::Tree;

/// How much is read at once: more than one event, which is at most 272 bytes long.
const READ_BYTES: usize = 64 << 10;

/// So many paths are told of together, and then the others.
const BATCH_MAX: usize = 4096;

/// So many times it waits for more, where there is always more.
const WAITS_MAX: usize = 10;

pub(super) struct Watcher {
    context: Context,
    events: Reader,
    debounce: Duration,
    /// `None` once there is nothing to go on with.
    known: Option<Known>,
}

struct Known {
    tree: Tree,
    pending: Pending,
}

impl Watcher {
    /// Watches these from now on. One hop.
    pub(super) async fn begin(
        context: Context,
        roots: Vec<PathBuf>,
        recursive: bool,
        debounce: Duration,
    ) -> io::Result<Self> {
        let watch = move || {
            let inotify = event::changes(&[])?;
            let events = inotify.try_clone()?;
            Ok((events, Tree::watch(inotify, roots, recursive)?))
        };
        let (events, tree) = context.run("watch", watch).await?;
        let events = AioFile::from_std_in(&context, events)?;
        let events = Reader::new(events).chunk_size(READ_BYTES).read_ahead(0);
        let known = Some(Known { tree, pending: Pending::default() });
        Ok(Self { context, events, debounce, known })
    }

    /// What has changed; `None` once nothing is watched any more.
    pub(super) async fn next(&mut self) -> Option<io::Result<Vec<Change>>> {
        loop {
            let known = self.known.as_mut()?;
            if let Some(error) = known.tree.errors.pop_front() {
                return Some(Err(error.into()));
            }
            if !known.pending.is_empty() {
                return Some(Ok(known.pending.take()));
            }
            if known.tree.is_empty() {
                return None;
            }
            if let Err(error) = self.collect().await {
                self.known = None;
                return Some(Err(error));
            }
        }
    }

    /// Waits for a change, and then until there was none for as long as was wanted, or for ten
    /// times as long.
    async fn collect(&mut self) -> io::Result<()> {
        let bytes = self.events.next_chunk().await?;
        self.take_in(bytes.unwrap_or_default().into()).await?;
        if self.debounce.is_zero() {
            return Ok(());
        }
        for _ in 0..WAITS_MAX {
            if self.is_full() || !self.collect_for_a_while().await? {
                break;
            }
        }
        Ok(())
    }

    /// Whether there was anything.
    async fn collect_for_a_while(&mut self) -> io::Result<bool> {
        let timer = AioFile::from_std_in(&self.context, event::timer(self.debounce)?)?;
        let mut elapsed = pin!(timer.read_at(8, 0));
        let mut is_changed = false;
        loop {
            let bytes = match select(pin!(self.events.next_chunk()), &mut elapsed).await {
                Either::Left((bytes, _)) => bytes?,
                Either::Right((elapsed, _)) => {
                    elapsed?;
                    return Ok(is_changed);
                }
            };
            is_changed = true;
            self.take_in(bytes.unwrap_or_default().into()).await?;
            if self.is_full() {
                return Ok(true);
            }
        }
    }

    async fn take_in(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let Some(Known { mut tree, mut pending }) = self.known.take() else { return Ok(()) };
        let apply = move || {
            tree.apply(&bytes, &mut pending);
            Ok(Known { tree, pending })
        };
        self.known = Some(self.context.run("watch", apply).await?);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.known.as_ref().is_none_or(|known| known.pending.len() >= BATCH_MAX)
    }
}
