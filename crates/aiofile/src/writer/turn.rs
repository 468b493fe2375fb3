//! Turns in the order in which they were given out, whoever is polled first and whoever leaves.

use tokio::sync::oneshot::{Receiver, Sender, channel};

/// The end of a line of turns.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: Option<Before>,
}

/// Resolves when the turn before is over. One that was given up hands on what it waited for.
type Before = Receiver<Option<Waiting>>;

/// Boxed, since it holds another of its kind.
type Waiting = Box<Link>;

#[derive(Debug)]
struct Link(Before);

/// One place in the line. Its turn is over when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    before: Option<Before>,
    over: Option<Sender<Option<Waiting>>>,
}

impl Turns {
    /// A turn behind all those given out so far.
    pub(super) fn next(&mut self) -> Turn {
        let (over, receiver) = channel();
        let before = self.last.replace(receiver);
        Turn { before, over: Some(over) }
    }
}

impl Turn {
    /// Waits until all earlier turns are over.
    pub(super) async fn come(&mut self) {
        while let Some(before) = &mut self.before {
            self.before = before.await.ok().flatten().map(|link| link.0);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(over) = self.over.take() {
            // Where nobody waits there is nothing to hand on.
            let _ = over.send(self.before.take().map(|before| Box::new(Link(before))));
        }
    }
}
