//! Reads what has changed, or looks for it, until there is nothing more for a while.

use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::time::{Duration, Instant};

use aiofile::{AioFile, Context, Reader};
use caio::event;
use futures_util::future::{Either, select};

use super::Change;
use super::file_system::{Trust, untold};
use super::pending::Pending;
use super::poll::Polled;
use super::tree::Tree;

/// How much is read at once: more than one event, which is at most 272 bytes long.
const READ_BYTES: usize = 64 << 10;

/// So many paths are told of together, and then the others.
const BATCH_MAX: usize = 4096;

/// So many times it waits for more, where there is always more.
const WAITS_MAX: usize = 10;

/// How it is watched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) recursive: bool,
    pub(super) debounce: Duration,
    pub(super) poll_interval: Duration,
    pub(super) polls_all: bool,
}

impl Settings {
    /// `None` where the clock does not go that far.
    fn next_look(&self) -> Option<Instant> {
        Instant::now().checked_add(self.poll_interval)
    }
}

pub(super) struct Watcher {
    context: Context,
    settings: Settings,
    /// `None` where no root is told of by the system.
    events: Option<Reader>,
    /// `None` where none is wanted.
    next_look: Option<Instant>,
    /// `None` once there is nothing to go on with.
    known: Option<Known>,
}

struct Known {
    tree: Option<Tree>,
    polled: Polled,
    pending: Pending,
}

/// What has happened while it was waited.
enum Woken {
    Read(Vec<u8>),
    TimeToLook,
}

impl Watcher {
    /// Watches these from now on.
    pub(super) async fn begin(
        context: Context,
        roots: Vec<PathBuf>,
        settings: Settings,
    ) -> io::Result<Self> {
        let watch = move || {
            let (mut told, mut looked_at) = (Vec::new(), Vec::new());
            for root in roots {
                match untold(&root)? {
                    Some(trust) => looked_at.push((root, trust)),
                    None if settings.polls_all => looked_at.push((root, Trust::All)),
                    None => told.push(root),
                }
            }
            let polled = Polled::new(looked_at, settings.recursive)?;
            if told.is_empty() {
                return Ok((None, polled));
            }
            let inotify = event::changes(&[])?;
            let events = inotify.try_clone()?;
            Ok((Some((events, Tree::watch(inotify, told, settings.recursive)?)), polled))
        };
        let (inotify, polled) = context.run("watch", watch).await?;
        let (events, tree) = match inotify {
            Some((events, tree)) => {
                let events = AioFile::from_std_in(&context, events)?;
                let events = Reader::new(events).chunk_size(READ_BYTES).read_ahead(0);
                (Some(events), Some(tree))
            }
            None => (None, None),
        };
        // What is there to begin with is no change.
        let (polled, mut pending) = polled.look(&context, Pending::default()).await?;
        pending.clear();
        let known = Some(Known { tree, polled, pending });
        let next_look = settings.next_look();
        Ok(Self { context, settings, events, next_look, known })
    }

    /// What has changed; `None` once nothing is watched any more.
    pub(super) async fn next(&mut self) -> Option<io::Result<Vec<Change>>> {
        loop {
            let Known { tree, polled, pending } = self.known.as_mut()?;
            let error = tree.as_mut().and_then(|tree| tree.errors.pop_front());
            if let Some(error) = error.or_else(|| polled.errors.pop_front()) {
                return Some(Err(error.into()));
            }
            if !pending.is_empty() {
                return Some(Ok(pending.take()));
            }
            if tree.as_ref().is_none_or(Tree::is_empty) && polled.is_empty() {
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
        match self.wait().await? {
            Woken::Read(bytes) => self.take_in(bytes).await?,
            Woken::TimeToLook => self.look().await?,
        }
        let is_changed = self.known.as_ref().is_some_and(|known| !known.pending.is_empty());
        if self.settings.debounce.is_zero() || !is_changed {
            return Ok(());
        }
        for _ in 0..WAITS_MAX {
            if self.is_full() || !self.collect_for_a_while().await? {
                break;
            }
        }
        Ok(())
    }

    async fn wait(&mut self) -> io::Result<Woken> {
        let is_polled = self.known.as_ref().is_some_and(|known| !known.polled.is_empty());
        let (context, until) = (&self.context, self.next_look);
        let time = async move {
            match until.filter(|_| is_polled) {
                Some(until) => {
                    sleep(context, until.saturating_duration_since(Instant::now())).await
                }
                None => pending().await,
            }
        };
        // The time first: events may come without end.
        match select(pin!(time), pin!(next_bytes(&mut self.events))).await {
            Either::Left((elapsed, _)) => elapsed.map(|()| Woken::TimeToLook),
            Either::Right((bytes, _)) => Ok(Woken::Read(bytes?)),
        }
    }

    /// Whether there was anything.
    async fn collect_for_a_while(&mut self) -> io::Result<bool> {
        let context = self.context.clone();
        let mut elapsed = pin!(sleep(&context, self.settings.debounce));
        let mut is_changed = false;
        loop {
            let bytes = match select(&mut elapsed, pin!(next_bytes(&mut self.events))).await {
                Either::Left((elapsed, _)) => {
                    elapsed?;
                    return Ok(is_changed);
                }
                Either::Right((bytes, _)) => bytes?,
            };
            is_changed = true;
            self.take_in(bytes).await?;
            if self.is_full() {
                return Ok(true);
            }
        }
    }

    async fn take_in(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let Some(mut known) = self.known.take() else { return Ok(()) };
        let apply = move || {
            if let Some(tree) = &mut known.tree {
                tree.apply(&bytes, &mut known.pending);
            }
            Ok(known)
        };
        self.known = Some(self.context.run("watch", apply).await?);
        Ok(())
    }

    async fn look(&mut self) -> io::Result<()> {
        let Some(Known { tree, polled, pending }) = self.known.take() else { return Ok(()) };
        let (polled, pending) = polled.look(&self.context, pending).await?;
        self.known = Some(Known { tree, polled, pending });
        self.next_look = self.settings.next_look();
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.known.as_ref().is_none_or(|known| known.pending.len() >= BATCH_MAX)
    }
}

/// What the system tells, where it is asked.
async fn next_bytes(events: &mut Option<Reader>) -> io::Result<Vec<u8>> {
    match events {
        Some(events) => Ok(events.next_chunk().await?.unwrap_or_default().into()),
        None => pending().await,
    }
}

async fn sleep(context: &Context, time: Duration) -> io::Result<()> {
    if !time.is_zero() {
        AioFile::from_std_in(context, event::timer(time)?)?.read_at(8, 0).await?;
    }
    Ok(())
}
