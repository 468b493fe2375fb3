//! A request that belongs to no context, for trying a backend out.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::completion::{Channels, Outcome, Receiver};
use crate::file::SharedFile;
use crate::op::Op;
use crate::request::{Finished, Owner, Reply, Request};
use crate::route::Route;

/// Waits for such a request.
#[derive(Debug)]
pub(crate) struct Answer(Receiver);

/// A request with nothing above it, and its other end.
pub(crate) fn request(op: Op, file: Option<&SharedFile>) -> (Request, Answer) {
    let owner = Arc::new(Detached { channels: Channels::default() });
    let (sender, receiver) = owner.channels.open();
    let reply = Reply::Future(sender);
    (Request::new(op, file.cloned(), owner, reply, Route::Backend), Answer(receiver))
}

/// Delivers every answer as it comes.
#[derive(Debug)]
struct Detached {
    channels: Channels,
}

impl Owner for Detached {
    fn retry(self: Arc<Self>, request: Request, _errno: i32) -> Option<Request> {
        Some(request)
    }

    fn finish(self: Arc<Self>, finished: Finished) {
        let Finished { outcome, file, reply, write, .. } = finished;
        if let (Some(file), Some(number)) = (&file, write) {
            file.writes().finish(number).into_iter().for_each(|deferred| deferred.run());
        }
        drop(file);
        if let Reply::Future(sender) = reply {
            sender.send(outcome, &self.channels);
        }
    }
}

impl Future for Answer {
    type Output = Outcome;

    fn poll(self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.0.poll(cx)
    }
}

impl Answer {
    /// Gives up the wait.
    #[cfg(test)]
    pub(crate) fn cancel(&self) -> Option<crate::request::Token> {
        self.0.cancel()
    }
}
